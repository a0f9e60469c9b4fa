import type { MaybePromise } from '@ring3/kit';

/** Undoes a step. */
export type Undo = () => MaybePromise<void>;

/** One step of a start: its name, and a function that performs it and returns the function that undoes it. */
export interface Step {
  readonly name: string;
  start(): MaybePromise<Undo>;
}

/** A step of the start failed; the steps before it were undone. */
export class StepError extends Error {
  override readonly name = 'StepError';
  readonly step: string;
  constructor(step: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.step = step;
  }
}

/**
 * Performs the steps in order. If one fails, the steps before it are undone in reverse order and the error is thrown.
 * @returns a function that undoes all steps in reverse order. It continues after a failure and throws the first one at the end
 * @throws StepError
 */
export async function startInOrder(steps: readonly Step[]): Promise<Undo> {
  const done: Undo[] = [];
  const undo = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (let last = done.pop(); last !== undefined; last = done.pop()) {
      try {
        await last();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  };
  for (const { name, start } of steps) {
    try {
      done.push(await start());
    } catch (error) {
      await undo().catch(() => {}); // the first failure is the one to report
      throw new StepError(name, error);
    }
  }
  return undo;
}
