import { ok, strictEqual } from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { fileDescriptors } from './file-descriptors.ts';

test('the limit of file descriptors and how many are open are known (proc(5), /proc/pid/limits)', () => {
  const before = fileDescriptors();
  ok(before !== undefined && before.open > 2 && before.limit >= before.open);
  const fd = openSync('/dev/null', 'r');
  strictEqual(fileDescriptors()?.open, before.open + 1);
  closeSync(fd);
});
