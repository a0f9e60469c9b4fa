import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { Budget } from './budget.ts';

test('a waiter is woken once the limit is no longer exceeded, and only then', () => {
  const budget = new Budget(100);
  const account = budget.join('a');
  const woken: string[] = [];
  const wake = (): void => void woken.push('a');
  strictEqual(budget.change(account, 101), true);
  budget.wait(wake);
  budget.wait(wake);
  strictEqual(budget.change(account, 10), true);
  deepStrictEqual(woken, []);
  strictEqual(budget.change(account, -20), false);
  deepStrictEqual(woken, ['a']);
  budget.wait(wake);
  budget.forget(wake);
  budget.change(account, -91);
  deepStrictEqual(woken, ['a']);
  strictEqual(budget.held, 0);
});

test('beyond the limit only accounts above their share wait, and of these no connection that holds little', () => {
  const budget = new Budget(10_000_000);
  const [greedy, modest] = [budget.join('greedy'), budget.join('modest')];
  budget.change(greedy, 6_000_000);
  budget.change(greedy, 3_000_000);
  budget.change(modest, 2_000_000);
  deepStrictEqual([budget.over, budget.share], [true, 5_000_000]);
  strictEqual(budget.exceeds(greedy, 6_000_000), true);
  strictEqual(budget.exceeds(greedy, 1000), false);
  strictEqual(budget.exceeds(modest, 2_000_000), false);
  budget.change(modest, -2_000_000);
  deepStrictEqual([budget.over, budget.exceeds(greedy, 6_000_000)], [false, false]);
});

test('connections of one user are one account', () => {
  const budget = new Budget(100);
  const [first, second] = [budget.join('ann'), budget.join('ann')];
  strictEqual(first, second);
  budget.leave(first);
  strictEqual(budget.join('ann'), second);
});
