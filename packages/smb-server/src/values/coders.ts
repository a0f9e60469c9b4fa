import type { Clock, MaybePromise } from '@ring3/kit';
import type { Coder } from '@ring3/smb-proto';

/** Plain bytes of one step; and the maximum time of all steps in a turn of the event loop, ms. */
const stepBytes = 32 * 1024;
const turnMs = 2;

interface Task {
  readonly coder: Coder;
  readonly wanted: () => boolean;
  readonly finish: (done: boolean) => void;
}

/**
 * Runs compressions and decompressions in steps: together they take a limited time of each turn of the event loop, however many connections
 * have some, and users take turns.
 */
export class Coders {
  readonly #clock: Clock;
  readonly #defer: (call: () => void) => void;
  /** Tasks by user, the user whose turn it is first. */
  readonly #tasks = new Map<string, Task[]>();
  readonly #turn = (): void => this.#run();

  /** @param defer runs something in a later turn of the event loop */
  constructor(clock: Clock, defer: (call: () => void) => void) {
    this.#clock = clock;
    this.#defer = defer;
  }

  /**
   * Runs a coder: the first step at once if nothing waits, so that a small message is done when this returns.
   * @param user the key of its share of the time
   * @param wanted asked before each further step: whether the result is still of use
   * @returns whether the coder is done; false if it failed or is not wanted
   */
  run(user: string, coder: Coder, wanted: () => boolean): MaybePromise<boolean> {
    if (this.#tasks.size === 0) {
      const progress = coder.advance(stepBytes);
      if (progress !== 'more') return progress === 'done';
    }
    return new Promise((finish) => {
      if (this.#tasks.size === 0) this.#defer(this.#turn);
      const tasks = this.#tasks.get(user);
      if (tasks === undefined) this.#tasks.set(user, [{ coder, wanted, finish }]);
      else tasks.push({ coder, wanted, finish });
    });
  }

  #run(): void {
    const start = this.#clock.now();
    do {
      const [user, tasks] = this.#tasks.entries().next().value as [string, Task[]];
      const { coder, wanted, finish } = tasks[0] as Task;
      const progress = wanted() ? coder.advance(stepBytes) : 'failed';
      if (progress !== 'more') tasks.shift();
      this.#tasks.delete(user);
      if (tasks.length > 0) this.#tasks.set(user, tasks); // after the others
      if (progress !== 'more') finish(progress === 'done');
    } while (this.#tasks.size > 0 && this.#clock.now() - start < turnMs);
    if (this.#tasks.size > 0) this.#defer(this.#turn);
  }
}
