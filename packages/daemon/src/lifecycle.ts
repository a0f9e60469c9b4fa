import type { MaybePromise } from '@ring3/kit';
import type { LifecycleState } from './control/protocol.ts';
import { type Step, startInOrder, type Undo } from './start-in-order.ts';

/**
 * The four states of the file server and the transitions between them. Transitions are queued and run strictly one at a time: two resets
 * never interleave.
 */
export class Lifecycle {
  readonly #steps: () => readonly Step[];
  #state: LifecycleState = 'startup';
  #work: Promise<unknown> = Promise.resolve();
  #undo: Undo | undefined;
  #leaving: Promise<void> | undefined;

  /** @param steps the steps of init, evaluated each time */
  constructor(steps: () => readonly Step[]) {
    this.#steps = steps;
  }

  get state(): LifecycleState {
    return this.#state;
  }

  /**
   * Starts the transports and changes to `running`. If a step fails, the steps before it are undone and a reset is queued, which ends in
   * `startup`.
   * @throws StepError; Error if it runs already or is shutting down
   */
  init(): Promise<void> {
    return this.alone(async () => {
      if (this.#state === 'running') throw new Error('the file server runs already');
      try {
        this.#undo = await startInOrder(this.#steps());
      } catch (error) {
        this.reset().catch(() => {}); // the first failure is the one to report
        throw error;
      }
      if (this.#state === 'startup') this.#state = 'running';
    });
  }

  /**
   * Destroys the transports with everything on them and returns to `startup`; resolves when that is done.
   * @throws Error if it is shutting down
   */
  reset(): Promise<void> {
    return this.alone(async () => {
      this.#state = 'reset';
      try {
        await this.#end();
      } finally {
        if (this.#state === 'reset') this.#state = 'startup'; // not if a shutdown began meanwhile
      }
    });
  }

  /** Shuts down: nothing new is accepted. @param before runs while everything still works */
  shutdown(before: () => MaybePromise<void> = () => {}): Promise<void> {
    this.#leaving ??= this.#queue(async () => {
      try {
        await before();
      } finally {
        await this.#end();
      }
    });
    this.#state = 'shutdown';
    return this.#leaving;
  }

  /** Runs other control work in its turn. @throws Error if it is shutting down */
  async alone<T>(work: () => MaybePromise<T>): Promise<T> {
    this.#refuseWhenLeaving();
    return this.#queue(() => {
      this.#refuseWhenLeaving();
      return work();
    });
  }

  #refuseWhenLeaving(): void {
    if (this.#state === 'shutdown') throw new Error('ring3 is shutting down');
  }

  #queue<T>(work: () => MaybePromise<T>): Promise<T> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => {});
    return done;
  }

  async #end(): Promise<void> {
    const undo = this.#undo;
    this.#undo = undefined;
    await undo?.();
  }
}
