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

/** Where numbers go. One call where it happens; whoever shows them lists them by itself. */
export interface Metrics {
  counter(name: string, help: string, labels?: readonly string[]): Counter;
  gauge(name: string, help: string, labels?: readonly string[]): Gauge;
  /** A gauge that is asked when somebody looks. */
  gaugeOf(name: string, help: string, read: () => number): void;
  histogram(name: string, help: string, buckets: readonly number[], labels?: readonly string[]): Histogram;
  /** Prometheus text format. */
  text(): Promise<string>;
  /** Name → labels (as `a="b",…`) → value. */
  values(): Promise<Record<string, Record<string, number>>>;
}

/** Metrics in a Prometheus registry of their own. The library is loaded here only. */
export async function createMetrics(): Promise<Metrics> {
  const prom = await import('prom-client');
  const registry = new prom.Registry();
  const registers = [registry];
  return {
    counter: (name, help, labels = []) => {
      const counter = new prom.Counter({ name, help, labelNames: [...labels], registers });
      return { add: (by = 1, at) => (at === undefined ? counter.inc(by) : counter.inc(at, by)) };
    },
    gauge: (name, help, labels = []) => {
      const gauge = new prom.Gauge({ name, help, labelNames: [...labels], registers });
      return {
        set: (value, at) => (at === undefined ? gauge.set(value) : gauge.set(at, value)),
        add: (by, at) => (at === undefined ? gauge.inc(by) : gauge.inc(at, by)),
      };
    },
    gaugeOf: (name, help, read) => {
      new prom.Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    },
    histogram: (name, help, buckets, labels = []) => {
      const histogram = new prom.Histogram({ name, help, buckets: [...buckets], labelNames: [...labels], registers });
      return { observe: (value, at) => (at === undefined ? histogram.observe(value) : histogram.observe(at, value)) };
    },
    text: () => registry.metrics(),
    values: async () => {
      const found: Record<string, Record<string, number>> = {};
      for (const { name, values } of await registry.getMetricsAsJSON()) {
        const of = (found[name] = {} as Record<string, number>);
        for (const { labels, value } of values) {
          const at = Object.entries(labels as Record<string, string | number>).map(([label, text]) => `${label}="${text}"`);
          of[at.join(',')] = value;
        }
      }
      return found;
    },
  };
}

const nothing = { add: () => {}, set: () => {}, observe: () => {} };

/** Metrics that nobody keeps: what the packages use unless they are handed others. */
export const noMetrics: Metrics = {
  counter: () => nothing,
  gauge: () => nothing,
  gaugeOf: () => {},
  histogram: () => nothing,
  text: async () => '',
  values: async () => ({}),
};

/** Metrics kept in a plain map, for tests: `name{a="b"}` → value. */
export interface FakeMetrics extends Metrics {
  readonly seen: Map<string, number>;
}

/** Makes metrics kept in a plain map. Histograms count their observations. */
export function fakeMetrics(): FakeMetrics {
  const seen = new Map<string, number>();
  const at = (name: string, labels?: Labels): string =>
    labels === undefined ? name : `${name}{${Object.entries(labels).map(([label, text]) => `${label}="${text}"`)}}`;
  const add = (key: string, by: number): void => void seen.set(key, (seen.get(key) ?? 0) + by);
  return {
    seen,
    counter: (name) => ({ add: (by = 1, labels) => add(at(name, labels), by) }),
    gauge: (name) => ({ add: (by, labels) => add(at(name, labels), by), set: (value, labels) => void seen.set(at(name, labels), value) }),
    gaugeOf: () => {},
    histogram: (name) => ({ observe: (_value, labels) => add(at(name, labels), 1) }),
    text: async () => '',
    values: async () => ({}),
  };
}
