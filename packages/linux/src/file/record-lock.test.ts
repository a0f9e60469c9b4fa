import { strictEqual } from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Errno } from '../errno.ts';
import { lockRecord, RecordLock } from './record-lock.ts';

test('a range is locked by one open file description at a time, up to the largest offset, until that is closed (fcntl(2) F_OFD_SETLK)', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-record-lock-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'file');
  const [first, second] = [openSync(path, 'w+'), openSync(path, 'r')];
  const max = 2n ** 63n - 1n;
  strictEqual(lockRecord(first, RecordLock.Write, 10n, 10n), 0);
  strictEqual(lockRecord(first, RecordLock.Read, max - 1n, 1n), 0);
  for (const [start, length, answer] of [
    [0n, 10n, 0],
    [19n, 1n, -Errno.EAGAIN],
    [20n, 100n, 0],
    [max - 1n, 0n, 0],
  ] as const)
    strictEqual(lockRecord(second, RecordLock.Read, start, length), answer, String(start));
  strictEqual(lockRecord(second, RecordLock.Write, 500n, 1n), -Errno.EBADF, 'not open for writing');
  closeSync(first);
  strictEqual(lockRecord(second, RecordLock.Read, 10n, 10n), 0);
  closeSync(second);
});
