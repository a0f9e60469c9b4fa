import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { close, currentFolder, Errno, OpenFlag, openAt, syncLater } from '@ring3/linux';
import { type Answer, isVfsCode, type VfsCode, VfsError } from '@ring3/vfs';
import { errorCode } from './error-code.ts';
import { checkpoint } from './sidecar-checkpoint.ts';

/** Maximum length of one value in bytes, as for extended attributes on Linux. */
const maxBytes = 0x10000;

/** The key of object ids: always in the database, so that a copy of a file by another program does not have the same. */
export const objectIdKey = 'user.ring3.objectid';

/** Databases up to this size are read for the set of their files, in some 20 ms; larger ones are asked for each file. Bytes. */
const maxSetBytes = 2 ** 20;
/** Number of changes in SQLite's log before a checkpoint. */
const changesBeforeCheckpoint = 1000;
/** SQLite's result codes, https://sqlite.org/rescode.html: PERM, BUSY, NOMEM, READONLY, IOERR, CANTOPEN. */
const codes: Readonly<Record<number, VfsCode>> = { 3: 'EACCES', 5: 'EBUSY', 7: 'ENOMEM', 8: 'EROFS', 10: 'EIO', 14: 'EIO' };

/** The files that have values, with their number. */
function filesOf(database: DatabaseSync): Map<string, number> {
  const rows = database.prepare('SELECT file, count(*) AS n FROM kept GROUP BY file').all() as { file: string; n: number }[];
  return new Map(rows.map(({ file, n }) => [file, n]));
}

/** Bytes of a database by its header, https://sqlite.org/fileformat.html 1.3.7; 0 if that is not valid. */
function sizeInHeader(path: string, page: number): number {
  const header = Buffer.alloc(100);
  const fd = openSync(path, 'r');
  try {
    readSync(fd, header, 0, header.length, 0);
  } finally {
    closeSync(fd);
  }
  return header.readUInt32BE(24) === header.readUInt32BE(92) ? header.readUInt32BE(28) * page : 0;
}

/** Flushes one file or directory to the medium, in the pool. A missing log is empty. */
async function syncPath(path: string): Promise<VfsCode | undefined> {
  const fd = openAt(currentFolder, path, OpenFlag.ReadOnly);
  if (fd < 0) return fd === -Errno.ENOENT ? undefined : errorCode(fd);
  const answer = await syncLater(fd);
  close(fd);
  return answer < 0 ? errorCode(answer) : undefined;
}

/**
 * Values that the host cannot store with a file, by the file's exact id and a key, in a database in the state directory. Most files have no
 * values: while few have some, the set of those is in memory, so the others cause no query.
 */
export class Sidecar {
  readonly #path: string;
  /** Files that have values, with their number; `many` if the database must be asked; undefined before the first use. */
  #files: Map<string, number> | 'many' | undefined;
  #database: DatabaseSync | undefined;
  /** Whether there was a change since the last flush. */
  #unsynced = false;
  /** Changes since the last checkpoint. */
  #changes = 0;
  #get!: StatementSync;
  #set!: StatementSync;
  #remove!: StatementSync;
  #list!: StatementSync;
  /** Prepared on first use, with its index. */
  #find: StatementSync | undefined;

  /** @param directory the state directory; it is created on first use */
  constructor(directory: string) {
    this.#path = join(directory, 'sidecar.sqlite');
  }

  /**
   * Opens the database if it exists, so that damage is found before the directory is served.
   * @throws VfsError
   */
  load(): void {
    if (existsSync(this.#path)) this.#open();
  }

  /** @returns the value, or undefined */
  get(file: string, key: string): Uint8Array | undefined {
    if (!this.#has(file)) return undefined;
    return this.#attempt(() => this.#get.get(file, key) as { value: Uint8Array } | undefined)?.value;
  }

  /** Returns the keys of a file with a prefix. */
  keys(file: string, prefix: string): string[] {
    if (!this.#has(file)) return [];
    return this.#attempt(() => this.#list.all(file) as { key: string }[])
      .map(({ key }) => key)
      .filter((key) => key.startsWith(prefix));
  }

  /** The file whose object id begins with these 16 bytes. */
  withObjectId(id: Uint8Array): string | undefined {
    this.#has('');
    return this.#attempt(() => this.#finder()?.get(id) as { file: string } | undefined)?.file;
  }

  #finder(): StatementSync | undefined {
    if (this.#database === undefined || this.#find !== undefined) return this.#find;
    this.#database.exec(`CREATE INDEX IF NOT EXISTS object_ids ON kept (substr(value, 1, 16)) WHERE key = '${objectIdKey}'`);
    this.#find = this.#database.prepare(`SELECT file FROM kept WHERE key = '${objectIdKey}' AND substr(value, 1, 16) = ?`);
    return this.#find;
  }

  /** @returns whether it fits */
  set(file: string, key: string, value: Uint8Array): boolean {
    if (value.length > maxBytes) return false;
    const isNew = this.get(file, key) === undefined;
    try {
      this.#open();
      this.#changed();
      this.#set.run(file, key, value); // atomic: a value is never missing
    } catch (error) {
      const failed = this.#failure(error);
      if (failed instanceof VfsError && failed.code === 'ENOSPC') return false;
      throw failed;
    }
    if (isNew && this.#files instanceof Map) this.#files.set(file, (this.#files.get(file) ?? 0) + 1);
    return true;
  }

  /** @returns whether there was a value */
  remove(file: string, key: string): boolean {
    if (!this.#has(file)) return false;
    const files = this.#files;
    if (!(files instanceof Map)) return this.get(file, key) !== undefined && this.#delete(file, key) > 0;
    const removed = this.#delete(file, key);
    const left = files.get(file)! - removed;
    if (left > 0) files.set(file, left);
    else files.delete(file);
    return removed > 0;
  }

  #delete(file: string, key: string): number {
    this.#changed();
    return Number(this.#attempt(() => this.#remove.run(file, key)).changes);
  }

  #attempt<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** Counts a change and starts a checkpoint if the log has grown. */
  #changed(): void {
    this.#unsynced = true;
    if (++this.#changes < changesBeforeCheckpoint) return;
    this.#changes = 0;
    checkpoint(this.#path);
  }

  /**
   * Flushes the values to the medium, off the main thread: SQLite writes commits to its log without a flush. Without changes since the last
   * flush it costs nothing.
   * @returns undefined or a code
   */
  flush(): Answer<void> {
    return this.#unsynced ? this.#flush() : undefined;
  }

  async #flush(): Promise<VfsCode | undefined> {
    this.#unsynced = false;
    for (const path of [this.#path, `${this.#path}-wal`, dirname(this.#path)]) {
      const code = await syncPath(path);
      if (code === undefined) continue;
      this.#unsynced = true;
      return code;
    }
    return undefined;
  }

  /** Removes the values of a deleted file. If that fails (a full disk), they stay: the ids of files are never used again. */
  forget(file: string): void {
    try {
      if (!this.#has(file)) return;
      for (const key of this.keys(file, '')) this.remove(file, key);
    } catch (error) {
      if (!(error instanceof VfsError)) throw error;
    }
  }

  close(): void {
    this.#database?.close();
    this.#database = undefined;
    this.#find = undefined;
    this.#files = undefined;
  }

  #has(file: string): boolean {
    if (this.#files === undefined) {
      if (existsSync(this.#path)) this.#open();
      else this.#files = new Map();
    }
    return this.#files === 'many' || this.#files!.has(file);
  }

  /** Returns the error for a failure of SQLite: the fault, the path, and the remedy. */
  #failure(error: unknown): unknown {
    const { code, errcode = 0, message } = error as { code?: string; errcode?: number; message: string };
    if (code === 'ENOSPC' || code === 'EDQUOT' || errcode === 13)
      return new VfsError('ENOSPC', `${this.#path} cannot be written`, { cause: error });
    if (code !== 'ERR_SQLITE_ERROR') return isVfsCode(code) ? new VfsError(code, `${this.#path}: ${message}`, { cause: error }) : error;
    const damaged = errcode === 11 || errcode === 26 || errcode === 1; // SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_ERROR (no such table)
    return damaged
      ? this.#damaged(message, error)
      : new VfsError(codes[errcode & 0xff] ?? 'EIO', `${this.#path}: ${message}`, { cause: error });
  }

  #damaged(how: string, cause?: unknown): VfsError {
    const what = `${this.#path} is damaged (${how}): restore a copy, or move it away to continue without the values that it stores`;
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
      if (size % page !== 0) throw this.#damaged('it ends within a page'); // SQLite would read the rest of the page as zeros
      if (sizeInHeader(this.#path, page) > size) throw this.#damaged('it is shorter than its header says');
      // a commit does not wait for the disk: a power failure may lose the last commits, a killed process loses none; no commit runs a
      // checkpoint, which would wait for the disk
      database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0');
      this.#get = database.prepare('SELECT value FROM kept WHERE file = ? AND key = ?');
      this.#set = database.prepare('INSERT OR REPLACE INTO kept VALUES (?, ?, ?)');
      this.#remove = database.prepare('DELETE FROM kept WHERE file = ? AND key = ?');
      this.#list = database.prepare('SELECT key FROM kept WHERE file = ?');
      this.#files = size > maxSetBytes ? 'many' : filesOf(database);
      this.#database = database;
    } catch (error) {
      database?.close();
      throw this.#failure(error);
    }
  }

  /** Creates the database under a temporary name and renames it when it is complete: an empty file counts as damaged. */
  #make({ DatabaseSync }: typeof import('node:sqlite')): void {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    const fresh = `${this.#path}.new`;
    for (const left of [fresh, `${this.#path}-wal`, `${this.#path}-shm`]) rmSync(left, { force: true }); // of a moved database
    const database = new DatabaseSync(fresh);
    try {
      database.exec('PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF'); // it is flushed once, when it is complete
      database.exec('CREATE TABLE kept (file TEXT, key TEXT, value BLOB NOT NULL, PRIMARY KEY (file, key)) WITHOUT ROWID');
    } finally {
      database.close();
    }
    const fd = openSync(fresh, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(fresh, this.#path);
  }
}
