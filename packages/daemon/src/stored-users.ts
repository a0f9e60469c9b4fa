import type { Random } from '@ring3/kit';
import { Users, userKey } from '@ring3/smb-server';
import { type KnownUser, logsOn } from './settings.ts';
import type { StateStore } from './state-store.ts';

/** The users of a state directory, as the file server asks for them: each log-on sees what the store holds at that moment. */
export class StoredUsers extends Users {
  readonly #store: StateStore;
  readonly #random: Random;
  /** Users of this run alone: they come before stored ones of the same name. */
  readonly #own = new Set<string>();

  constructor(serverSid: string, store: StateStore, random: Random) {
    super(serverSid);
    this.#store = store;
    this.#random = random;
  }

  /** Adds a user for this run: known by what is not stored. @throws as `prepareForThisRun` */
  addForThisRun(name: string, how: KnownUser): void {
    this.prepareForThisRun(name, how)();
  }

  /**
   * Makes ready to add such a user.
   * @returns what adds it, and does not fail
   * @throws RangeError for a name or hash that is none, StateError where the state file does not take its number
   */
  prepareForThisRun(name: string, how: KnownUser): () => void {
    const known = logsOn(how) ? how : { ntHash: this.#random.fill(new Uint8Array(16)) }; // a hash of no password
    this.check(name, known);
    const rid = this.#store.ridOf(name);
    return () => {
      this.#own.add(userKey(name));
      this.add(name, known, rid);
    };
  }

  /** Takes such a user away; a stored one of that name comes back. */
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
