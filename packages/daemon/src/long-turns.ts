import { type Clock, counterOf, type Family, type Log } from '@ring3/kit';

/** Work that holds a turn of the event loop for longer is reported, milliseconds. */
const longMs = 50;
/** Minimum time between two log lines about the same operation, milliseconds. */
const quietMs = 5000;
/** Interval of the timer that looks for long turns of operations that wait for something, milliseconds. */
const beatMs = 20;

/** The long turns of one operation. */
interface Account {
  count: number;
  sinceLog: number;
  longest: number;
  nextLog: number;
}

/**
 * Counts and logs turns of the event loop that one operation held for more than 50 ms: clients wait for so long. It measures the work that
 * is passed to it: timers, requests to the control socket, to netlink and to the console, configuration. Requests of the file server are
 * measured by itself (`smb_held_turns_total`).
 */
export class LongTurns {
  readonly #log: Log;
  readonly #accounts = new Map<string, Account>();
  /** Operations that wait for something. */
  readonly #pending = new Set<string>();
  #beat: NodeJS.Timeout | undefined;
  #beatAt = 0;
  /** Time since the last beat that was reported with the name of its operation. */
  #named = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Runs work and measures its turn. */
  run<T>(operation: string, work: () => T): T {
    const begun = performance.now();
    try {
      return work();
    } finally {
      this.took(operation, performance.now() - begun);
    }
  }

  /**
   * Runs work and measures each of its turns, until its promise is settled. A long turn in between is attributed to the operations that are
   * pending then.
   */
  follow<T>(operation: string, work: () => T): T {
    const result = this.run(operation, work);
    if (!(result instanceof Promise)) return result;
    this.#pending.add(operation);
    this.#begin();
    const end = (): void => {
      this.#look();
      this.#pending.delete(operation);
      if (this.#pending.size === 0) this.#stop();
    };
    result.then(end, end);
    return result;
  }

  /** Reports work that was measured. */
  took(operation: string, ms: number): void {
    if (ms <= longMs) return;
    this.#named += ms;
    let account = this.#accounts.get(operation);
    if (account === undefined)
      this.#accounts.set(operation, (account = { count: 0, sinceLog: 0, longest: 0, nextLog: Number.NEGATIVE_INFINITY }));
    account.count++;
    account.sinceLog++;
    account.longest = Math.max(account.longest, ms);
    const now = performance.now();
    if (now < account.nextLog) return;
    account.nextLog = now + quietMs;
    this.#log.warn('an operation blocked the event loop', { operation, ms: Math.round(account.longest), times: account.sinceLog });
    account.sinceLog = account.longest = 0;
  }

  /** A clock whose timers are measured under a name. */
  clock(clock: Clock, operation: string): Clock {
    return {
      wall: () => clock.wall(),
      now: () => clock.now(),
      after: (ms, call) => clock.after(ms, () => this.run(operation, call)),
    };
  }

  /** The metrics. */
  families(): Family[] {
    const counts = () => [...this.#accounts].map(([operation, { count }]) => [count, operation] as const);
    return [
      counterOf(
        'ring3_long_turns_total',
        'Turns of the event loop that an operation other than an SMB request blocked for more than 50 ms.',
        ['operation'],
        counts,
      ),
    ];
  }

  #begin(): void {
    if (this.#beat !== undefined) return;
    this.#beatAt = performance.now();
    this.#named = 0;
    this.#beat = setInterval(() => this.#look(), beatMs).unref();
  }

  #stop(): void {
    clearInterval(this.#beat);
    this.#beat = undefined;
  }

  /** A late timer means a long turn. */
  #look(): void {
    const now = performance.now();
    const late = now - this.#beatAt - beatMs - this.#named;
    for (const operation of this.#pending) this.took(operation, late);
    this.#beatAt = now;
    this.#named = 0;
  }
}
