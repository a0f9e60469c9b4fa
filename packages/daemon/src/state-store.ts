import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import type { Random } from '@ring3/kit';
import { userKey } from '@ring3/smb-server';
import { privateFolder } from './private-folder.ts';
import { openStateFile, stateError } from './state-file.ts';

/** A stored user: never the password, only its NT hash (MS-NLMP 3.3.1, NTOWFv1: MD4 of the UTF-16LE password). */
export interface StoredUser {
  readonly name: string;
  /** 16 bytes. */
  readonly ntHash: Uint8Array;
  /** Relative id: the last part of the SID of the user; never assigned twice. */
  readonly rid: number;
}

/** A stored share. */
export interface StoredShare {
  readonly name: string;
  /** The keys and values of a `[share.NAME]`. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** Finds the rows of a name (parameters: its key, its spelling twice); an exact spelling comes first. */
const named = '(folded = ? OR name = ? COLLATE BINARY) ORDER BY name = ? COLLATE BINARY DESC';

/**
 * Persistent state: the identity of the server, its users, and shares that were added by command. One SQLite file of mode 0600 in the state
 * directory.
 */
export class StateStore implements Disposable {
  readonly folder: string;
  readonly #db: DatabaseSync;
  readonly #path: string;

  /**
   * Opens the store. Creates the directory (mode 0700) and the file if they are missing.
   * @throws StateError if the file is damaged or cannot be used, Error if other users can enter the directory
   */
  constructor(stateDir: string) {
    this.folder = privateFolder(stateDir);
    this.#path = join(this.folder, 'state.sqlite');
    this.#db = openStateFile(this.#path);
  }

  /** Runs a query. @throws StateError if the file is the cause of the failure */
  #ask<T>(work: (db: DatabaseSync) => T): T {
    try {
      return work(this.#db);
    } catch (error) {
      throw stateError(this.#path, error);
    }
  }

  #row<T>(sql: string, ...values: SQLInputValue[]): T | undefined {
    return this.#ask((db) => db.prepare(sql).get(...values)) as T | undefined;
  }

  #rows<T>(sql: string): T[] {
    return this.#ask((db) => db.prepare(sql).all()) as T[];
  }

  /** @returns whether anything changed */
  #change(sql: string, ...values: SQLInputValue[]): boolean {
    return this.#ask((db) => db.prepare(sql).run(...values)).changes > 0;
  }

  /** Bytes of a key, generated once and kept: the GUID of the server, the sub-authorities of its SID. */
  identity(key: 'serverGuid' | 'machineSid', length: number, random: Random): Uint8Array {
    this.#change('INSERT INTO identity VALUES (?, ?) ON CONFLICT DO NOTHING', key, random.fill(new Uint8Array(length)));
    return (this.#row('SELECT value FROM identity WHERE key = ?', key) as { value: Uint8Array }).value;
  }

  /** How many times a daemon has started with this state, including this start. Ids that contain it never repeat across restarts. */
  countStart(): number {
    const sql =
      "INSERT INTO identity VALUES ('starts', CAST('1' AS BLOB)) ON CONFLICT DO UPDATE SET value = CAST(CAST(CAST(value AS TEXT) AS INTEGER) + 1 AS BLOB) RETURNING CAST(value AS TEXT) AS starts";
    return Number.parseInt((this.#row(sql) as { starts: string }).starts, 10);
  }

  /** Names are compared without case, as the file server compares them. */
  user(name: string): StoredUser | undefined {
    const sql = `SELECT name, nt_hash AS ntHash, rid FROM user WHERE nt_hash IS NOT NULL AND ${named} LIMIT 1`;
    return this.#row(sql, userKey(name), name, name);
  }

  /** The relative id of a name, whether a user has it or not. */
  #rid(name: string): number | undefined {
    return this.#row<{ rid: number }>(`SELECT rid FROM user WHERE ${named} LIMIT 1`, userKey(name), name, name)?.rid;
  }

  users(): StoredUser[] {
    return this.#rows('SELECT name, nt_hash AS ntHash, rid FROM user WHERE nt_hash IS NOT NULL ORDER BY name');
  }

  /** @returns false if the name exists already */
  addUser(name: string, ntHash: Uint8Array): boolean {
    const rid = this.#rid(name);
    if (rid !== undefined)
      return this.#change('UPDATE user SET nt_hash = ?, name = ? WHERE rid = ? AND nt_hash IS NULL', ntHash, name, rid);
    return this.#change('INSERT INTO user (name, folded, nt_hash) VALUES (?, ?, ?) ON CONFLICT DO NOTHING', name, userKey(name), ntHash);
  }

  /** The relative id of a user that is not stored; constant for a name. */
  ridOf(name: string): number {
    const rid = this.#rid(name);
    if (rid !== undefined) return rid;
    this.#change('INSERT INTO user (name, folded) VALUES (?, ?) ON CONFLICT DO NOTHING', name, userKey(name));
    return this.#rid(name) as number;
  }

  /** @returns false if the name does not exist */
  setPassword(name: string, ntHash: Uint8Array): boolean {
    return this.#change('UPDATE user SET nt_hash = ? WHERE rid = ? AND nt_hash IS NOT NULL', ntHash, this.#rid(name) ?? 0);
  }

  /** @returns false if the name did not exist */
  deleteUser(name: string): boolean {
    return this.#change('DELETE FROM user WHERE rid = ? AND nt_hash IS NOT NULL', this.#rid(name) ?? 0);
  }

  shares(): StoredShare[] {
    const rows = this.#rows<{ name: string; options: string }>('SELECT name, options FROM share ORDER BY folded');
    return rows.map(({ name, options }) => ({ name, options: JSON.parse(options) as StoredShare['options'] }));
  }

  /** Names are compared as the file server compares them. @returns false if the name exists already */
  addShare({ name, options }: StoredShare): boolean {
    return this.#change('INSERT INTO share VALUES (?, ?, ?) ON CONFLICT DO NOTHING', name.toUpperCase(), name, JSON.stringify(options));
  }

  /** @returns false if the name did not exist */
  deleteShare(name: string): boolean {
    return this.#change('DELETE FROM share WHERE folded = ?', name.toUpperCase());
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}

/** Another process uses this state. */
export class StateHeldError extends Error {
  override readonly name = 'StateHeldError';
}

/**
 * Locks the state directory for this process. The lock is that of SQLite on an empty database, so the system releases it however the
 * process ends.
 * @throws StateHeldError with the holder, StateError if the directory cannot be written
 */
export function holdState(stateDir: string): Disposable {
  const path = join(privateFolder(stateDir), 'lock.sqlite');
  const holder = join(stateDir, 'pid');
  try {
    const lock = lockWith(path);
    try {
      writeFileSync(holder, `${process.pid}\n`, { mode: 0o600 });
    } catch (error) {
      lock.close();
      throw error;
    }
    return { [Symbol.dispose]: () => lock.close() };
  } catch (error) {
    if ((error as { errcode?: number }).errcode !== 5) throw stateError(path, error); // SQLITE_BUSY
    throw new StateHeldError(`${stateDir} is in use by ${processIn(holder)}`);
  }
}

function lockWith(path: string): DatabaseSync {
  const lock = new DatabaseSync(path, { timeout: 0 });
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode !== 26) throw error; // SQLITE_NOTADB, which is detected after the lock
    truncateSync(path, 0); // it contains no data
    return lockWith(path);
  }
}

/** The process that is named in the lock file. The text is written after the lock was taken, so it may be missing or incomplete. */
function processIn(path: string): string {
  try {
    const [pid] = /^\d+\n$/.exec(readFileSync(path, 'utf8')) ?? [];
    if (pid !== undefined) return `the ring3 of process ${pid.trim()}`;
  } catch {}
  return 'another ring3';
}
