import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, systemRandom } from '@ring3/kit';
import { Ids } from './ids.ts';

test('a later start has none of the numbers of an earlier one, and all are below 2^53', () => {
  const clock = new FakeClock();
  const first = new Ids(clock, systemRandom());
  let last = 0;
  for (let i = 0; i < 65_536; i++) last = first.next();
  clock.advance(32);
  const second = new Ids(clock, systemRandom());
  assert.ok(second.next() > last);
  assert.ok(Number.isSafeInteger(last));
});

test('a number that is in use is not assigned again, even if the clock was set back', () => {
  const ids = new Ids(new FakeClock(), systemRandom());
  const used = ids.next() + 10;
  ids.beyond(used);
  assert.equal(ids.next(), used + 1);
  ids.beyond(used - 5);
  assert.equal(ids.next(), used + 2);
});
