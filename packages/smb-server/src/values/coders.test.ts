import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@ring3/kit';
import type { Coder, Progress } from '@ring3/smb-proto';
import { Coders } from './coders.ts';

/** A coder of so many steps, of which each takes some time. */
class Steps implements Coder {
  readonly consumed = 0;
  readonly written = 0;
  #left: number;
  readonly #step: () => void;
  readonly #end: Progress;

  constructor(steps: number, step: () => void, end: Progress = 'done') {
    this.#left = steps;
    this.#step = step;
    this.#end = end;
  }

  advance(): Progress {
    this.#step();
    return --this.#left > 0 ? 'more' : this.#end;
  }
}

function setUp() {
  const clock = new FakeClock();
  const turns: (() => void)[] = [];
  const coders = new Coders(clock, (call) => void turns.push(call));
  const log: string[] = [];
  const step = (name: string) => (): void => {
    log.push(name);
    clock.advance(1);
  };
  /** Runs one turn of the event loop. @returns the steps that it took */
  const turn = (): string => {
    log.length = 0;
    for (const call of turns.splice(0)) call();
    return log.join('');
  };
  return { coders, log, step, turn, turns };
}
const always = (): boolean => true;

test('a small message is done at once', () => {
  const { coders, step, turns } = setUp();
  strictEqual(coders.run('ann', new Steps(1, step('a')), always), true);
  strictEqual(coders.run('ann', new Steps(1, step('a'), 'failed'), always), false);
  strictEqual(turns.length, 0);
});

test('large messages of all users together take 2 ms of a turn, and users take turns', async () => {
  const { coders, log, step, turn, turns } = setUp();
  const results = [
    coders.run('ann', new Steps(3, step('a')), always),
    coders.run('ann', new Steps(3, step('A')), always),
    coders.run('bob', new Steps(3, step('b'), 'failed'), always),
  ];
  strictEqual(log.join(''), 'a', 'the first step of the first is at once');
  deepStrictEqual([turn(), turn(), turn(), turn()], ['ab', 'ab', 'Ab', 'AA']);
  strictEqual(turns.length, 0);
  deepStrictEqual(await Promise.all(results), [true, true, false]);
});

test('a result that is not wanted any more is not computed', async () => {
  const { coders, step, turn } = setUp();
  let wanted = true;
  const result = coders.run('ann', new Steps(5, step('a')), () => wanted);
  wanted = false;
  strictEqual(turn(), '');
  strictEqual(await result, false);
});
