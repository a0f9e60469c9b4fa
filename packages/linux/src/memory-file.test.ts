import assert from 'node:assert/strict';
import { fstatSync, readSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { close } from './close.ts';
import { openMemoryFile } from './memory-file.ts';

test('a memory file has its size, holds zeros, and keeps what is written (memfd_create(2))', () => {
  const fd = openMemoryFile('ring3-test', 4096);
  assert.ok(fd >= 0);
  assert.equal(fstatSync(fd).size, 4096);
  writeSync(fd, Uint8Array.of(1, 2, 3), 0, 3, 100);
  const read = Buffer.alloc(4);
  readSync(fd, read, 0, 4, 99);
  assert.deepEqual([...read], [0, 1, 2, 3]);
  assert.equal(close(fd), 0);
});
