import { strictEqual } from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Errno } from '../errno.ts';
import { FlockOperation, flock } from './flock.ts';

test('a folder is locked by one opening at a time, until that is closed (flock(2))', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-flock-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [first, second] = [openSync(folder, 'r'), openSync(folder, 'r')];
  strictEqual(flock(first, FlockOperation.Exclusive), 0);
  strictEqual(flock(second, FlockOperation.Shared), -Errno.EAGAIN);
  strictEqual(flock(first, FlockOperation.Unlock), 0);
  strictEqual(flock(second, FlockOperation.Exclusive), 0);
  strictEqual(flock(first, FlockOperation.Exclusive), -Errno.EAGAIN);
  closeSync(second);
  strictEqual(flock(first, FlockOperation.Exclusive), 0);
  closeSync(first);
  strictEqual(flock(first, FlockOperation.Exclusive), -Errno.EBADF);
});
