import type { Metric, Registry } from 'prom-client';

/** Names to values; the set of names of one family never changes. */
export type Labels = Readonly<Record<string, string>>;

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
  /** Names of its labels; `le` is none of them. */
  readonly labels: readonly string[];
  readonly values: readonly Value[];
}

/** Where numbers are shown. Whoever has some shows them as families; whoever looks sees them all. */
export interface Metrics {
  /**
   * Shows families until that is disposed of. Several may share a name, as those of two servers do: what they read is added up, label by label.
   * @throws RangeError where the name is shown with another type, other labels or other buckets; then nothing is shown
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
    const { name, help, type, labels } = this.first;
    return { name, help, type, labels, values: this.#values() };
  }

  /** The same as a registry of prom-client asks its own metrics for it. */
  get(): object {
    const { name, help, type, values } = this.now();
    return { name, help, type, aggregator: 'sum', values: values.map(({ name, labels, value }) => ({ metricName: name, labels, value })) };
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

/** Adds families to what is shown by their names. @returns the way back */
function show(shown: Map<string, Shown>, families: readonly Family[]): Disposable {
  const added: (readonly [Shown, Family])[] = [];
  const hide = (): void => {
    for (const [of, family] of added.splice(0)) {
      of.sources.delete(family);
      if (of.sources.size === 0) shown.delete(of.name);
    }
  };
  try {
    for (const family of families) {
      const of = shown.get(family.name) ?? new Shown(family);
      of.add(family);
      shown.set(family.name, of);
      added.push([of, family]);
    }
  } catch (error) {
    hide();
    throw error;
  }
  return { [Symbol.dispose]: hide };
}

/**
 * Metrics in the registry of a library, which is loaded when somebody looks first.
 * @param options `process`: numbers of this process too (memory, processor time, lag of the event loop, descriptors, garbage collection); lag and collections
 * count from the first look on
 */
export function createMetrics(options: { readonly process?: boolean } = {}): Metrics {
  const shown = new Map<string, Shown>();
  let ofProcess: Promise<Registry> | undefined;
  const load = (): Promise<Registry> => (ofProcess ??= registryOf(options.process === true));
  return {
    show: (families) => show(shown, families),
    text: async () => {
      const [{ Registry }, process] = [(await import('prom-client')).default, await load()];
      const own = new Registry();
      for (const family of shown.values()) own.registerMetric(family as unknown as Metric); // it asks for name and get() alone
      return Registry.merge([own, process]).metrics();
    },
    values: async () => {
      const process = (await (await load()).getMetricsAsJSON()) as unknown as readonly PromFamily[];
      return [...[...shown.values()].map((family) => family.now()), ...process.map(valuesOf)];
    },
  };
}

/** Gauges of the library that are called like counters, and look at every handle. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'] as const;

async function registryOf(process: boolean): Promise<Registry> {
  const { default: prom } = await import('prom-client');
  const register = new prom.Registry();
  if (process) prom.collectDefaultMetrics({ register, eventLoopMonitoringPrecision: 20 });
  for (const name of misnamed) register.removeSingleMetric(name);
  return register;
}

/** A family as prom-client gives it. */
interface PromFamily {
  readonly name: string;
  readonly help: string;
  readonly type: FamilyValues['type'];
  readonly values: readonly { readonly metricName?: string; readonly labels: Readonly<Record<string, unknown>>; readonly value: number }[];
}

const valuesOf = ({ name, help, type, values }: PromFamily): FamilyValues => ({
  name,
  help,
  type,
  labels: [...new Set(values.flatMap(({ labels }) => Object.keys(labels)))].filter((label) => label !== 'le'),
  values: values.map(({ metricName = name, labels, value }) => ({ name: metricName, labels: texts(labels), value })),
});

const texts = (labels: Readonly<Record<string, unknown>>): Labels =>
  Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value)]));

/** Metrics that nobody sees: what the packages use unless they are handed others. */
export const noMetrics: Metrics = {
  show: () => ({ [Symbol.dispose]: () => {} }),
  text: async () => '',
  values: async () => [],
};

/** Metrics for tests. */
export interface FakeMetrics extends Metrics {
  /** `name{a="b",…}` → value as it is now. */
  readonly seen: ReadonlyMap<string, number>;
}

/** Makes metrics for tests. */
export function fakeMetrics(): FakeMetrics {
  const shown = new Map<string, Shown>();
  const at = (name: string, labels: Labels): string => {
    const list = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
    return list.length === 0 ? name : `${name}{${list}}`;
  };
  const values = (): FamilyValues[] => [...shown.values()].map((family) => family.now());
  return {
    get seen() {
      return new Map(values().flatMap((family) => family.values.map(({ name, labels, value }) => [at(name, labels), value] as const)));
    },
    show: (families) => show(shown, families),
    text: async () => '',
    values: async () => values(),
  };
}
