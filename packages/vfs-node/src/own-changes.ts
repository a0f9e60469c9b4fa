import { isPromise } from '@ring3/kit';
import type { Answer } from '@ring3/vfs';

/**
 * The changes that handles of the store make of the entries of one directory, until the host has reported them. A watch of the changes of others leaves the events
 * of these names out.
 */
export class OwnChanges {
  /** Watches of the changes of others in the directory. */
  watches = 0;
  /** By name: changes in progress. */
  readonly #names = new Map<string, number>();
  readonly #unreported: Set<OwnChanges>;

  readonly #began: () => void;

  /**
   * @param unreported those with changes that the host may not have reported
   * @param began called for each change: its events have to be read soon, because a change without an event would hide a later one of another program
   */
  constructor(unreported: Set<OwnChanges>, began: () => void) {
    this.#unreported = unreported;
    this.#began = began;
  }

  /** A change of an entry begins. `end` or `ended` ends it. */
  begin(name: string): void {
    this.#names.set(name, (this.#names.get(name) ?? 0) + 1);
    this.#unreported.add(this);
    this.#began();
  }

  end(name: string): void {
    this.#names.set(name, (this.#names.get(name) ?? 1) - 1);
  }

  /** Ends a change with its result. @returns the result */
  ended<T>(name: string, answer: Answer<T>): Answer<T> {
    if (isPromise(answer)) return answer.finally(() => this.end(name));
    this.end(name);
    return answer;
  }

  /** Whether an event of this name may be of a change of the store. */
  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** Every event of the changes that have ended was read. */
  reported(): void {
    for (const [name, running] of this.#names) if (running <= 0) this.#names.delete(name);
    if (this.#names.size === 0) this.#unreported.delete(this);
  }
}
