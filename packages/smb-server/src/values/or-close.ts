import { type Steps, wait } from '@ring3/kit';
import type { Handle } from '@ring3/vfs';

/** Runs steps that need a handle to stay open. If a broken store throws in them, the handle is closed and the error thrown again. */
export function* orClose<T>(handle: Handle | undefined, steps: Steps<T>): Steps<T> {
  try {
    return yield* steps;
  } catch (error) {
    yield* wait(handle?.close());
    throw error;
  }
}
