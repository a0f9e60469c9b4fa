import type { Metric, Registry } from 'prom-client';

/** Label names and values. The set of names of one family never changes. */
export type Labels = Readonly<Record<string, string>>;

/** Observations by size: the content of a histogram. */
export interface Distribution {
  /** Number of observations in each bucket, not cumulative; after the last bound there is one more bucket. */
  readonly counts: ArrayLike<number>;
  /** Sum of all observations. */
  readonly sum: number;
}

/** One member of a family: its value, then its label values in the order of the family's label names. */
export type Sample<V> = readonly [value: V, ...labels: string[]];

interface FamilyOf<T extends 'counter' | 'gauge' | 'histogram', V> {
  readonly type: T;
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly read: () => Iterable<Sample<V>>;
}
/** Values of one name that are read on demand. Recording one costs no more than adding to a field. */
export type Family =
  | FamilyOf<'counter', number>
  | FamilyOf<'gauge', number>
  | (FamilyOf<'histogram', Distribution> & { readonly bounds: readonly number[] });

/** Values that only grow. By convention the name ends in `_total`. */
export const counterOf = (name: string, help: string, labels: readonly string[], read: () => Iterable<Sample<number>>): Family => ({
  type: 'counter',
  name,
  help,
  labels,
  read,
});

/** Values that rise and fall. */
export const gaugeOf = (name: string, help: string, labels: readonly string[], read: () => Iterable<Sample<number>>): Family => ({
  type: 'gauge',
  name,
  help,
  labels,
  read,
});

/** Observations by size. @param bounds upper ends of the buckets, ascending */
export const histogramOf = (
  name: string,
  help: string,
  labels: readonly string[],
  bounds: readonly number[],
  read: () => Iterable<Sample<Distribution>>,
): Family => ({ type: 'histogram', name, help, labels, bounds, read });

/** One value as exported. */
export interface Value {
  /** The family's name; for a histogram followed by `_bucket`, `_sum` or `_count`. */
  readonly name: string;
  /** For a bucket also `le`: its upper end; the count includes all smaller observations. */
  readonly labels: Labels;
  readonly value: number;
}
/** A family as exported. */
export interface FamilyValues {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  /** Names of its labels, without `le`. */
  readonly labels: readonly string[];
  readonly values: readonly Value[];
}

/** A registry of metrics. Each producer adds its families; an exporter reads all of them. */
export interface Metrics {
  /**
   * Adds families until the returned value is disposed of. Several may have the same name, as those of two servers do: their values are added, label by label.
   * @throws RangeError if the name exists with another type, other labels or other buckets; then none is added
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

  /** The same in the form that a prom-client registry reads from its metrics. */
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

/** A histogram in the form of the text format: cumulative buckets, sum and count. */
function bucketsOf(name: string, bounds: readonly number[], labels: Labels, counts: readonly number[], sum: number): Value[] {
  let below = 0;
  const buckets = [...bounds.map(String), '+Inf'].map((le, i) => {
    below += counts[i] ?? 0;
    return { name: `${name}_bucket`, labels: { ...labels, le }, value: below };
  });
  return [...buckets, { name: `${name}_sum`, labels, value: sum }, { name: `${name}_count`, labels, value: below }];
}

/** Adds families by name. @returns a function that removes them */
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
 * Metrics in a prom-client registry. The library is loaded at the first read.
 * @param options `process`: also metrics of this process (memory, processor time, event loop lag, descriptors, garbage collection); lag and collections
 * count from the first read
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
      for (const family of shown.values()) own.registerMetric(family as unknown as Metric); // the registry uses only name and get()
      return Registry.merge([own, process]).metrics();
    },
    values: async () => {
      const process = (await (await load()).getMetricsAsJSON()) as unknown as readonly PromFamily[];
      return [...[...shown.values()].map((family) => family.now()), ...process.map(valuesOf)];
    },
  };
}

/** Gauges of the library that are named like counters and inspect every handle. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'] as const;

async function registryOf(process: boolean): Promise<Registry> {
  const { default: prom } = await import('prom-client');
  const register = new prom.Registry();
  if (process) prom.collectDefaultMetrics({ register, eventLoopMonitoringPrecision: 20 });
  for (const name of misnamed) register.removeSingleMetric(name);
  return register;
}

/** A family as prom-client returns it. */
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

/** Metrics that are never exported: the default of the packages. */
export const noMetrics: Metrics = {
  show: () => ({ [Symbol.dispose]: () => {} }),
  text: async () => '',
  values: async () => [],
};

/** Metrics for tests. */
export interface FakeMetrics extends Metrics {
  /** `name{a="b",…}` → current value. */
  readonly seen: ReadonlyMap<string, number>;
}

/** Creates metrics for tests. */
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
