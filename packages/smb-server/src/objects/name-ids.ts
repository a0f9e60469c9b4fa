import type { Handle } from '@ring3/vfs';
import type { NameId } from '../state/index.ts';

/** Numbers for the names (directory entries) by which the files of a store are open: the state of a file distinguishes hard links by them. */
export class NameIds {
  readonly #ids = new WeakMap<object, number>();
  #next = 1;

  /** The number of the name by which a handle was opened; undefined if its file has no other. The same name has the same number. */
  of({ entryKey }: Handle): NameId {
    if (entryKey === undefined) return undefined;
    let id = this.#ids.get(entryKey);
    if (id === undefined) this.#ids.set(entryKey, (id = this.#next++));
    return id;
  }
}
