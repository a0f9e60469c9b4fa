import { turnMs } from '@ring3/kit';

/**
 * Runs the work of all programs at a control socket in the order in which they ask, 2 ms in each turn of the event loop, except for one
 * piece of work that takes longer.
 */
export class SharedTurn {
  readonly #waiting: (() => void)[] = [];
  #scheduled = false;
  #until = 0;

  /** Runs work in a later turn. @returns its result */
  run<T>(work: () => T): Promise<Awaited<T>> {
    const done = new Promise<Awaited<T>>((resolve, reject) => {
      this.#waiting.push(() => {
        try {
          resolve(work() as Awaited<T>);
        } catch (error) {
          reject(error as Error);
        }
      });
    });
    if (!this.#scheduled) setImmediate(this.#work);
    this.#scheduled = true;
    return done;
  }

  /** Whether the time of this turn is used. Work in parts asks this after each part. */
  get over(): boolean {
    return performance.now() >= this.#until;
  }

  readonly #work = (): void => {
    this.#until = performance.now() + turnMs;
    do this.#waiting.shift()?.();
    while (this.#waiting.length > 0 && !this.over);
    this.#scheduled = this.#waiting.length > 0;
    if (this.#scheduled) setImmediate(this.#work);
  };
}
