import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { close, currentFolder, Errno, OpenFlag, openAt, syncLater } from '@ring3/linux';
import { type Answer, isVfsCode, type VfsCode, VfsError } from '@ring3/vfs';
import { errorCode } from './error-code.ts';
import { checkpoint } from './sidecar-checkpoint.ts';

/** Bytes of extended attributes and other values that one file may have here, as anywhere on Linux. */
const mostBytes = 0x10000;

/** So many changes are in SQLite's log before it is taken into the database. */
const changesBeforeCheckpoint = 1000;
/** SQLite's result codes, https://sqlite.org/rescode.html: PERM, BUSY, NOMEM, READONLY, IOERR, CANTOPEN. */
const codes: Readonly<Record<number, VfsCode>> = { 3: 'EACCES', 5: 'EBUSY', 7: 'ENOMEM', 8: 'EROFS', 10: 'EIO', 14: 'EIO' };

/** Brings one file or directory to the medium, in the pool. A log that is not there is empty. */
async function synced(path: string): Promise<VfsCode | undefined> {
  const fd = openAt(currentFolder, path, OpenFlag.ReadOnly);
  if (fd < 0) return fd === -Errno.ENOENT ? undefined : errorCode(fd);
  const answer = await syncLater(fd);
  close(fd);
  return answer < 0 ? errorCode(answer) : undefined;
}

/**
 * What the host cannot keep beside a file: values by the file's exact id and a key, in the state folder. One row for each; most files have none, and
 * those are known, so that nothing is asked for them.
 */
export class Sidecar {
  readonly #path: string;
  /** Files that have values; undefined until the first question. */
  #files: Map<string, number> | undefined;
  #database: DatabaseSync | undefined;
  /** Whether something changed since the last flush. */
  #unsynced = false;
  /** Changes since the log was last taken into the database. */
  #changes = 0;
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
    return this.#tried(() => this.#get.get(file, key) as { value: Uint8Array } | undefined)?.value;
  }

  /** The keys that start so. */
  keys(file: string, prefix: string): string[] {
    if (!this.#has(file)) return [];
    return this.#tried(() => this.#list.all(file) as { key: string }[])
      .map(({ key }) => key)
      .filter((key) => key.startsWith(prefix));
  }

  /** @returns whether it fits */
  set(file: string, key: string, value: Uint8Array): boolean {
    if (value.length > mostBytes) return false;
    const isNew = this.get(file, key) === undefined;
    try {
      this.#open();
      this.#changed();
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
    this.#changed();
    return Number(this.#tried(() => this.#remove.run(file, key)).changes);
  }

  #tried<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** Takes note of a change, and has the log of changes taken into the database when it has grown. */
  #changed(): void {
    this.#unsynced = true;
    if (++this.#changes < changesBeforeCheckpoint) return;
    this.#changes = 0;
    checkpoint(this.#path);
  }

  /**
   * Brings what was kept to the medium, off the main thread: SQLite writes commits to its log without waiting for that.
   * @returns nothing; or a code. Costs nothing if nothing changed since the last time
   */
  flush(): Answer<void> {
    return this.#unsynced ? this.#flush() : undefined;
  }

  async #flush(): Promise<VfsCode | undefined> {
    this.#unsynced = false;
    for (const path of [this.#path, `${this.#path}-wal`, dirname(this.#path)]) {
      const code = await synced(path);
      if (code === undefined) continue;
      this.#unsynced = true;
      return code;
    }
    return undefined;
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
    if (code !== 'ERR_SQLITE_ERROR') return isVfsCode(code) ? new VfsError(code, `${this.#path}: ${message}`, { cause: error }) : error;
    const damaged = errcode === 11 || errcode === 26 || errcode === 1; // SQLITE_CORRUPT, SQLITE_NOTADB; SQLITE_ERROR: there is no such table
    return damaged
      ? this.#damaged(message, error)
      : new VfsError(codes[errcode & 0xff] ?? 'EIO', `${this.#path}: ${message}`, { cause: error });
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
      // and none takes the log into the database, which would wait for it
      database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0');
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
      database.exec('PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF'); // it is synced once, when it is complete
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
