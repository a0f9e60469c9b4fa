import { deepStrictEqual, match, ok, strictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { Histogram, Registry } from 'prom-client';
import { counterOf, createMetrics, type FamilyValues, fakeMetrics, gaugeOf, histogramOf, noMetrics, type Value } from './metrics.ts';

const valuesOf = (families: readonly FamilyValues[], name: string): readonly Value[] =>
  families.find((family) => family.name === name)?.values ?? [];

test('a family is read when somebody looks, and no longer shown when it is disposed of', async () => {
  const metrics = createMetrics();
  let reads = 0;
  let count = 1;
  const shown = metrics.show([
    counterOf('bytes_total', 'Bytes.', ['direction'], function* () {
      reads++;
      yield [count, 'in'];
      yield [2, 'out'];
    }),
    gaugeOf('sessions', 'Sessions.', [], () => [[7]]),
  ]);
  strictEqual(reads, 0);
  count = 5;
  match(
    await metrics.text(),
    /^# HELP bytes_total Bytes\.\n# TYPE bytes_total counter\nbytes_total\{direction="in"\} 5\nbytes_total\{direction="out"\} 2$/m,
  );
  match(await metrics.text(), /^sessions 7$/m);
  strictEqual(reads, 2);
  shown[Symbol.dispose]();
  shown[Symbol.dispose]();
  strictEqual((await metrics.text()).trim(), '');
});

test('buckets of a histogram count all below, and its text says the same as the library makes of the same observations', async () => {
  const metrics = createMetrics();
  metrics.show([histogramOf('seconds', 'Times.', ['command'], [0.5, 1], () => [[{ counts: [2, 1, 4], sum: 9.5 }, 'echo']])]);
  const registry = new Registry();
  const histogram = new Histogram({ name: 'seconds', help: 'Times.', buckets: [0.5, 1], labelNames: ['command'], registers: [registry] });
  for (const value of [0.25, 0.5, 0.75, 1.5, 1.5, 2, 3]) histogram.observe({ command: 'echo' }, value);
  const linesOf = (text: string): string[] =>
    text
      .trim()
      .split('\n')
      .map((line) => line.replace(/\{(.*)\}/, (_all, list: string) => `{${list.split(',').sort()}}`));
  deepStrictEqual(linesOf(await metrics.text()), linesOf(await registry.metrics()));
  deepStrictEqual(valuesOf(await metrics.values(), 'seconds')[1], {
    name: 'seconds_bucket',
    labels: { command: 'echo', le: '1' },
    value: 3,
  });
});

test('families of one name add up label by label, and stay apart where they are something else', async () => {
  for (const metrics of [createMetrics(), fakeMetrics()]) {
    const server = (count: number, label: string) => counterOf('n_total', 'Of each.', ['a'], () => [[count, label]]);
    const first = metrics.show([server(1, 'x')]);
    metrics.show([server(2, 'x'), histogramOf('h', 'H.', [], [1], () => [[{ counts: [1, 0], sum: 1 }]])]);
    metrics.show([server(4, 'y'), histogramOf('h', 'H.', [], [1], () => [[{ counts: [0, 2], sum: 5 }]])]);
    const now = (families: readonly FamilyValues[], name: string) => valuesOf(families, name).map(({ value }) => value);
    deepStrictEqual(now(await metrics.values(), 'n_total'), [3, 4]);
    deepStrictEqual(now(await metrics.values(), 'h'), [1, 3, 6, 3]);
    throws(
      () => metrics.show([gaugeOf('left', 'Taken back.', [], () => [[1]]), gaugeOf('n_total', 'Other.', ['a'], () => [])]),
      RangeError,
    );
    throws(() => metrics.show([histogramOf('h', 'H.', [], [2], () => [])]), RangeError);
    deepStrictEqual(now(await metrics.values(), 'left'), []);
    first[Symbol.dispose]();
    deepStrictEqual(now(await metrics.values(), 'n_total'), [2, 4]);
  }
});

test('labels keep what clients may have put into them', async () => {
  const metrics = createMetrics();
  metrics.show([gaugeOf('opens', 'Opens.', ['share'], () => [[1, 'a"b\\c\nd']])]);
  match(await metrics.text(), /^opens\{share="a\\"b\\\\c\\nd"\} 1$/m);
});

test('numbers of the process are there where they are asked for', async () => {
  const names = (await createMetrics({ process: true }).values()).map(({ name }) => name);
  for (const name of ['process_resident_memory_bytes', 'process_cpu_seconds_total', 'nodejs_eventloop_lag_p99_seconds'])
    ok(names.includes(name), name);
  strictEqual((await createMetrics().values()).length, 0);
});

test('fake metrics show what is read; those that nobody keeps cost nothing and say nothing', async () => {
  const fake = fakeMetrics();
  fake.show([histogramOf('h', 'H.', ['c'], [1], () => [[{ counts: [1, 1], sum: 3 }, 'd']])]);
  strictEqual(fake.seen.get('h_count{c="d"}'), 2);
  noMetrics
    .show([
      gaugeOf('never', 'Never read.', [], () => {
        throw new Error('read');
      }),
    ])
    [Symbol.dispose]();
  strictEqual(await noMetrics.text(), '');
  deepStrictEqual(await noMetrics.values(), []);
});
