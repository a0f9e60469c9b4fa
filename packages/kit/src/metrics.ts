import type { Metric, Registry } from 'prom-client';

/** Names to values; the set of names of one metric never changes. */
export type Labels = Readonly<Record<string, string>>;

/** A number that only grows. */
export interface Counter {
  add(by?: number, labels?: Labels): void;
}
/** A number that goes up and down. */
export interface Gauge {
  set(value: number, labels?: Labels): void;
  add(by: number, labels?: Labels): void;
}
/** Counts of observations by size. */
export interface Histogram {
  observe(value: number, labels?: Labels): void;
}

/** Observations by size, as a histogram keeps them. */
export interface Distribution {
  /** How many lie in each bucket, not cumulative; behind the last bound there is one bucket more. */
  readonly counts: ArrayLike<number>;
  /** All observations, added up. */
  readonly sum: number;
}

/** One member of a family: its value, then its labels in the order of the family's. */
export type Sample<V> = readonly [value: V, ...labels: string[]];

interface FamilyOf<T extends 'counter' | 'gauge' | 'histogram', V> {
  readonly type: T;
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly read: () => Iterable<Sample<V>>;
}
/** Numbers of one name that are read when somebody looks: where they are made they cost what adding to a field costs. */
export type Family =
  | FamilyOf<'counter', number>
  | FamilyOf<'gauge', number>
  | (FamilyOf<'histogram', Distribution> & { readonly bounds: readonly number[] });

/** Numbers that only grow. By convention the name ends in `_total`. */
export const counterOf = (name: string, help: string, labels: readonly string[], read: () => Iterable<Sample<number>>): Family => ({
  type: 'counter',
  name,
  help,
  labels,
  read,
});

/** Numbers that go up and down. */
export const gaugeOf = (name: string, help: string, labels: readonly string[], read: () => Iterable<Sample<number>>): Family => ({
  type: 'gauge',
  name,
  help,
  labels,
  read,
});

/** Observations by size. @param bounds upper ends of the buckets, growing */
export const histogramOf = (
  name: string,
  help: string,
  labels: readonly string[],
  bounds: readonly number[],
  read: () => Iterable<Sample<Distribution>>,
): Family => ({ type: 'histogram', name, help, labels, bounds, read });

/** One number as somebody sees it. */
export interface Value {
  /** The family's name; of a histogram with `_bucket`, `_sum` or `_count` behind it. */
  readonly name: string;
  /** Of a bucket also `le`: its upper end, all below counted in. */
  readonly labels: Labels;
  readonly value: number;
}
/** A family as somebody sees it. */
export interface FamilyValues {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly values: readonly Value[];
}

/** Where numbers go. One call where it happens; whoever shows them lists them by itself. */
export interface Metrics {
  /** A number that is told when it changes; asked for twice by one name it is the same one. So are the next two. */
  counter(name: string, help: string, labels?: readonly string[]): Counter;
  gauge(name: string, help: string, labels?: readonly string[]): Gauge;
  histogram(name: string, help: string, buckets: readonly number[], labels?: readonly string[]): Histogram;
  /**
   * Shows families until that is disposed of. Several may share a name, as those of two servers do: what they read is added up, label by label.
   * @throws RangeError where the name is shown with another type, other labels or other buckets
   */
  show(families: readonly Family[]): Disposable;
  /** Prometheus text format, version 0.0.4. */
  text(): Promise<string>;
  /** The same as values, for JSON. */
  values(): Promise<readonly FamilyValues[]>;
}

/** All families of one name. */
class Shown {
  readonly sources: Set<Family> = new Set();
  readonly first: Family;

  constructor(first: Family) {
    this.first = first;
  }

  /** @throws RangeError */
  add(family: Family): void {
    if (shapeOf(family) !== shapeOf(this.first)) throw new RangeError(`${family.name} is shown as something else already`);
    this.sources.add(family);
  }

  get name(): string {
    return this.first.name;
  }

  now(): FamilyValues {
    const { name, help, type } = this.first;
    return { name, help, type, values: this.#values() };
  }

  /** The same as prom-client's registry asks its own metrics for it. */
  get(): object {
    const { values, ...family } = this.now();
    return { ...family, aggregator: 'sum', values: values.map(({ name, labels, value }) => ({ metricName: name, labels, value })) };
  }

  #values(): Value[] {
    const { first, sources } = this;
    const added = new Map<string, { readonly labels: Labels; value: number; readonly counts: number[] }>();
    for (const { read } of sources) {
      for (const [value, ...labels] of read()) {
        const key = labels.join('\0');
        let at = added.get(key);
        if (at === undefined) added.set(key, (at = { labels: named(first.labels, labels), value: 0, counts: [] }));
        at.value += typeof value === 'number' ? value : value.sum;
        if (typeof value === 'number') continue;
        for (let i = 0; i < value.counts.length; i++) at.counts[i] = (at.counts[i] ?? 0) + (value.counts[i] ?? 0);
      }
    }
    const { name } = first;
    if (first.type !== 'histogram') return [...added.values()].map(({ labels, value }) => ({ name, labels, value }));
    return [...added.values()].flatMap(({ labels, value, counts }) => bucketsOf(name, first.bounds, labels, counts, value));
  }
}

const shapeOf = (family: Family): string => JSON.stringify([family.type, family.labels, family.type === 'histogram' ? family.bounds : []]);

const named = (names: readonly string[], values: readonly string[]): Labels =>
  Object.fromEntries(names.map((name, i) => [name, values[i] ?? '']));

/** A histogram as the text format has it: buckets that count all below, sum and count. */
function bucketsOf(name: string, bounds: readonly number[], labels: Labels, counts: readonly number[], sum: number): Value[] {
  let below = 0;
  const buckets = [...bounds.map(String), '+Inf'].map((le, i) => {
    below += counts[i] ?? 0;
    return { name: `${name}_bucket`, labels: { ...labels, le }, value: below };
  });
  return [...buckets, { name: `${name}_sum`, labels, value: sum }, { name: `${name}_count`, labels, value: below }];
}

/** What to do when families are no longer shown. */
const disposable = (dispose: () => void): Disposable => ({ [Symbol.dispose]: dispose });

/** Adds to what is shown by these names. @returns the way back */
function show(families: readonly Family[], of: (family: Family) => Shown, gone: (name: string) => void): Disposable {
  const added: (readonly [Shown, Family])[] = [];
  const hide = (): void => {
    for (const [shown, family] of added.splice(0)) {
      shown.sources.delete(family);
      if (shown.sources.size === 0) gone(family.name);
    }
  };
  try {
    for (const family of families) {
      const shown = of(family);
      shown.add(family);
      added.push([shown, family]);
    }
  } catch (error) {
    hide();
    throw error;
  }
  return disposable(hide);
}

/**
 * Metrics in a Prometheus registry of their own. The library is loaded here only.
 * @param options `process`: numbers of this process too (memory, processor time, lag of the event loop, descriptors, garbage collection)
 */
export async function createMetrics(options: { readonly process?: boolean } = {}): Promise<Metrics> {
  const { default: prom } = await import('prom-client');
  const registry: Registry = new prom.Registry();
  if (options.process === true) {
    prom.collectDefaultMetrics({ register: registry });
    for (const name of misnamed) registry.removeSingleMetric(name);
  }
  const registers = [registry];
  const known = <M extends object>(name: string, make: () => M): M => (registry.getSingleMetric(name) as M | undefined) ?? make();
  const shownAs = (family: Family): Shown => {
    const there: unknown = registry.getSingleMetric(family.name);
    if (there instanceof Shown) return there;
    const shown = new Shown(family);
    registry.registerMetric(shown as unknown as Metric); // it asks for name and get() alone
    return shown;
  };
  return {
    counter: (name, help, labels = []) => {
      const counter = known(name, () => new prom.Counter({ name, help, labelNames: [...labels], registers }));
      return { add: (by = 1, at) => (at === undefined ? counter.inc(by) : counter.inc(at, by)) };
    },
    gauge: (name, help, labels = []) => {
      const gauge = known(name, () => new prom.Gauge({ name, help, labelNames: [...labels], registers }));
      return {
        set: (value, at) => (at === undefined ? gauge.set(value) : gauge.set(at, value)),
        add: (by, at) => (at === undefined ? gauge.inc(by) : gauge.inc(at, by)),
      };
    },
    histogram: (name, help, buckets, labels = []) => {
      const histogram = known(name, () => new prom.Histogram({ name, help, buckets: [...buckets], labelNames: [...labels], registers }));
      return { observe: (value, at) => (at === undefined ? histogram.observe(value) : histogram.observe(at, value)) };
    },
    show: (families) => show(families, shownAs, (name) => registry.removeSingleMetric(name)),
    text: () => registry.metrics(),
    values: async () => {
      const all = (await registry.getMetricsAsJSON()) as unknown as readonly PromFamily[];
      return all.map(({ name, help, type, values }) => ({
        name,
        help,
        type,
        values: values.map(({ metricName = name, labels, value }) => ({ name: metricName, labels: texts(labels), value })),
      }));
    },
  };
}

/** Gauges of the library that are called like counters, and look at every handle. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'] as const;

/** A family as prom-client gives it. */
interface PromFamily {
  readonly name: string;
  readonly help: string;
  readonly type: FamilyValues['type'];
  readonly values: readonly { readonly metricName?: string; readonly labels: Readonly<Record<string, unknown>>; readonly value: number }[];
}

const texts = (labels: Readonly<Record<string, unknown>>): Labels =>
  Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value)]));

const nothing = { add: () => {}, set: () => {}, observe: () => {} };

/** Metrics that nobody keeps: what the packages use unless they are handed others. */
export const noMetrics: Metrics = {
  counter: () => nothing,
  gauge: () => nothing,
  histogram: () => nothing,
  show: () => disposable(() => {}),
  text: async () => '',
  values: async () => [],
};

/** Metrics kept in a plain map, for tests. */
export interface FakeMetrics extends Metrics {
  /** `name{a="b",…}` → value as it is now: what was told, and what is read. Of a histogram that was told how many observations there were. */
  readonly seen: Map<string, number>;
}

/** Makes metrics kept in a plain map. */
export function fakeMetrics(): FakeMetrics {
  const told = new Map<string, number>();
  const shown = new Map<string, Shown>();
  const at = (name: string, labels: Labels = {}): string => {
    const list = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
    return list.length === 0 ? name : `${name}{${list}}`;
  };
  const add = (key: string, by: number): void => void told.set(key, (told.get(key) ?? 0) + by);
  const shownAs = (family: Family): Shown => {
    let there = shown.get(family.name);
    if (there === undefined) shown.set(family.name, (there = new Shown(family)));
    return there;
  };
  return {
    get seen() {
      const all = new Map(told);
      for (const family of shown.values()) for (const { name, labels, value } of family.now().values) all.set(at(name, labels), value);
      return all;
    },
    counter: (name) => ({ add: (by = 1, labels) => add(at(name, labels), by) }),
    gauge: (name) => ({ add: (by, labels) => add(at(name, labels), by), set: (value, labels) => void told.set(at(name, labels), value) }),
    histogram: (name) => ({ observe: (_value, labels) => add(at(name, labels), 1) }),
    show: (families) => show(families, shownAs, (name) => void shown.delete(name)),
    text: async () => '',
    values: async () => [...shown.values()].map((family) => family.now()),
  };
}
