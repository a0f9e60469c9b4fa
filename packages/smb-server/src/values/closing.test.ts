import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@ring3/kit';
import { Closing } from './closing.ts';

test('few objects are closed at once; many in slices, in order, and the promise waits for the last', async () => {
  let now = 0;
  const clock = Object.assign(new FakeClock(), { now: () => (now += 0.5) });
  const turns: (() => void)[] = [];
  const closing = new Closing(clock, (call) => void turns.push(call));
  const closed: number[] = [];
  const close = (i: number): void => void closed.push(i);
  strictEqual(closing.each([1, 2, 3], close), undefined);
  deepStrictEqual(closed.splice(0), [1, 2, 3]);
  const many = Array.from({ length: 1000 }, (_, i) => i);
  const done = closing.each(many, close);
  const after = closing.each([1000], close);
  ok(done instanceof Promise && after instanceof Promise);
  strictEqual(closed.length, 0, 'too many for this turn');
  let slices = 0;
  for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) {
    const before = closed.length;
    turn();
    if (closed.length > before) slices++;
  }
  await Promise.all([done, after]);
  ok(slices > 10, `${slices} slices`);
  deepStrictEqual(closed, [...many, 1000]);
});
