import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLog, createPrettyLog } from './log.ts';

test('a log whose disk is full stops nobody', async (t) => {
  const fd = openSync('/dev/full', 'w');
  t.after(() => closeSync(fd));
  for (const create of [createLog, createPrettyLog]) {
    const log = await create({ fd });
    for (let i = 0; i < 100; i++) log.warn('a line', { text: 'x'.repeat(50_000) });
  }
});

test('lines that a descriptor does not take wait in order, and the number of lost lines is logged', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-log-'));
  const path = join(folder, 'log');
  const fd = openSync(path, 'a+');
  t.after(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let full = true;
  const log = await createLog({ fd, isWritable: () => !full });
  for (let n = 0; n < 300; n++) log.warn(`line ${n}`, { text: 'x'.repeat(5000) });
  t.mock.timers.tick(250);
  assert.equal(readFileSync(path).length, 0);
  full = false;
  t.mock.timers.tick(250);
  const lines = readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { msg: string; lines?: number });
  const kept = lines.length - 1;
  assert.ok(kept > 150 && kept < 300, `${kept} lines kept`);
  assert.deepEqual(
    lines.slice(0, kept).map(({ msg }) => msg),
    Array.from({ length: kept }, (_, n) => `line ${n}`),
  );
  assert.equal(lines.at(-1)?.lines, 300 - kept);
  log.info('after');
  assert.match(readFileSync(path, 'utf8'), /"msg":"after"\}\n$/);
});
