import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clockIsKept } from './clock.ts';

test('whether the clock is kept right is asked without any right, and changes nothing (adjtimex(2))', () => {
  const before = clockIsKept();
  assert.equal(typeof before, 'boolean');
  assert.equal(clockIsKept(), before);
});
