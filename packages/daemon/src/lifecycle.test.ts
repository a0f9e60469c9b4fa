import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { Lifecycle } from './lifecycle.ts';
import { StepError } from './start-in-order.ts';

/** A lifecycle of one step that waits to be let go, and what was done so far. */
function make() {
  const done: string[] = [];
  const waiting: (() => void)[] = [];
  const pause = (): Promise<void> => new Promise((resolve) => waiting.push(resolve));
  let failure: Error | undefined;
  const lifecycle = new Lifecycle(() => [
    {
      name: 'transport',
      start: async () => {
        done.push('start');
        await pause();
        if (failure !== undefined) throw failure;
        return async () => {
          done.push('end');
          await pause();
        };
      },
    },
  ]);
  /** Resolves when the step waits. */
  const paused = async (): Promise<void> => {
    for (let turns = 0; waiting.length === 0; turns++) {
      ok(turns < 100, 'nothing waits');
      await Promise.resolve();
    }
  };
  /** Lets the step go on that waits now, or that waits next. */
  const go = async (): Promise<void> => {
    await paused();
    waiting.shift()?.();
  };
  const fail = (error?: Error): void => {
    failure = error;
  };
  return { lifecycle, done, paused, go, fail };
}

test('init makes it running, a hard kill resets it, and it ends in startup, where it can be initialised again', async () => {
  const { lifecycle, done, paused, go } = make();
  strictEqual(lifecycle.state, 'startup');
  const init = lifecycle.init();
  await go();
  await init;
  strictEqual(lifecycle.state, 'running');
  const reset = lifecycle.reset();
  await paused();
  strictEqual(lifecycle.state, 'reset');
  await go();
  await reset;
  strictEqual(lifecycle.state, 'startup');
  const again = lifecycle.init();
  await go();
  await again;
  strictEqual(lifecycle.state, 'running');
  deepStrictEqual(done, ['start', 'end', 'start']);
});

test('control work is handled strictly one at a time: two resets never interleave', async () => {
  const { lifecycle, done, go } = make();
  const all = [lifecycle.init(), lifecycle.reset(), lifecycle.reset(), lifecycle.init(), lifecycle.reset()];
  for (let i = 0; i < 4; i++) await go();
  await Promise.all(all);
  deepStrictEqual(done, ['start', 'end', 'start', 'end']);
  strictEqual(lifecycle.state, 'startup');
});

test('what runs already is not initialised again', async () => {
  const { lifecycle, go } = make();
  const init = lifecycle.init();
  await go();
  await init;
  await rejects(lifecycle.init(), /^Error: the file server runs already$/);
  strictEqual(lifecycle.state, 'running');
});

test('a transport that cannot start queues a reset instead of running half-open', async () => {
  const { lifecycle, done, go, fail } = make();
  fail(new Error('the port is in use'));
  const init = lifecycle.init();
  await go();
  await rejects(init, (error) => error instanceof StepError && error.step === 'transport' && error.message === 'the port is in use');
  fail();
  const again = lifecycle.init();
  await go();
  await again;
  strictEqual(lifecycle.state, 'running');
  deepStrictEqual(done, ['start', 'start']);
});

test('it leaves once: from then on the state is shutdown, and other control work is refused', async () => {
  const { lifecycle, done, paused, go } = make();
  const init = lifecycle.init();
  await paused();
  const leaving = lifecycle.shutdown(() => void done.push('drained'));
  strictEqual(lifecycle.state, 'shutdown', 'at once, although a start is in progress');
  await go();
  await init;
  strictEqual(lifecycle.state, 'shutdown');
  await rejects(lifecycle.reset(), /^Error: ring3 is shutting down$/);
  strictEqual(lifecycle.shutdown(), leaving);
  await go();
  await leaving;
  deepStrictEqual(done, ['start', 'drained', 'end']);
  await rejects(lifecycle.init(), /^Error: ring3 is shutting down$/);
});

test('one that begins to leave during a reset stays in shutdown', async () => {
  const { lifecycle, paused, go } = make();
  const init = lifecycle.init();
  await go();
  await init;
  const reset = lifecycle.reset();
  await paused();
  const leaving = lifecycle.shutdown();
  await go();
  await reset;
  strictEqual(lifecycle.state, 'shutdown');
  await leaving;
});
