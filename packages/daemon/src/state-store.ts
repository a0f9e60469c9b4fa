import { chmodSync, closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Random } from '@ring3/kit';
import { privateFolder } from './places.ts';

/** A user as the state directory keeps it: never the password, only its NT hash (MS-NLMP 3.3.1, NTOWFv1: MD4 of the UTF-16LE password). */
export interface StoredUser {
  readonly name: string;
  /** 16 bytes. */
  readonly ntHash: Uint8Array;
  /** Relative id: the last part of the user's SID; never given twice. */
  readonly rid: number;
}

const schema = `
  CREATE TABLE identity (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
  CREATE TABLE user (rid INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE COLLATE NOCASE, nt_hash BLOB) STRICT;
  INSERT INTO sqlite_sequence (name, seq) VALUES ('user', 999);
`;

/** What must outlive the process: who the server is, and its users. One SQLite file of mode 0600 in the state directory. */
export class StateStore implements Disposable {
  readonly #db: DatabaseSync;

  /** Opens the store, making the folder (mode 0700) and the file where they are missing. @throws Error when the folder is not this user's alone */
  constructor(stateDir: string) {
    const path = join(privateFolder(stateDir), 'state.sqlite');
    closeSync(openSync(path, 'a', 0o600));
    chmodSync(path, 0o600);
    this.#db = new DatabaseSync(path, { timeout: 5000 });
    this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    this.#migrate(path);
  }

  #migrate(path: string): void {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const { user_version: version } = this.#db.prepare('PRAGMA user_version').get() as { user_version: number };
      if (version > 1) throw new Error(`${path} was written by a later ring3 (format ${version}, this one knows 1)`);
      if (version === 0) this.#db.exec(`${schema} PRAGMA user_version = 1;`);
      this.#db.exec('COMMIT');
    } catch (error) {
      this.#db.exec('ROLLBACK');
      this.#db.close();
      throw error;
    }
  }

  /** Bytes under a key, made once and kept: the server's GUID, the sub-authorities of its SID. */
  identity(key: 'serverGuid' | 'machineSid', length: number, random: Random): Uint8Array {
    this.#db.prepare('INSERT INTO identity VALUES (?, ?) ON CONFLICT DO NOTHING').run(key, random.fill(new Uint8Array(length)));
    const { value } = this.#db.prepare('SELECT value FROM identity WHERE key = ?').get(key) as { value: Uint8Array };
    return value;
  }

  /** How many times a daemon has started on this state, this one included: ids that begin with it never repeat across restarts. */
  countStart(): number {
    const sql =
      "INSERT INTO identity VALUES ('starts', CAST('1' AS BLOB)) ON CONFLICT DO UPDATE SET value = CAST(CAST(CAST(value AS TEXT) AS INTEGER) + 1 AS BLOB) RETURNING CAST(value AS TEXT) AS starts";
    const { starts } = this.#db.prepare(sql).get() as { starts: string };
    return Number.parseInt(starts, 10);
  }

  /** Names are compared without regard to (ASCII) case. */
  user(name: string): StoredUser | undefined {
    const row = this.#db.prepare('SELECT name, nt_hash AS ntHash, rid FROM user WHERE name = ? AND nt_hash IS NOT NULL').get(name);
    return row as unknown as StoredUser | undefined;
  }

  users(): StoredUser[] {
    return this.#db
      .prepare('SELECT name, nt_hash AS ntHash, rid FROM user WHERE nt_hash IS NOT NULL ORDER BY name')
      .all() as unknown as StoredUser[];
  }

  /** @returns false when there is one of that name already */
  addUser(name: string, ntHash: Uint8Array): boolean {
    const sql = 'INSERT INTO user (name, nt_hash) VALUES (?, ?) ON CONFLICT DO UPDATE SET nt_hash = excluded.nt_hash WHERE nt_hash IS NULL';
    return this.#db.prepare(sql).run(name, ntHash).changes > 0;
  }

  /** The relative id of a user who is not stored: the same for the same name, whenever it is asked. */
  ridOf(name: string): number {
    this.#db.prepare('INSERT INTO user (name) VALUES (?) ON CONFLICT DO NOTHING').run(name);
    const { rid } = this.#db.prepare('SELECT rid FROM user WHERE name = ?').get(name) as { rid: number };
    return rid;
  }

  /** @returns false when there is none of that name */
  setPassword(name: string, ntHash: Uint8Array): boolean {
    return this.#db.prepare('UPDATE user SET nt_hash = ? WHERE name = ? AND nt_hash IS NOT NULL').run(ntHash, name).changes > 0;
  }

  /** @returns false when there was none of that name */
  deleteUser(name: string): boolean {
    return this.#db.prepare('DELETE FROM user WHERE name = ? AND nt_hash IS NOT NULL').run(name).changes > 0;
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}

/** Somebody else runs on this state. */
export class StateHeldError extends Error {
  override readonly name = 'StateHeldError';
}

/**
 * Holds the state directory for this process. The lock is SQLite's own on an empty database, so the system lets go of it however the process ends.
 * @throws StateHeldError naming the holder
 */
export function holdState(stateDir: string): Disposable {
  const path = join(privateFolder(stateDir), 'lock.sqlite');
  const holder = join(stateDir, 'pid');
  const lock = new DatabaseSync(path, { timeout: 0 });
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode !== 5) throw error; // SQLITE_BUSY
    throw new StateHeldError(`${stateDir} is in use by the ring3 of process ${readFileSync(holder, 'utf8').trim()}`);
  }
  writeFileSync(holder, `${process.pid}\n`, { mode: 0o600 });
  return { [Symbol.dispose]: () => lock.close() };
}
