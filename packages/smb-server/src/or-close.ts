import { type Steps, wait } from '@ring3/kit';
import type { Handle } from '@ring3/vfs';

/** Runs steps that a handle stays open for. What a broken store throws in them closes it first, and is thrown on. */
export function* orClose<T>(handle: Handle | undefined, steps: Steps<T>): Steps<T> {
  try {
    return yield* steps;
  } catch (error) {
    yield* wait(handle?.close());
    throw error;
  }
}
