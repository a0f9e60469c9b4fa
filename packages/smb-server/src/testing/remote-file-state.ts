import type { MaybePromise } from '@ring3/kit';
import {
  type DecisionOf,
  type Effect,
  type FileState,
  type Guard,
  type Input,
  LocalFileState,
  type LocalFileStateOptions,
  type OpenState,
  type StateTotals,
} from '../state/index.ts';

/** When messages cross the boundary: within the call, or in a later turn of the event loop, in their order. */
export type Crossing = 'at once' | 'later';

/**
 * The state of files across a boundary that only plain data crosses, as that of another thread or machine would be: inputs, decisions and
 * effects are copied by `structuredClone`. Guards, `look` and the totals are what is known on this side.
 */
export class RemoteFileState implements FileState {
  readonly decidesAtOnce: boolean;
  readonly #inner: LocalFileState;
  readonly #crossing: Crossing;
  /** An input has arrived on the other side: its effects cross together with its decision, before it. */
  #answering = false;

  constructor(options: LocalFileStateOptions, crossing: Crossing) {
    this.#crossing = crossing;
    this.decidesAtOnce = crossing === 'at once';
    this.#inner = new LocalFileState({
      ...options,
      effects: (batch) => {
        const copy: readonly Effect[] = structuredClone(batch);
        const deliver = (): void => options.effects(copy, this);
        if (this.#crossing === 'at once' || this.#answering) deliver();
        else setImmediate(deliver);
      },
    });
  }

  /** A decision that was late crosses after the effects that came before it. */
  #cross<T>(decision: T): MaybePromise<T> {
    return this.#crossing === 'at once' ? decision : new Promise((resolve) => setImmediate(() => resolve(decision)));
  }

  submit<I extends Input>(fileId: string, input: I): MaybePromise<DecisionOf<I>> {
    const copy = structuredClone(input);
    const back = (decision: DecisionOf<I>): DecisionOf<I> => structuredClone(decision);
    const ask = (): MaybePromise<DecisionOf<I>> => {
      const decision = this.#inner.submit(fileId, copy);
      return decision instanceof Promise ? decision.then((late) => this.#cross(back(late))) : back(decision);
    };
    if (this.#crossing === 'at once') return ask();
    return new Promise((resolve) =>
      setImmediate(() => {
        this.#answering = true;
        try {
          resolve(ask());
        } finally {
          this.#answering = false;
        }
      }),
    );
  }

  guardOf(fileId: string): Guard {
    return this.#inner.guardOf(fileId);
  }

  knownGuard(fileId: string): Guard | undefined {
    return this.#inner.knownGuard(fileId);
  }

  look(fileId: string, openId: number): OpenState {
    return structuredClone(this.#inner.look(fileId, openId));
  }

  get totals(): StateTotals {
    return this.#inner.totals;
  }
}
