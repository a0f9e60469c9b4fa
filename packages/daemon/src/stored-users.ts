import type { Random } from '@ring3/kit';
import { Users, userKey } from '@ring3/smb-server';
import { type KnownUser, logsOn } from './settings.ts';
import type { StateStore } from './state-store.ts';

/** The users of a state directory for the file server. Each logon reads the present contents of the store. */
export class StoredUsers extends Users {
  readonly #store: StateStore;
  readonly #random: Random;
  /** Users of this run only; they replace stored users of the same name. */
  readonly #own = new Set<string>();

  constructor(serverSid: string, store: StateStore, random: Random) {
    super(serverSid);
    this.#store = store;
    this.#random = random;
  }

  /** Adds a user for this run, which is not stored. @throws as `prepareForThisRun` */
  addForThisRun(name: string, how: KnownUser): void {
    this.prepareForThisRun(name, how)();
  }

  /**
   * Prepares to add such a user.
   * @returns a function that adds it and cannot fail
   * @throws RangeError for an invalid name or hash, StateError if the state file cannot store its relative id
   */
  prepareForThisRun(name: string, how: KnownUser): () => void {
    const known = logsOn(how) ? how : { ntHash: this.#random.fill(new Uint8Array(16)) }; // a hash of no known password
    this.check(name, known);
    const rid = this.#store.ridOf(name);
    return () => {
      this.#own.add(userKey(name));
      this.add(name, known, rid);
    };
  }

  /** Removes such a user; a stored user of the same name becomes visible again. */
  deleteForThisRun(name: string): void {
    this.#own.delete(userKey(name));
    this.delete(name);
  }

  override hashOf(name: string): Uint8Array | undefined {
    if (!this.#own.has(userKey(name))) {
      const stored = this.#store.user(name);
      if (stored === undefined) this.delete(name);
      else this.add(stored.name, { ntHash: stored.ntHash }, stored.rid);
    }
    return super.hashOf(name);
  }
}
