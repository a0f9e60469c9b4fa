import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { Budget } from './budget.ts';

test('who waits for room is woken once there is some, and only then', () => {
  const budget = new Budget(100);
  const woken: string[] = [];
  const wake = (): void => void woken.push('a');
  strictEqual(budget.change(101), true);
  budget.wait(wake);
  budget.wait(wake);
  strictEqual(budget.change(10), true);
  deepStrictEqual(woken, []);
  strictEqual(budget.change(-20), false);
  deepStrictEqual(woken, ['a']);
  budget.wait(wake);
  budget.forget(wake);
  budget.change(-91);
  deepStrictEqual(woken, ['a']);
  strictEqual(budget.held, 0);
});
