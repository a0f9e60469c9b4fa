import {
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { Errno, errnoName, FlockOperation, flock } from '@ring3/linux';
import { userKey } from '@ring3/smb-server';
import type { ConfiguredUser } from '../configuration.ts';
import { ConfigurationError, shown } from '../configuration-error.ts';
import { readText } from '../read-text.ts';

/** A user of a ksmbdpwd.db. */
export type KsmbdUser = Required<ConfiguredUser>;

/** Path of the users of a ksmbd.conf: in the same directory. */
export const ksmbdUsersOf = (conf: string): string => join(dirname(conf), 'ksmbdpwd.db');

const line = /^([^:]+):([A-Za-z0-9+/]{22}==)\s*$/u;
/** How long to wait for another ring3 that changes the file, and how often to check. */
const [longestTurnMs, turnMs] = [5000, 10];
/** Names that clients can send: MS-SAMR 3.1.1.6. */
const possible = /^[^"/\\[\]:;|=,+*?<>\p{Cc}]{1,47}$/u;

/**
 * Reads the users of the kernel's server, ksmbdpwd.db(5): lines of a name, a colon, and the NT hash in base64. Of names that differ only by
 * case the first counts, because ring3 compares names without case.
 * @throws ConfigurationError with the number of the line, never its contents
 */
export function readKsmbdUsers(source: string, file: string): { readonly users: KsmbdUser[]; readonly warnings: string[] } {
  const found = new Map<string, KsmbdUser & { readonly line: number }>();
  const warnings: string[] = [];
  for (const [i, text] of source.split('\n').entries()) {
    if (text.trim() === '') continue;
    const [, name, base64] = line.exec(text) ?? [];
    if (name === undefined || base64 === undefined)
      throw new ConfigurationError(file, i + 1, 'a line must be NAME:BASE64, with a hash of 16 bytes');
    const before = found.get(userKey(name));
    if (!possible.test(name)) warnings.push(`${file}:${i + 1}: ${shown(name)} is ignored: no client can log on with that name`);
    else if (before === undefined) found.set(userKey(name), { name, ntHash: new Uint8Array(Buffer.from(base64, 'base64')), line: i + 1 });
    else
      warnings.push(
        `${file}:${i + 1}: "${name}" is ignored: names are compared without case, and line ${before.line} has "${before.name}"`,
      );
  }
  return { users: [...found.values()].map(({ name, ntHash }) => ({ name, ntHash })), warnings };
}

/**
 * The users of a ksmbd.conf, for changes. Lines that are not changed stay as they are. Each change is complete on disk when the call
 * returns.
 */
export class KsmbdUsers implements Disposable {
  readonly #path: string;

  /** @param path of the ksmbdpwd.db; it is created with the first user */
  constructor(path: string) {
    this.#path = path;
  }

  /** @throws ConfigurationError for an invalid line */
  users(): readonly KsmbdUser[] {
    return readKsmbdUsers(readText(this.#path, ''), this.#path).users;
  }

  user(name: string): KsmbdUser | undefined {
    return this.users().find((known) => userKey(known.name) === userKey(name));
  }

  /** @returns false if the user exists already @throws Error for a name that ksmbdpwd.db(5) does not allow */
  addUser(name: string, ntHash: Uint8Array): boolean {
    return this.#alone(() => this.#add(name, ntHash));
  }

  #add(name: string, ntHash: Uint8Array): boolean {
    if (this.user(name) !== undefined) return false;
    if (!possible.test(name) || Buffer.byteLength(name) > 47)
      throw new Error(`invalid user name "${name}" for ${this.#path}: 1 to 47 bytes, none of "/\\[]:;|=,+*?<>`);
    this.#write([...this.#lines(), entryOf(name, ntHash)]);
    return true;
  }

  /** @returns false if there is no user of that name */
  setPassword(name: string, ntHash: Uint8Array): boolean {
    return this.#alone(() => this.#replace(name, (known) => [entryOf(known, ntHash)]));
  }

  /** @returns false if there was no user of that name */
  deleteUser(name: string): boolean {
    return this.#alone(() => this.#replace(name, () => []));
  }

  /**
   * Reads and writes under a lock, so that changes of another ring3 are not lost. The lock is on the directory, because the file is
   * replaced.
   */
  #alone<T>(work: () => T): T {
    const folder = openSync(dirname(existsSync(this.#path) ? realpathSync(this.#path) : this.#path), 'r');
    try {
      for (let waited = 0; ; waited += turnMs) {
        const answer = flock(folder, FlockOperation.Exclusive);
        if (answer === 0) return work();
        if (answer !== -Errno.EAGAIN || waited >= longestTurnMs)
          throw new Error(
            `${this.#path} cannot be changed now: ${answer === -Errno.EAGAIN ? 'another ring3 changes it' : errnoName(-answer)}`,
          );
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, turnMs);
      }
    } finally {
      closeSync(folder);
    }
  }

  #lines(): string[] {
    return readText(this.#path, '')
      .split('\n')
      .filter((text) => text !== '');
  }

  #replace(name: string, entries: (known: string) => readonly string[]): boolean {
    const known = this.user(name);
    if (known === undefined) return false;
    this.#write(this.#lines().flatMap((text) => (text.startsWith(`${known.name}:`) ? entries(known.name) : [text])));
    return true;
  }

  /** Writes a new file and renames it, so that a reader sees the old or the new contents. Owner and mode stay. */
  #write(lines: readonly string[]): void {
    const path = existsSync(this.#path) ? realpathSync(this.#path) : this.#path;
    const before = statSync(path, { throwIfNoEntry: false });
    const fresh = `${path}.new-${process.pid}`;
    try {
      rmSync(fresh, { force: true });
      const descriptor = openSync(fresh, 'wx', 0o600); // never follows a link that another user has put there
      try {
        writeFileSync(descriptor, lines.map((text) => `${text}\n`).join(''));
        if (before !== undefined) {
          if (process.getuid?.() === 0) fchownSync(descriptor, before.uid, before.gid);
          fchmodSync(descriptor, before.mode & 0o777);
        }
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
      renameSync(fresh, path);
    } finally {
      rmSync(fresh, { force: true });
    }
  }

  [Symbol.dispose](): void {}
}

const entryOf = (name: string, ntHash: Uint8Array): string => `${name}:${Buffer.from(ntHash).toString('base64')}`;
