import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { Quota } from './quota.ts';

/** Takes as much as it may. */
function takeAll(quota: Quota, owner: string): number {
  while (quota.may(owner)) quota.add(owner);
  return quota.of(owner);
}

test('one user gets four fifths, and however much others took, some is left for the next', () => {
  const quota = new Quota(() => 9000);
  strictEqual(takeAll(quota, 'first'), 7200);
  deepStrictEqual([takeAll(quota, 'second'), takeAll(quota, 'third')], [1440, 288]);
  quota.remove('first', 6200);
  strictEqual(quota.may('first'), true);
  strictEqual(takeAll(quota, 'fourth') > 1000, true);
  strictEqual(quota.total <= 9000, true);
});

test('a small limit can be used up by one user', () => {
  for (const limit of [1, 2, 3]) strictEqual(takeAll(new Quota(() => limit), 'only'), limit);
});

test('several are taken together or not at all; what is released counts', () => {
  const quota = new Quota(() => 10);
  strictEqual(quota.may('a', 11), false);
  strictEqual(quota.may('a', 8), true);
  quota.add('a', 8);
  strictEqual(quota.may('a'), false);
  strictEqual(quota.may('a', 1, 1), true);
  quota.remove('a', 8);
  deepStrictEqual([quota.total, quota.of('a')], [0, 0]);
});
