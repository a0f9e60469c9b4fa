/** A value, or a promise of it. The caller awaits only a promise, so that an available value costs no turn of the event loop. */
export type MaybePromise<T> = T | Promise<T>;

/** Returns whether the argument is a promise. */
export const isPromise = <T>(value: MaybePromise<T>): value is Promise<T> => value instanceof Promise;

/**
 * Calls `next` at once with a value, or later with a promised value. Exceptions and rejections propagate. (Not named `then`: a module that exports
 * `then` is treated as a promise by `await import()`.)
 */
export const andThen = <T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> =>
  value instanceof Promise ? value.then(next) : next(value);

/** `andThen` with a handler for exceptions and rejections of `value` (not of `next`). */
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
