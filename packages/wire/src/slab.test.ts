import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { Slab } from './slab.ts';

test('frames of any size are zeros and share no byte', () => {
  const slab = new Slab();
  const lengths = Array.from({ length: 400 }, (_, i) => (i * 37) % 700);
  const frames = lengths.map((length, i) => {
    const frame = slab.alloc(length);
    ok(frame.bytes.every((byte) => byte === 0));
    frame.bytes.fill(i & 0xff);
    return frame;
  });
  for (const [i, frame] of frames.entries()) {
    strictEqual(frame.length, lengths[i]);
    deepStrictEqual([frame.view.byteOffset, frame.view.byteLength], [frame.bytes.byteOffset, frame.bytes.byteLength]);
    ok(frame.bytes.every((byte) => byte === (i & 0xff)));
  }
});

test('small frames share memory, large ones have their own', () => {
  const slab = new Slab();
  const [first, second, large] = [slab.alloc(100), slab.alloc(100), slab.alloc(1000)];
  strictEqual(first.bytes.buffer, second.bytes.buffer);
  strictEqual(large.bytes.buffer.byteLength, 1000);
});
