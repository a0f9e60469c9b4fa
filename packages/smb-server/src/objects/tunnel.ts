import { foldName } from '@ring3/vfs';
import { isShortName, shortNameOf } from '../values/short-names.ts';

/** How long a removed name is remembered, ms, and the maximum number of them. */
const lifetime = 15_000;
const capacity = 1024;

/**
 * Volume.TunnelCacheList of MS-FSA 2.1.1.1, for short names: a program that removes a file and makes one by the same short name gets the
 * long name again.
 */
export class Tunnel {
  readonly #removed = new Map<string, { readonly name: string; readonly until: number }>();

  /** The name is removed from a directory. @param folder names from the root */
  remember(folder: readonly string[], name: string, now: number): void {
    if (isShortName(name)) return;
    const key = keyOf(folder, shortNameOf(name, 0));
    this.#removed.delete(key);
    this.#removed.set(key, { name, until: now + lifetime });
    if (this.#removed.size <= capacity) return;
    for (const oldest of this.#removed.keys()) {
      this.#removed.delete(oldest);
      break;
    }
  }

  /** The long name for an entry that is made by a short name; or undefined. */
  find(folder: readonly string[], shortName: string, now: number): string | undefined {
    const found = this.#removed.get(keyOf(folder, shortName));
    return found === undefined || found.until < now ? undefined : found.name;
  }
}

const keyOf = (folder: readonly string[], name: string): string => [...folder, name].map(foldName).join('/');
