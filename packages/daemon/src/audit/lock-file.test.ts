import { deepStrictEqual, throws } from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockFile } from './lock-file.ts';

test('a path is locked by one holder at a time, and nothing stays after the release', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-lock-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'it.lock');
  const release = lockFile(path);
  throws(() => lockFile(path), { message: 'another ring3 writes it: choose another path' });
  release();
  deepStrictEqual(readdirSync(folder), []);
  writeFileSync(path, ''); // of a process that was killed
  lockFile(path)();
  deepStrictEqual(readdirSync(folder), []);
});
