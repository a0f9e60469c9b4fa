/** An answer that may be there at once or come later; the caller awaits only what is a promise. */
export type MaybePromise<T> = T | Promise<T>;

/** @returns whether `value` is a promise (or anything else that has a `then`) */
export const isPromise = <T>(value: MaybePromise<T>): value is Promise<T> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';

/** Calls `next` with the value: at once where it is there, else when the promise keeps. A rejected promise is handed on as it is. */
export const then = <T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> =>
  isPromise(value) ? value.then(next) : next(value);
