import type { MaybePromise } from '@ring3/kit';

/** What undoes a step. */
export type Undo = () => MaybePromise<void>;

/** One step of starting: what it is called, and how it is done; it answers with what undoes it. */
export interface Step {
  readonly name: string;
  start(): MaybePromise<Undo>;
}

/** A start failed at a step; those before it are undone. */
export class StepError extends Error {
  override readonly name = 'StepError';
  readonly step: string;
  constructor(step: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.step = step;
  }
}

/**
 * Does the steps in order. If one fails, those before it are undone in exactly the reverse order, and the error is reported.
 * @returns what undoes all of them, in reverse order; it goes on when one of them fails and throws the first failure at the end
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
