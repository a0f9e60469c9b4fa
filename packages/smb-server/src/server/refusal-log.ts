import type { Clock, Log, LogFields } from '@ring3/kit';
import type { RefusingLimit, Tally } from '../objects/numbers.ts';

/** A limit is logged at most once in this time, ms. */
const quietMs = 60_000;

/** Counts the rejections of limits, and logs them: the first time at once, then at most once a minute with the number since then. */
export class RefusalLog {
  readonly #refused: Tally<RefusingLimit>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #last = new Map<RefusingLimit, { at: number; count: number }>();

  constructor(refused: Tally<RefusingLimit>, clock: Clock, log: Log) {
    this.#refused = refused;
    this.#clock = clock;
    this.#log = log;
  }

  /** @param about the affected client, and the limit */
  add(limit: RefusingLimit, about: LogFields): void {
    this.#refused.add(limit);
    const last = this.#last.get(limit);
    const now = this.#clock.now();
    if (last !== undefined && now - last.at < quietMs) return;
    const count = this.#refused.of(limit);
    const since = last === undefined ? {} : { times: count - last.count };
    this.#last.set(limit, { at: now, count });
    this.#log.warn('a limit was reached', { limit, ...about, ...since });
  }
}
