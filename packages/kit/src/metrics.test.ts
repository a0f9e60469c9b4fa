import { deepStrictEqual, match, ok, strictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { counterOf, createMetrics, type FamilyValues, fakeMetrics, gaugeOf, histogramOf, noMetrics, type Value } from './metrics.ts';

const valuesOf = (families: readonly FamilyValues[], name: string): readonly Value[] =>
  families.find((family) => family.name === name)?.values ?? [];

test('a number that is told comes out as Prometheus text and as values, and asked for twice it is the same one', async () => {
  const metrics = await createMetrics();
  for (const command of ['close', 'close', 'echo']) metrics.counter('requests_total', 'Requests.', ['command']).add(1, { command });
  metrics.gauge('level', 'A level.').set(3);
  metrics.histogram('seconds', 'Times.', [1, 2]).observe(1.5);
  match(await metrics.text(), /^requests_total\{command="close"\} 2$/m);
  const values = await metrics.values();
  deepStrictEqual(valuesOf(values, 'requests_total')[0], { name: 'requests_total', labels: { command: 'close' }, value: 2 });
  deepStrictEqual(
    valuesOf(values, 'seconds').map(({ name, labels, value }) => [name, labels, value]),
    [
      ['seconds_bucket', { le: '1' }, 0],
      ['seconds_bucket', { le: '2' }, 1],
      ['seconds_bucket', { le: '+Inf' }, 1],
      ['seconds_sum', {}, 1.5],
      ['seconds_count', {}, 1],
    ],
  );
});

test('a family is read when somebody looks, and no longer shown when it is disposed of', async () => {
  const metrics = await createMetrics();
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

test('buckets of a histogram that is read count all below, and its text says the same as that of one that is told', async () => {
  const read = await createMetrics();
  read.show([histogramOf('seconds', 'Times.', ['command'], [0.5, 1], () => [[{ counts: [2, 1, 4], sum: 9.5 }, 'echo']])]);
  const told = await createMetrics();
  const histogram = told.histogram('seconds', 'Times.', [0.5, 1], ['command']);
  for (const value of [0.25, 0.5, 0.75, 1.5, 1.5, 2, 3]) histogram.observe(value, { command: 'echo' });
  const linesOf = (text: string): string[] =>
    text
      .trim()
      .split('\n')
      .map((line) => line.replace(/\{(.*)\}/, (_all, list: string) => `{${list.split(',').sort()}}`));
  deepStrictEqual(linesOf(await read.text()), linesOf(await told.text()));
});

test('families of one name add up label by label, and stay apart where they are something else', async () => {
  for (const metrics of [await createMetrics(), fakeMetrics()]) {
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
  const metrics = await createMetrics();
  metrics.show([gaugeOf('opens', 'Opens.', ['share'], () => [[1, 'a"b\\c\nd']])]);
  match(await metrics.text(), /^opens\{share="a\\"b\\\\c\\nd"\} 1$/m);
});

test('numbers of the process are there where they are asked for', async () => {
  const names = (await (await createMetrics({ process: true })).values()).map(({ name }) => name);
  for (const name of ['process_resident_memory_bytes', 'process_cpu_seconds_total', 'nodejs_eventloop_lag_p99_seconds'])
    ok(names.includes(name), name);
  strictEqual((await (await createMetrics()).values()).length, 0);
});

test('fake metrics show what was told and what is read; those that nobody keeps cost nothing and say nothing', async () => {
  const fake = fakeMetrics();
  fake.counter('n', '').add(1, { a: 'b' });
  fake.gauge('g', '').set(4);
  fake.show([histogramOf('h', 'H.', ['c'], [1], () => [[{ counts: [1, 1], sum: 3 }, 'd']])]);
  strictEqual(fake.seen.get('n{a="b"}'), 1);
  strictEqual(fake.seen.get('g'), 4);
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
