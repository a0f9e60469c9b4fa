import type { Clock } from '@ring3/kit';

/** A request that blocks the event loop for at most this time is not counted, ms. */
const uncountedMs = 10;
/** How long the requests of a store may block the event loop before the next ones wait, ms. */
const allowanceMs = 200;
/** The part of the time that they may block it afterwards. */
const part = 0.2;
/** Maximum debt, so that no request waits for longer than `(maxDebtMs - allowanceMs) / part`. */
const maxDebtMs = 600;

/**
 * Limits how long the requests of one store block the event loop: a local disk that has become slow delays its own clients, and the clients of
 * other stores only by single requests. docs/decisions/0131. Requests wait in the order of their arrival, and run one at a time.
 */
export class Pacer {
  /** Blocked time that is not paid off yet, ms, at the time `#at`. */
  #debt = 0;
  #at = 0;
  readonly #waiting: (() => void)[] = [];

  /** Reports how long a request blocked the event loop. */
  blocked(ms: number, now: number): void {
    if (ms <= uncountedMs) return;
    this.#debt = Math.min(maxDebtMs, this.#left(now) + ms);
    this.#at = now;
  }

  /** Whether a request must wait. */
  waits(now: number): boolean {
    return this.#waiting.length > 0 || (this.#debt > 0 && this.#left(now) > allowanceMs);
  }

  /** Resolves when it is the turn of the caller, which then runs in the same turn of the event loop. */
  wait(clock: Clock): Promise<void> {
    return new Promise((resolve) => {
      if (this.#waiting.push(resolve) === 1) this.#next(clock);
    });
  }

  #left(now: number): number {
    return Math.max(0, this.#debt - (now - this.#at) * part);
  }

  #next(clock: Clock): void {
    const ms = Math.max(1, (this.#left(clock.now()) - allowanceMs) / part); // the request before has then run
    clock.after(ms, () => {
      if (this.#left(clock.now()) <= allowanceMs) this.#waiting.shift()?.();
      if (this.#waiting.length > 0) this.#next(clock);
    });
  }
}
