import type { Clock, MaybePromise } from '@ring3/kit';

/** Number of objects that are closed in the current turn of the event loop; further ones wait for later turns. */
const atOnce = 256;
/** Maximum time that a turn of the event loop closes objects, ms. */
const turnMs = 2;

interface Batch {
  /** Closes the next one. @returns false after the last */
  next(): boolean;
}

/**
 * Closes what ends with a session or a tree connect: few objects at once, many in slices, so that a client with many opens does not delay
 * other clients when it leaves.
 */
export class Closing {
  readonly #clock: Clock;
  readonly #defer: (call: () => void) => void;
  readonly #batches: Batch[] = [];
  /** Number closed at once in this turn. */
  #count = 0;
  #armed = false;
  readonly #turn = (): void => this.#work();

  constructor(clock: Clock, defer: (call: () => void) => void) {
    this.#clock = clock;
    this.#defer = defer;
  }

  /** Whether something waits for a later turn. */
  get busy(): boolean {
    return this.#batches.length > 0;
  }

  /** Calls `close` for each. @returns when all are closed */
  each<T>(items: readonly T[], close: (item: T) => MaybePromise<void>): MaybePromise<void> {
    if (items.length === 0) return undefined;
    const pending: Promise<void>[] = [];
    let at = 0;
    const next = (): boolean => {
      const closed = close(items[at++] as T);
      if (closed instanceof Promise) pending.push(closed);
      return at < items.length;
    };
    const done = (): MaybePromise<void> => (pending.length === 0 ? undefined : Promise.all(pending).then(() => {}));
    this.#arm();
    if (this.#batches.length === 0 && this.#count + items.length <= atOnce) {
      this.#count += items.length;
      while (next());
      return done();
    }
    return new Promise((resolve) => {
      const last = (): boolean => {
        if (next()) return true;
        resolve(done());
        return false;
      };
      this.#batches.push({ next: last });
    });
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    this.#defer(this.#turn);
  }

  #work(): void {
    this.#armed = false;
    this.#count = 0;
    const start = this.#clock.now();
    for (let i = 1; this.#batches.length > 0; i++) {
      if (!(this.#batches[0] as Batch).next()) this.#batches.shift();
      if (i % 8 === 0 && this.#clock.now() - start > turnMs) break;
    }
    if (this.#batches.length > 0) this.#arm();
  }
}
