import type { Vfs } from '@ring3/vfs';
import { type FileState, LocalFileState } from '../state/index.ts';
import type { OutsideChanges } from './outside-changes.ts';
import { Pacer } from './pacer.ts';
import { Share, type ShareOptions } from './share.ts';

/** A store as the server uses it. */
export interface Store {
  /** Wrapped for the server's calls. */
  readonly vfs: Vfs;
  /** The state of its files. */
  readonly state: FileState;
  readonly outside: OutsideChanges | undefined;
}

/** The list of shares, found without regard to case; it always has IPC$. */
export class Shares {
  readonly #byName = new Map<string, Share>();
  /** Two shares of one store have one state of its files, and one wrapper of the store. */
  readonly #stores = new WeakMap<Vfs, Store & { readonly pacer: Pacer }>();
  readonly #wrap: (vfs: Vfs) => Store;

  /**
   * @param wrap makes what the server needs of a store
   */
  constructor(wrap: (vfs: Vfs) => Store = (vfs) => ({ vfs, state: new LocalFileState(), outside: undefined })) {
    this.#wrap = wrap;
    this.#byName.set('IPC$', new Share('IPC$'));
  }

  /** Whether a share could be added. @throws RangeError for an invalid name of a share, and for invalid options */
  check(name: string, options: ShareOptions): void {
    if (!/^[^\\/[\]:|<>+=;,*?"\p{Cc}]{1,80}$/u.test(name) || name.toUpperCase() === 'IPC$')
      throw new RangeError(
        `invalid share name ${JSON.stringify(name)}: 1 to 80 characters without control characters and \\/[]:|<>+=;,*?", and not IPC$`,
      );
    new Share(name, options);
  }

  /** @throws RangeError as `check` */
  add(name: string, options: ShareOptions): Share {
    this.check(name, options);
    let store = this.#stores.get(options.vfs);
    if (store === undefined) {
      store = { ...this.#wrap(options.vfs), pacer: new Pacer() };
      this.#stores.set(options.vfs, store);
    }
    const share = new Share(name, options, store.state, store.vfs, store.outside, store.pacer);
    this.#byName.set(name.toUpperCase(), share);
    return share;
  }

  /**
   * Changes the options of a share: new tree connects see the new options, existing ones keep theirs. With the same store they have one
   * state of its files.
   * @throws RangeError for an unknown share, and for invalid options; then nothing is changed
   */
  replace(name: string, options: ShareOptions): Share {
    const old = this.get(name);
    if (old === undefined) throw new RangeError(`no share of this name: ${JSON.stringify(name)}`);
    return this.add(old.name, options);
  }

  /** Removes a share from the list; existing tree connects stay. */
  delete(name: string): boolean {
    return name.toUpperCase() !== 'IPC$' && this.#byName.delete(name.toUpperCase());
  }

  get(name: string): Share | undefined {
    return this.#byName.get(name.toUpperCase());
  }

  all(): Share[] {
    return [...this.#byName.values()];
  }
}

/** Whether an object is a store, by its method `root`. */
export const isVfs = (value: object): value is Vfs => 'root' in value;

/** The list as an embedder writes it: a store, or a store with options. */
export function createShares(offered: Readonly<Record<string, Vfs | ShareOptions>>, wrap?: (vfs: Vfs) => Store): Shares {
  const shares = new Shares(wrap);
  for (const [name, value] of Object.entries(offered)) shares.add(name, isVfs(value) ? { vfs: value } : value);
  return shares;
}
