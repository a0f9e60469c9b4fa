import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isWritable } from './index.ts';

test('a pipe is writable until it is full, and again when it was read (poll(2))', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-writable-'));
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  t.after(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });
  assert.equal(isWritable(fd), true);
  let written = 0;
  while (isWritable(fd)) written += writeSync(fd, Buffer.alloc(4096));
  assert.ok(written >= 4096, `${written} bytes until the pipe was full`);
  for (const buffer = Buffer.alloc(4096); written > 0; ) written -= readSync(fd, buffer);
  assert.equal(isWritable(fd), true);
});

test('a regular file and /dev/full are always writable', (t) => {
  const fd = openSync('/dev/full', 'w');
  t.after(() => closeSync(fd));
  assert.equal(isWritable(fd), true);
});
