import type { MaybePromise } from './maybe-promise.ts';

/**
 * A function written as steps: `function* (): Steps<T>` with `const x = yield* wait(value)` in place of `await value` in an async function. An available value
 * costs no turn of the event loop, so a chain of available values is one plain call.
 */
export type Steps<T> = Generator<Promise<unknown>, T, unknown>;

/** Returns the value, or waits for the promised one. A rejection is thrown at the `yield*`. */
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

/** Runs steps to their end, synchronously if no step has to wait. */
export function runSteps<T>(steps: Steps<T>): MaybePromise<T> {
  const first = steps.next();
  return first.done === true ? first.value : drive(steps, first.value);
}
