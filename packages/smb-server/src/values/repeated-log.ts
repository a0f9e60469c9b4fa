import type { Clock, Log, LogFields, Timer } from '@ring3/kit';

/** Repeated lines of one source are summed up after this time, ms. */
const quietMs = 60_000;
/** Sources that have lines of their own in that time; the others are summed up together. */
const maxSources = 64;

interface Kept {
  readonly level: 'info' | 'warn';
  readonly what: string;
  /** The fields of the last one. */
  fields: LogFields;
  times: number;
}

/**
 * Lines that strangers can cause: the first of each source is logged at once, its repetitions within a minute in one line with their
 * number.
 */
export class RepeatedLog {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #sources = new Map<string, Kept>();
  #timer: Timer | undefined;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** @param source key of the repetitions, an address */
  say(level: 'info' | 'warn', what: string, source: string, fields: LogFields): void {
    const full = this.#sources.size >= maxSources;
    const key = `${what} ${full && !this.#sources.has(`${what} ${source}`) ? '' : source}`;
    const kept = this.#sources.get(key);
    if (kept !== undefined) {
      kept.fields = fields;
      kept.times++;
    } else {
      this.#log[level](what, fields);
      this.#sources.set(key, { level, what, fields, times: 0 });
    }
    this.#timer ??= this.#clock.after(quietMs, () => this.#sumUp());
  }

  #sumUp(): void {
    this.#timer = undefined;
    for (const { level, what, fields, times } of this.#sources.values()) if (times > 0) this.#log[level](what, { ...fields, times });
    this.#sources.clear();
  }

  /** Logs the remaining numbers. */
  close(): void {
    this.#timer?.clear();
    this.#sumUp();
  }
}
