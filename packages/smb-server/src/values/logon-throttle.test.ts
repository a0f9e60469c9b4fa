import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@ring3/kit';
import { LogonThrottle } from './logon-throttle.ts';

const interval = 250;

/** Guesses as fast as it may, with the maximum number at a time. @returns how many were checked in a minute */
function guesses(throttle: LogonThrottle, clock: FakeClock, user: (i: number) => string, address: (i: number) => string): number {
  let count = 0;
  for (let i = 0; i < 60_000; i++) {
    if (i % 10 === 0) clock.advance(10);
    if (throttle.attempt(user(i), address(i), interval) !== undefined) count++;
  }
  return count;
}

test('guesses at one name from one address: a few at once, then one for each interval', () => {
  const clock = new FakeClock();
  const count = guesses(
    new LogonThrottle(clock),
    clock,
    () => 'Ann',
    () => '192.0.2.1',
  );
  ok(count >= 240 && count <= 240 + 8 + 9, `${count}`);
});

test('guesses at many names from one address share one rate, after one for each name', () => {
  const clock = new FakeClock();
  const count = guesses(
    new LogonThrottle(clock),
    clock,
    (i) => `user ${i % 100}`,
    () => '192.0.2.1',
  );
  ok(count <= 100 + 240 + 32 + 9, `${count}`);
});

test('a guesser does not lock the user out, nor others at the same address', () => {
  const clock = new FakeClock();
  const throttle = new LogonThrottle(clock);
  guesses(
    throttle,
    clock,
    () => 'ann',
    () => '192.0.2.1',
  );
  strictEqual(throttle.attempt('ann', '192.0.2.1', interval), undefined, 'where the guesses come from, their next is refused');
  const elsewhere = throttle.attempt('ann', '192.0.2.2', interval);
  ok(elsewhere !== undefined && elsewhere <= 2000);
  strictEqual(throttle.attempt('bob', '192.0.2.1', interval), 0);
  throttle.succeeded('bob', '192.0.2.1', interval);
  for (let i = 0; i < 100; i++) {
    strictEqual(throttle.attempt('bob', '192.0.2.1', interval), 0, 'he is known there');
    throttle.succeeded('bob', '192.0.2.1', interval);
  }
});

test('guesses from thousands of addresses wait, but delay the user only at addresses where it never logged on', () => {
  const clock = new FakeClock();
  const throttle = new LogonThrottle(clock);
  strictEqual(throttle.attempt('ann', '192.0.2.1', interval), 0);
  throttle.succeeded('ann', '192.0.2.1', interval);
  let last: number | undefined = 0;
  for (let i = 0; i < 5000; i++) last = throttle.attempt('ann', `198.51.100.${i}`, interval);
  strictEqual(last, 2000);
  strictEqual(throttle.attempt('ann', '203.0.113.1', interval), 2000, 'slower, never refused');
  strictEqual(throttle.attempt('ann', '192.0.2.1', interval), 0);
});

test('an interval of 0 means no limit, and correct attempts cost nothing', () => {
  const clock = new FakeClock();
  const throttle = new LogonThrottle(clock);
  for (let i = 0; i < 1000; i++) strictEqual(throttle.attempt('ann', 'a', 0), 0);
  const waits = new Set<number | undefined>();
  for (let i = 0; i < 1000; i++) {
    waits.add(throttle.attempt('ann', 'a', interval));
    throttle.succeeded('ann', 'a', interval);
  }
  deepStrictEqual([...waits], [0]);
});
