import { existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';

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
    this.#open();
    this.#set.run(file, key, value); // in one step: a value is never missing
    if (isNew) this.#files!.set(file, (this.#files!.get(file) ?? 0) + 1);
    return true;
  }

  remove(file: string, key: string): void {
    if (!this.#has(file)) return;
    const removed = Number(this.#remove.run(file, key).changes);
    const left = this.#files!.get(file)! - removed;
    if (left > 0) this.#files!.set(file, left);
    else this.#files!.delete(file);
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

  #open(): void {
    if (this.#database !== undefined) return;
    const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as typeof import('node:sqlite');
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    const database = new DatabaseSync(this.#path);
    // so a commit does not wait for the disk: a power cut may lose the last ones, a killed process none
    database.exec(`PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=2000;
      CREATE TABLE IF NOT EXISTS kept (file TEXT, key TEXT, value BLOB NOT NULL, PRIMARY KEY (file, key)) WITHOUT ROWID`);
    this.#get = database.prepare('SELECT value FROM kept WHERE file = ? AND key = ?');
    this.#set = database.prepare('INSERT OR REPLACE INTO kept VALUES (?, ?, ?)');
    this.#remove = database.prepare('DELETE FROM kept WHERE file = ? AND key = ?');
    this.#list = database.prepare('SELECT key FROM kept WHERE file = ?');
    this.#database = database;
    const rows = database.prepare('SELECT file, count(*) AS n FROM kept GROUP BY file').all() as { file: string; n: number }[];
    this.#files = new Map(rows.map(({ file, n }) => [file, n]));
  }
}
