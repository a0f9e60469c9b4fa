import { deepStrictEqual, rejects, strictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { runSteps, type Steps, wait } from './steps.ts';

function* sum(values: readonly (number | Promise<number>)[]): Steps<number> {
  let total = 0;
  for (const value of values) total += yield* wait(value);
  return total;
}

test('steps whose values are all there run at once', () => {
  strictEqual(runSteps(sum([1, 2, 3])), 6);
});

test('steps wait for what is promised, in order', async () => {
  strictEqual(await runSteps(sum([1, Promise.resolve(2), 3, Promise.resolve(4)])), 10);
});

test('a rejection is thrown where it was waited for, and can be caught there', async () => {
  const seen: string[] = [];
  function* caught(): Steps<string> {
    try {
      yield* wait(Promise.reject(new Error('no')));
    } catch (error) {
      seen.push((error as Error).message);
    } finally {
      seen.push('finally');
    }
    return 'on';
  }
  strictEqual(await runSteps(caught()), 'on');
  deepStrictEqual(seen, ['no', 'finally']);
  await rejects(async () => runSteps(sum([Promise.reject(new Error('no'))])));
  throws(() =>
    runSteps(
      (function* (): Steps<void> {
        yield* wait(1);
        throw new Error('at once');
      })(),
    ),
  );
});
