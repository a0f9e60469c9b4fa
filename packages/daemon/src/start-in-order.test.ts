import { deepStrictEqual, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { StepError, startInOrder } from './start-in-order.ts';

const steps = (seen: string[], failing?: string) =>
  ['a', 'b', 'c'].map((name) => ({
    name,
    start: () => {
      if (name === failing) throw new Error(`no ${name}`);
      seen.push(`+${name}`);
      return async () => void seen.push(`-${name}`);
    },
  }));

test('steps start in order and are undone in the reverse order', async () => {
  const seen: string[] = [];
  await (await startInOrder(steps(seen)))();
  deepStrictEqual(seen, ['+a', '+b', '+c', '-c', '-b', '-a']);
});

for (const [failing, left] of [
  ['a', []],
  ['b', ['+a', '-a']],
  ['c', ['+a', '+b', '-b', '-a']],
] as const) {
  test(`when step ${failing} fails, the steps before it are undone in exactly the reverse order, and the error names it`, async () => {
    const seen: string[] = [];
    await rejects(
      startInOrder(steps(seen, failing)),
      (error) => error instanceof StepError && error.step === failing && error.message === `no ${failing}`,
    );
    deepStrictEqual(seen, left);
  });
}
