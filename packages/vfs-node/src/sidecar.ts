import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { VfsError } from '@ring3/vfs';

/** Bytes of extended attributes and other values that one file may have here, as anywhere on Linux. */
const mostBytes = 0x10000;

/**
 * What the host cannot keep beside a file: values by the file's exact id and a key, in the state folder. One row for each; most files have none, and
 * those are known, so that nothing is asked for them.
 */
export class Sidecar {
  readonly #path: string;
  /** Files that have values; undefined until the first question. */
  #files: Map<string, number> | undefined;
  #database: DatabaseSync | undefined;
  #get!: StatementSync;
  #set!: StatementSync;
  #remove!: StatementSync;
  #list!: StatementSync;

  /** @param folder of the state; it is made when there is something to keep */
  constructor(folder: string) {
    this.#path = join(folder, 'sidecar.sqlite');
  }

  /** Reads it, where it is there: a damaged one is found before anybody is served without what it keeps. @throws VfsError */
  load(): void {
    if (existsSync(this.#path)) this.#open();
  }

  /** @returns the value, or undefined */
  get(file: string, key: string): Uint8Array | undefined {
    if (!this.#has(file)) return undefined;
    return (this.#get.get(file, key) as { value: Uint8Array } | undefined)?.value;
  }

  /** The keys that start so. */
  keys(file: string, prefix: string): string[] {
    if (!this.#has(file)) return [];
    return (this.#list.all(file) as { key: string }[]).map(({ key }) => key).filter((key) => key.startsWith(prefix));
  }

  /** @returns whether it fits */
  set(file: string, key: string, value: Uint8Array): boolean {
    if (value.length > mostBytes) return false;
    const isNew = this.get(file, key) === undefined;
    try {
      this.#open();
      this.#set.run(file, key, value); // in one step: a value is never missing
    } catch (error) {
      const failed = this.#failure(error);
      if (failed instanceof VfsError && failed.code === 'ENOSPC') return false;
      throw failed;
    }
    if (isNew) this.#files!.set(file, (this.#files!.get(file) ?? 0) + 1);
    return true;
  }

  remove(file: string, key: string): void {
    if (!this.#has(file)) return;
    const left = this.#files!.get(file)! - this.#delete(file, key);
    if (left > 0) this.#files!.set(file, left);
    else this.#files!.delete(file);
  }

  #delete(file: string, key: string): number {
    try {
      return Number(this.#remove.run(file, key).changes);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** Forgets a file that is gone. */
  forget(file: string): void {
    if (!this.#has(file)) return;
    for (const key of this.keys(file, '')) this.remove(file, key);
  }

  close(): void {
    this.#database?.close();
    this.#database = undefined;
    this.#files = undefined;
  }

  #has(file: string): boolean {
    if (this.#files === undefined) {
      if (existsSync(this.#path)) this.#open();
      else this.#files = new Map();
    }
    return this.#files!.has(file);
  }

  /** What is thrown for a failure of SQLite: what is wrong, where, and what to do. */
  #failure(error: unknown): unknown {
    const { code, errcode = 0, message } = error as { code?: string; errcode?: number; message: string };
    if (code === 'ENOSPC' || code === 'EDQUOT' || errcode === 13)
      return new VfsError('ENOSPC', `${this.#path} cannot be written`, { cause: error });
    if (code !== 'ERR_SQLITE_ERROR') return error;
    const damaged = errcode === 11 || errcode === 26 || errcode === 1; // SQLITE_CORRUPT, SQLITE_NOTADB; SQLITE_ERROR: there is no such table
    return damaged ? this.#damaged(message, error) : new VfsError('EIO', `${this.#path}: ${message}`, { cause: error });
  }

  #damaged(how: string, cause?: unknown): VfsError {
    const what = `${this.#path} is damaged (${how}): put a copy of it back, or move it away to go on without what it keeps of the folder's files`;
    return new VfsError('EIO', what, { cause });
  }

  #open(): void {
    if (this.#database !== undefined) return;
    const sqlite = createRequire(import.meta.url)('node:sqlite') as typeof import('node:sqlite');
    if (!existsSync(this.#path)) this.#make(sqlite);
    const size = statSync(this.#path).size;
    if (size === 0) throw this.#damaged('it is empty');
    let database: DatabaseSync | undefined;
    try {
      database = new sqlite.DatabaseSync(this.#path, { timeout: 2000 });
      const { page_size: page } = database.prepare('PRAGMA page_size').get() as { page_size: number };
      if (size % page !== 0) throw this.#damaged('it ends within a page'); // SQLite would take the rest of the page for zeros
      // so a commit does not wait for the disk: a power cut may lose the last ones, a killed process none
      database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL');
      this.#get = database.prepare('SELECT value FROM kept WHERE file = ? AND key = ?');
      this.#set = database.prepare('INSERT OR REPLACE INTO kept VALUES (?, ?, ?)');
      this.#remove = database.prepare('DELETE FROM kept WHERE file = ? AND key = ?');
      this.#list = database.prepare('SELECT key FROM kept WHERE file = ?');
      const rows = database.prepare('SELECT file, count(*) AS n FROM kept GROUP BY file').all() as { file: string; n: number }[];
      this.#files = new Map(rows.map(({ file, n }) => [file, n]));
      this.#database = database;
    } catch (error) {
      database?.close();
      throw this.#failure(error);
    }
  }

  /** Makes the file under another name and gives it its own when it is complete: an empty one is a damaged one. */
  #make({ DatabaseSync }: typeof import('node:sqlite')): void {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    const fresh = `${this.#path}.new`;
    for (const left of [fresh, `${this.#path}-wal`, `${this.#path}-shm`]) rmSync(left, { force: true }); // of one that was moved away
    const database = new DatabaseSync(fresh);
    try {
      database.exec('CREATE TABLE kept (file TEXT, key TEXT, value BLOB NOT NULL, PRIMARY KEY (file, key)) WITHOUT ROWID');
    } finally {
      database.close();
    }
    renameSync(fresh, this.#path);
  }
}
