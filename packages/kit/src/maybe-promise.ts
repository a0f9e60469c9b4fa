/** A value, or a promise of it: whoever gets one awaits only what is a promise, so that what is there at once costs no turn of the event loop. */
export type MaybePromise<T> = T | Promise<T>;

/** Whether it is a promise. */
export const isPromise = <T>(value: MaybePromise<T>): value is Promise<T> => value instanceof Promise;

/**
 * Calls `next` at once with a value, later with a promised one. Exceptions and rejections pass through. (Not named `then`: a module that exports
 * `then` is itself taken for a promise by `await import()`.)
 */
export const andThen = <T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> =>
  value instanceof Promise ? value.then(next) : next(value);

/** `andThen` with a way out for exceptions and rejections of `value` (not of `next`). */
export function settle<T, R>(
  make: () => MaybePromise<T>,
  next: (value: T) => MaybePromise<R>,
  failed: (error: unknown) => MaybePromise<R>,
): MaybePromise<R> {
  let value: MaybePromise<T>;
  try {
    value = make();
  } catch (error) {
    return failed(error);
  }
  return value instanceof Promise ? value.then(next, failed) : next(value);
}
