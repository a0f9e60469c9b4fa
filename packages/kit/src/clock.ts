/** A timer. `clear` may be called at any time, also after the timer fired. */
export interface Timer {
  clear(): void;
}

/** The source of time. The caller supplies it. */
export interface Clock {
  /** Milliseconds since 1970 by the system clock; may jump. */
  wall(): number;
  /** Monotonic milliseconds from an arbitrary start. */
  now(): number;
  /** Calls `callback` once, after `ms`. The timer does not keep the process alive. */
  after(ms: number, call: () => void): Timer;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  wall: () => Date.now(),
  now: () => performance.now(),
  after: (ms, call) => {
    // setTimeout accepts at most 2^31-1 ms; a longer time is waited for in steps
    const longest = 0x7fffffff;
    const end = performance.now() + ms;
    let timer: NodeJS.Timeout;
    const wait = (left: number): void => {
      timer = setTimeout(() => (left > longest ? wait(end - performance.now()) : call()), Math.min(left, longest));
      timer.unref();
    };
    wait(ms);
    return { clear: () => clearTimeout(timer) };
  },
};

/** A clock that advances only on request: a test runs a week of timeouts in a millisecond. */
export class FakeClock implements Clock {
  #now: number;
  readonly #wallAtZero: number;
  readonly #timers = new Map<number, { readonly at: number; readonly call: () => void }>();
  #next = 1;

  constructor(wall = Date.UTC(2026, 0, 1), now = 0) {
    this.#now = now;
    this.#wallAtZero = wall - now;
  }

  wall(): number {
    return this.#wallAtZero + this.#now;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, call: () => void): Timer {
    const id = this.#next++;
    this.#timers.set(id, { at: this.#now + Math.max(0, ms), call });
    return { clear: () => void this.#timers.delete(id) };
  }

  /** Timers that are set and have not fired. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Advances by `ms`. Timers that become due fire in order, each at its own time, including timers set meanwhile. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      let first: [number, { readonly at: number; readonly call: () => void }] | undefined;
      for (const entry of this.#timers) if (entry[1].at <= end && (first === undefined || entry[1].at < first[1].at)) first = entry;
      if (first === undefined) break;
      this.#timers.delete(first[0]);
      this.#now = Math.max(this.#now, first[1].at);
      first[1].call();
    }
    this.#now = end;
  }
}
