import { ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { BufferPool } from './buffer-pool.ts';

test('a returned buffer is reused, and is always large enough', () => {
  const pool = new BufferPool();
  for (const length of [1, 4096, 4097, 65536, 65537, 8 * 1024 * 1024]) {
    const buffer = pool.take(length);
    ok(buffer.length >= length && buffer.length < Math.max(8192, length * 2));
    pool.give(buffer);
    strictEqual(pool.take(length), buffer);
  }
});

test('the pool keeps no more than its limit', () => {
  const pool = new BufferPool(8192);
  const [first, second, third] = [pool.take(4096), pool.take(4096), pool.take(4096)];
  for (const buffer of [first, second, third]) pool.give(buffer);
  const again = new Set([pool.take(4096), pool.take(4096), pool.take(4096)]);
  ok(again.has(first) && again.has(second) && !again.has(third));
});
