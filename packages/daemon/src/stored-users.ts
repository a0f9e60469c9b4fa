import type { Random } from '@ring3/kit';
import { ntHash } from '@ring3/smb-proto';
import { Users, userKey } from '@ring3/smb-server';
import { type KnownUser, logsOn } from './settings.ts';
import type { StateStore, StoredUser } from './state-store.ts';

/** Warns of stored users whose password is empty, in one line; undefined if there are none. Every client that knows the name can log on. */
export function emptyPasswordWarning(users: readonly StoredUser[]): string | undefined {
  const empty = ntHash('');
  const names = users.filter(({ ntHash: hash }) => Buffer.compare(hash, empty) === 0).map(({ name }) => name);
  if (names.length === 0) return undefined;
  const shown = names.slice(0, mostNames).join(', ');
  const rest = names.length > mostNames ? ` and ${names.length - mostNames} more` : '';
  return `stored users with an empty password, with which every client can log on: ${shown}${rest} ("ring3 user password NAME" sets one, "ring3 user delete NAME" removes the user)`;
}

/** Names that one warning contains. */
const mostNames = 10;

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
