import { closeSync, existsSync, fsyncSync, linkSync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { userKey } from '@ring3/smb-server';

/** The state directory cannot be used. The message is one line with the file, the fault and advice. */
export class StateError extends Error {
  override readonly name = 'StateError';
}

/**
 * The change of each format from the previous one: SQL, or a function if SQL cannot express it. `user_version` of the file is the number of
 * applied changes.
 */
const formats: readonly (string | ((db: DatabaseSync) => void))[] = [
  `CREATE TABLE identity (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
   CREATE TABLE user (rid INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE COLLATE NOCASE, nt_hash BLOB) STRICT;
   INSERT INTO sqlite_sequence (name, seq) VALUES ('user', 999);`,
  `CREATE TABLE share (folded TEXT PRIMARY KEY, name TEXT NOT NULL, options TEXT NOT NULL) STRICT;`,
  foldUserNames,
];

/**
 * Users are found by the key of their name. Of names that now have the same key (case beyond ASCII) the first keeps it; the others are
 * found by exact spelling only.
 */
function foldUserNames(db: DatabaseSync): void {
  db.exec('ALTER TABLE user ADD COLUMN folded TEXT; CREATE UNIQUE INDEX user_folded ON user (folded);');
  const set = db.prepare('UPDATE OR IGNORE user SET folded = ? WHERE rid = ?');
  for (const { rid, name } of db.prepare('SELECT rid, name FROM user ORDER BY rid').all()) set.run(userKey(String(name)), Number(rid));
}

/** SQLite's result codes, https://sqlite.org/rescode.html. */
const Result = { Busy: 5, ReadOnly: 8, IoError: 10, Corrupt: 11, Full: 13, CannotOpen: 14, NotADatabase: 26 } as const;

/** The StateError for a failure of SQLite or of the system. Other errors are thrown unchanged. */
export function stateError(path: string, error: unknown): unknown {
  const { code, errcode = 0, message } = error as { code?: string; errcode?: number; message: string };
  const what = (text: string): StateError => new StateError(`${path} ${text}`, { cause: error });
  if (code === 'ENOSPC' || code === 'EDQUOT') return what('cannot be written: the disk is full');
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM')
    return what(`cannot be used by this user (${code}): --state-dir gives another place`);
  if (code !== 'ERR_SQLITE_ERROR') return error;
  switch (errcode & 0xff) {
    case Result.Corrupt:
    case Result.NotADatabase:
      return damaged(path, message);
    case Result.Full:
      return what('cannot be written: the disk is full');
    case Result.ReadOnly:
    case Result.CannotOpen:
      return what('cannot be opened and written by this user: --state-dir gives another place');
    case Result.Busy:
      return what('is held by another program');
    case Result.IoError:
      return what(`cannot be read or written: ${message}`);
    default:
      return error;
  }
}

const damaged = (path: string, how: string): StateError =>
  new StateError(`${path} is damaged (${how}): restore a copy, or move it away to start without its users and shares`);

/**
 * Opens the state file, created if it is missing. It is a single file while no process writes to it, and it is checked completely.
 * A damaged file is never treated as a new one: a new file is created complete and then gets its name.
 * @throws StateError if it is damaged, of a later format, or cannot be read or written
 */
export function openStateFile(path: string): DatabaseSync {
  try {
    if (!existsSync(path)) make(path);
    const { size } = statSync(path);
    if (size === 0) throw damaged(path, 'it is empty');
    const db = new DatabaseSync(path, { timeout: 5000 });
    try {
      const { page_size: page } = db.prepare('PRAGMA page_size').get() as { page_size: number };
      if (size % page !== 0) throw damaged(path, 'it ends within a page'); // SQLite would read the rest of the page as zeros
      check(db, path);
      migrate(db, path);
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  } catch (error) {
    throw stateError(path, error);
  }
}

function check(db: DatabaseSync, path: string): void {
  const found = db.prepare('PRAGMA integrity_check(1)').get() as { integrity_check: string };
  if (found.integrity_check !== 'ok')
    throw damaged(path, found.integrity_check.replace(/^\*\*\* in database main \*\*\*\s*/, '').split('\n', 1)[0] as string);
  const version = versionOf(db);
  if (version === 0) throw damaged(path, 'it has no data of ring3');
  if (version > formats.length)
    throw new StateError(
      `${path} was written by a later ring3 (format ${version}; this version reads up to ${formats.length}): use that version`,
    );
}

const versionOf = (db: DatabaseSync): number => (db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;

/** Converts the file to the latest format in one transaction. */
function migrate(db: DatabaseSync, path: string): void {
  // A rollback journal: at rest the state is this one file, so a copy is a backup. EXTRA: a confirmed change survives a power failure
  db.exec('PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA');
  if (versionOf(db) === formats.length) return;
  transaction(db, () => {
    for (const format of formats.slice(versionOf(db))) {
      if (typeof format === 'string') db.exec(format);
      else format(db);
    }
    db.exec(`PRAGMA user_version = ${formats.length}`);
  });
  if (versionOf(db) !== formats.length) throw damaged(path, 'it does not keep changes');
}

/** Runs a transaction with an exclusive lock. */
export function transaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const done = work();
    db.exec('COMMIT');
    return done;
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK'); // after a full disk SQLite has rolled back already
    throw error;
  }
}

/** Creates the file under a temporary name and renames it when it is complete. A file that another process has created meanwhile stays. */
function make(path: string): void {
  for (const rest of ['-journal', '-wal'])
    if (existsSync(path + rest))
      throw new StateError(
        `${path} is missing, and ${basename(path)}${rest} is there: put it back, or remove that too to start with an empty state`,
      );
  const folder = dirname(path);
  const unfinished = `${basename(path)}.new-`;
  for (const name of readdirSync(folder))
    if (name.startsWith(unfinished) && !isAlive(name.slice(unfinished.length))) rmSync(join(folder, name));
  const fresh = join(folder, `${unfinished}${process.pid}`);
  try {
    closeSync(openSync(fresh, 'w', 0o600));
    const db = new DatabaseSync(fresh);
    try {
      migrate(db, fresh);
    } finally {
      db.close();
    }
    try {
      linkSync(fresh, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') renameSync(fresh, path); // the file system has no links
    }
    syncFolder(folder);
  } finally {
    rmSync(fresh, { force: true });
    rmSync(`${fresh}-journal`, { force: true });
  }
}

/** @returns whether a process with that number exists; `123-journal` counts as 123 */
function isAlive(pid: string): boolean {
  try {
    return process.kill(Number.parseInt(pid, 10), 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
