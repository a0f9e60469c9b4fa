import { type Logon, ntHash } from '@ring3/smb-proto';
import { type Identity, upcase } from '@ring3/vfs';

/** The secret of a user: a password, or the NT hash of one (16 bytes, or 32 hexadecimal digits). */
export type UserOptions = string | { readonly ntHash: Uint8Array | string };

/** Everyone, NETWORK, Authenticated Users, BUILTIN\Users. MS-DTYP 2.4.2.4. */
const everyone = 'S-1-1-0';
const network = 'S-1-5-2';
const authenticated = 'S-1-5-11';
const users = 'S-1-5-32-545';
const guests = 'S-1-5-32-546';
const guestRid = 501;
const usersRid = 513;
const firstRid = 1000;

interface User {
  readonly name: string;
  readonly hash: Uint8Array;
  readonly sid: string;
}

/** The key under which user names are the same: they are compared without case, by the table of file names. */
export const userKey = (name: string): string => upcase(name);

/** The users that may log on. Names are compared without case. */
export class Users {
  readonly serverSid: string;
  readonly #byName = new Map<string, User>();
  readonly #bySid = new Map<string, User>();
  #nextRid = firstRid;

  /** @param serverSid `S-1-5-21-…`: the start of the users' SIDs */
  constructor(serverSid: string) {
    this.serverSid = serverSid;
  }

  /** Whether a user could be added. @throws RangeError for an invalid name or hash */
  check(name: string, how: UserOptions): void {
    if (!/^[^"/\\[\]:;|=,+*?<>\p{Cc}]{1,104}$/u.test(name))
      throw new RangeError(
        `invalid user name ${JSON.stringify(name)}: 1 to 104 characters without control characters and "/\\[]:;|=,+*?<>`,
      );
    if (typeof how !== 'string') bytesOf(how.ntHash);
  }

  /** @param rid the last number of the SID; default: the next free one @throws RangeError as `check` */
  add(name: string, how: UserOptions, rid = this.#nextRid): void {
    this.check(name, how);
    const hash = typeof how === 'string' ? ntHash(how) : bytesOf(how.ntHash);
    this.delete(name);
    const user = { name, hash, sid: `${this.serverSid}-${rid}` };
    this.#byName.set(userKey(name), user);
    this.#bySid.set(user.sid, user);
    this.#nextRid = Math.max(this.#nextRid, rid + 1);
  }

  /** The primary group of all users with an account here: the server's own users. */
  get groupSid(): string {
    return `${this.serverSid}-${usersRid}`;
  }

  delete(name: string): boolean {
    const user = this.#byName.get(userKey(name));
    if (user === undefined) return false;
    if (this.#bySid.get(user.sid) === user) this.#bySid.delete(user.sid);
    return this.#byName.delete(userKey(name));
  }

  /** @returns the name of the user with this SID */
  nameOf(sid: string): string | undefined {
    return this.#bySid.get(sid)?.name;
  }

  /** @returns the name as it was configured, and the SID, of a user by its name in any case */
  find(name: string): { readonly name: string; readonly sid: string } | undefined {
    return this.#byName.get(userKey(name));
  }

  /** The names and SIDs of all users. */
  all(): Iterable<{ readonly name: string; readonly sid: string }> {
    return this.#byName.values();
  }

  names(): string[] {
    return [...this.#byName.values()].map(({ name }) => name);
  }

  hashOf(name: string): Uint8Array | undefined {
    return this.#byName.get(userKey(name))?.hash;
  }

  /** The identity of a logged-on user, for stores and descriptors. */
  identityOf({ user, guest, anonymous }: Pick<Logon, 'user' | 'guest' | 'anonymous'>): Identity {
    if (anonymous) return { name: '', sid: 'S-1-5-7', groups: [everyone, network], guest: true };
    if (guest) return { name: user, sid: `${this.serverSid}-${guestRid}`, groups: [everyone, network, guests], guest: true };
    const known = this.#byName.get(userKey(user));
    return {
      name: known?.name ?? user,
      sid: known?.sid ?? `${this.serverSid}-${guestRid}`,
      groups: [everyone, network, authenticated, users, this.groupSid],
      guest: false,
    };
  }

  /** The identity of a user who has not logged on; undefined if it does not exist. */
  identityOfUser(name: string): Identity | undefined {
    return this.hashOf(name) === undefined ? undefined : this.identityOf({ user: name, guest: false, anonymous: false });
  }
}

function bytesOf(hash: Uint8Array | string): Uint8Array {
  if (typeof hash !== 'string') {
    if (hash.length !== 16) throw new RangeError(`an NT hash has 16 bytes, not ${hash.length}`);
    return hash;
  }
  if (!/^[0-9a-fA-F]{32}$/.test(hash)) throw new RangeError('an NT hash has 32 hexadecimal digits');
  return new Uint8Array(Buffer.from(hash, 'hex'));
}
