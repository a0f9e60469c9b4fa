import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, fakeLog, fakeMetrics } from '@ring3/kit';
import { LongTurns } from './long-turns.ts';

const block = (ms: number): void => {
  for (const until = performance.now() + ms; performance.now() < until; );
};

function make() {
  const log = fakeLog();
  const turns = new LongTurns(log);
  const metrics = fakeMetrics();
  metrics.show(turns.families());
  const count = (operation: string) => metrics.seen.get(`ring3_long_turns_total{operation="${operation}"}`) ?? 0;
  return { log, turns, count };
}

test('work of more than 50 ms is counted and logged by its name, also if it throws; shorter work is not', () => {
  const { log, turns, count } = make();
  turns.took('short', 50);
  strictEqual(
    turns.run('fine', () => 7),
    7,
  );
  turns.took('reload', 60);
  turns.took('reload', 70);
  deepStrictEqual([count('short'), count('fine'), count('reload')], [0, 0, 2]);
  deepStrictEqual(
    log.lines.map(({ what, fields }) => [what, fields['operation'], fields['ms'], fields['times']]),
    [['an operation blocked the event loop', 'reload', 60, 1]],
    'the second one follows in the next line, after five seconds',
  );
  try {
    turns.run('failing', () => {
      block(55);
      throw new Error('it fails');
    });
  } catch {}
  strictEqual(count('failing'), 1);
});

test('timers of a clock are measured under its name', () => {
  const { turns, count } = make();
  const clock = new FakeClock();
  const watched = turns.clock(clock, 'timer of a part');
  let called = 0;
  watched.after(10, () => {
    called++;
    block(55);
  });
  watched.after(10, () => called++).clear();
  clock.advance(20);
  strictEqual(watched.now(), clock.now());
  deepStrictEqual([called, count('timer of a part')], [1, 1]);
});

test('a long turn while an operation waits is attributed to it, unless it was reported under another name', async () => {
  const { turns, count } = make();
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  await turns.follow('reload', async () => {
    await turn();
    block(120);
    await turn();
  });
  strictEqual(count('reload') >= 1, true);
  const before = count('reload');
  await turns.follow('other', async () => {
    await turn();
    turns.run('reload', () => block(60));
    await turn();
  });
  strictEqual(count('reload'), before + 1);
});
