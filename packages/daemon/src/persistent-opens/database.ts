import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { PersistentChange, PersistentOpen, StoredOpen } from '@ring3/smb-server';

/** `user_version` of the file. */
const format = 1;
const schema = `
  CREATE TABLE open (id INTEGER PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE lock (n INTEGER PRIMARY KEY, open INTEGER NOT NULL, "offset" INTEGER NOT NULL, length INTEGER NOT NULL, exclusive INTEGER NOT NULL) STRICT;
  CREATE INDEX lock_range ON lock (open, "offset", length);
  CREATE TABLE sequence (open INTEGER NOT NULL, place INTEGER NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (open, place)) STRICT, WITHOUT ROWID;
  PRAGMA user_version = ${format};`;

/** SQLite has 64-bit integers with a sign; offsets and lengths have none. */
const signed = (value: bigint): bigint => BigInt.asIntN(64, value);
const unsigned = (value: unknown): bigint => BigInt.asUintN(64, value as bigint);

/**
 * The database of persistent opens. A commit waits for the medium, so it runs in a thread of its own. Each open is one row with its values as
 * JSON; its locks are rows of their own, so that a LOCK stores only what it adds.
 */
export class OpensDatabase {
  readonly #db: DatabaseSync;
  readonly #put: StatementSync;
  readonly #addLock: StatementSync;
  readonly #dropLock: StatementSync;
  readonly #number: StatementSync;
  readonly #ends: readonly StatementSync[];

  /** @throws the error of SQLite; Error if a later version has written the file */
  constructor(path: string) {
    this.#db = new DatabaseSync(path, { timeout: 5000 });
    try {
      this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
      const { user_version: version } = this.#db.prepare('PRAGMA user_version').get() as { user_version: number };
      if (version > format) throw new Error(`${path} was written by a later ring3 (format ${version}; this version reads up to ${format})`);
      if (version === 0) this.#transaction(() => this.#db.exec(schema));
      const prepare = (sql: string): StatementSync => this.#db.prepare(sql);
      this.#put = prepare('INSERT INTO open VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value');
      this.#addLock = prepare('INSERT INTO lock (open, "offset", length, exclusive) VALUES (?, ?, ?, ?)');
      this.#dropLock = prepare(
        'DELETE FROM lock WHERE n = (SELECT n FROM lock WHERE open = ? AND "offset" = ? AND length = ? ORDER BY exclusive DESC, n DESC LIMIT 1)',
      );
      this.#number = prepare('INSERT INTO sequence VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET number = excluded.number');
      this.#ends = ['open WHERE id', 'lock WHERE open', 'sequence WHERE open'].map((what) => prepare(`DELETE FROM ${what} = ?`));
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  /** All opens. @throws the error of SQLite, also if the file is damaged */
  load(): StoredOpen[] {
    const { quick_check: found } = this.#db.prepare('PRAGMA quick_check(1)').get() as { quick_check: string };
    if (found !== 'ok') throw new Error(`the database is damaged: ${found}`);
    const locks = this.#db.prepare('SELECT "offset", length, exclusive FROM lock WHERE open = ? ORDER BY n');
    locks.setReadBigInts(true);
    const sequences = this.#db.prepare('SELECT place, number FROM sequence WHERE open = ?');
    return this.#db
      .prepare('SELECT id, value FROM open ORDER BY id')
      .all()
      .map(({ id, value }) => ({
        open: JSON.parse(String(value)) as PersistentOpen,
        locks: locks
          .all(id as number)
          .map(({ offset, length, exclusive }) => ({ offset: unsigned(offset), length: unsigned(length), exclusive: exclusive === 1n })),
        sequences: sequences.all(id as number).map(({ place, number }) => ({ place: Number(place), number: Number(number) })),
      }));
  }

  /** Stores changes in one transaction. @throws the error of SQLite; then nothing has changed */
  commit(changes: Iterable<PersistentChange>): void {
    this.#transaction(() => {
      for (const change of changes) this.#apply(change);
    });
  }

  #apply(change: PersistentChange): void {
    if (change.kind === 'open') this.#put.run(change.open.id, JSON.stringify(change.open));
    else if (change.kind === 'end') for (const end of this.#ends) end.run(change.id);
    else {
      const { id, sequence } = change;
      if (sequence !== undefined) this.#number.run(id, sequence.place, sequence.number);
      if (change.kind === 'lock') {
        for (const { offset, length, exclusive } of change.ranges) this.#addLock.run(id, signed(offset), signed(length), Number(exclusive));
      } else for (const { offset, length } of change.ranges) this.#dropLock.run(id, signed(offset), signed(length));
    }
  }

  #transaction(work: () => void): void {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#db.exec('COMMIT');
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK'); // after a full disk SQLite has rolled back already
      throw error;
    }
  }

  /** Moves the log into the database, and closes it. */
  close(): void {
    this.#db.close();
  }
}
