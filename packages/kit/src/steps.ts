import type { MaybePromise } from './maybe-promise.ts';

/**
 * A function written as steps: `function* (): Steps<T>` with `const x = yield* wait(value)` where an async function would say `await value`. What is there
 * at once costs no turn of the event loop, so a chain of answers that are all there is one plain call.
 */
export type Steps<T> = Generator<Promise<unknown>, T, unknown>;

/** The value, or the promised one when it is there. A rejection is thrown where it was waited for. */
export function* wait<T>(value: MaybePromise<T>): Steps<T> {
  return value instanceof Promise ? ((yield value) as T) : value;
}

async function drive<T>(steps: Steps<T>, promise: Promise<unknown>): Promise<T> {
  for (;;) {
    let value: unknown;
    let failed = false;
    try {
      value = await promise;
    } catch (error) {
      value = error;
      failed = true;
    }
    const next = failed ? steps.throw(value) : steps.next(value);
    if (next.done === true) return next.value;
    promise = next.value;
  }
}

/** Runs steps to their end: at once if nothing has to be waited for. */
export function runSteps<T>(steps: Steps<T>): MaybePromise<T> {
  const first = steps.next();
  return first.done === true ? first.value : drive(steps, first.value);
}
