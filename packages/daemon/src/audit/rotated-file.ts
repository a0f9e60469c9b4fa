import { once } from 'node:events';
import { closeSync, existsSync, fchmodSync, fstatSync, openSync, readSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Log } from '@ring3/kit';
import { placeFault, userNamed } from '@ring3/linux';
import sonicBoom, { type SonicBoom } from 'sonic-boom';
import { makeFolder } from '../places.ts';
import { lockFile } from './lock-file.ts';

/** Where lines are written, and when the file is rotated. */
export interface RotatedFileOptions {
  /** Absolute path. Older files are `PATH.1`, `PATH.2` and so on, the newest first. Its directory is created. */
  readonly path: string;
  /** Bytes after which a new file is started. A file exceeds this by at most one write (16 KiB). */
  readonly size: number;
  /** Older files that are kept; 0: none. */
  readonly keep: number;
}

/** An open file, and the function that releases its lock. */
interface Opened {
  readonly out: SonicBoom;
  readonly unlock: () => void;
}

/** Maximum bytes that wait for a slow or full disk. Further lines are lost and counted. */
const mostWaiting = 16 * 1024 * 1024;
/** Lines that are not written so long after the end are lost. */
const closeMs = 5000;
const lineFeed = 10;

/**
 * Writes whole lines to a file (mode 0600) that is rotated by size. Writing does not block the event loop. A disk that accepts no bytes is
 * logged once and stops no client: lines wait, then are lost. When it accepts bytes again, the number of lost lines is logged.
 */
export class RotatedFile {
  #options: RotatedFileOptions;
  readonly #log: Log;
  readonly #out: SonicBoom;
  readonly #unlock: () => void;
  #size: number;
  /** Bytes that wait to be written. */
  #waiting = 0;
  /** No file is started any more. */
  #ending = false;
  #lost = 0;
  #failing = false;
  /** The last rotation failed, which has been logged. */
  #stuck = false;
  #rotating = false;
  #closed: Promise<void> | undefined;

  private constructor(options: RotatedFileOptions, size: number, { out, unlock }: Opened, log: Log) {
    this.#options = options;
    this.#log = log;
    this.#size = size;
    this.#out = out;
    this.#unlock = unlock;
    out.on('error', (error: Error) => this.#failed(error));
    out.on('drop', (line: string) => {
      this.#lost++;
      this.#waiting -= Buffer.byteLength(line);
    });
    out.on('write', (bytes: number) => this.#wrote(bytes));
    out.on('drain', () => this.#caughtUp());
    out.on('ready', () => {
      this.#rotating = false;
    });
  }

  /**
   * Opens or creates the file. It has one writer: two that rotate it would lose lines.
   * @param begins the start of each line. A file with other contents is not an audit file and is left unchanged
   * @throws Error in one line if it cannot be written, or another process writes it
   */
  static async open(options: RotatedFileOptions, log: Log, begins = ''): Promise<RotatedFile> {
    const { path } = options;
    let unlock: (() => void) | undefined;
    try {
      makeRoom(path);
      checkRegular(path); // before a lock file is made next to it
      unlock = lockFile(`${path}.lock`);
      const size = prepare(path, begins);
      const out = new sonicBoom.SonicBoom({ dest: path, append: true, mode: 0o600, maxLength: mostWaiting });
      await once(out, 'ready');
      return new RotatedFile(options, size, { out, unlock }, log);
    } catch (error) {
      unlock?.();
      const { code, message } = error as NodeJS.ErrnoException;
      throw new Error(`the audit file ${path} cannot be written: ${code ?? message}`, { cause: error });
    }
  }

  /** Sets new limits and opens the file again, because another program may have moved it. */
  renew({ size, keep }: Pick<RotatedFileOptions, 'size' | 'keep'>): void {
    const { path } = this.#options;
    this.#options = { path, size, keep };
    if (!this.#rotating) this.#reopen(statSync(path, { throwIfNoEntry: false })?.size ?? 0);
  }

  #reopen(size: number): void {
    this.#size = size;
    this.#rotating = true;
    this.#out.reopen();
  }

  /** @param line without its end */
  write(line: string): void {
    if (this.#closed !== undefined) return;
    const whole = `${line}\n`;
    this.#waiting += Buffer.byteLength(whole);
    this.#out.write(whole);
  }

  #wrote(bytes: number): void {
    this.#size += bytes;
    this.#waiting -= bytes;
    if (this.#size >= this.#options.size && !this.#rotating && !this.#ending) this.#rotate();
  }

  /** No line waits any more. */
  #caughtUp(): void {
    if (!this.#failing) return;
    this.#failing = false;
    this.#log.warn('the audit file can be written again', { path: this.#options.path, lost: this.#lost });
    this.#lost = 0;
  }

  #failed(error: Error): void {
    this.#rotating = false;
    if (!this.#failing) this.#log.error('the audit file cannot be written', { path: this.#options.path, error });
    this.#failing = true;
  }

  /** Renames the file. A write in progress still reaches the renamed file; later lines are written to a new one. */
  #rotate(): void {
    const { path, keep } = this.#options;
    this.#size = 0;
    try {
      for (let beyond = Math.max(1, keep); existsSync(`${path}.${beyond}`); beyond++) rmSync(`${path}.${beyond}`);
      if (keep === 0) rmSync(path, { force: true });
      for (let older = keep; older > 0; older--) move(older === 1 ? path : `${path}.${older - 1}`, `${path}.${older}`);
    } catch (error) {
      if (!this.#stuck) this.#log.error('the audit file cannot be rotated', { path, error });
      this.#stuck = true;
      return;
    }
    this.#stuck = false;
    this.#reopen(0);
  }

  /** Writes the waiting lines and ends. Lines that cannot be written are lost, and that is logged. */
  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    try {
      await this.#endOutput();
    } finally {
      this.#unlock();
    }
  }

  async #endOutput(): Promise<void> {
    const out = this.#out;
    const limit = AbortSignal.timeout(closeMs);
    while (this.#waiting > 0 && (await settled(out, 'write', limit))); // lines that wait still begin new files
    this.#ending = true;
    while (this.#rotating) await settled(out, 'ready'); // sonic-boom does not end while it reopens a file
    const ended = settled(out, 'close', AbortSignal.timeout(closeMs));
    out.end();
    if (await ended) return;
    this.#log.error('unwritten lines of the audit file are lost', { path: this.#options.path });
    out.destroy();
  }
}

/** @returns whether the event occurred before an error or the signal */
const settled = (out: SonicBoom, event: 'ready' | 'close' | 'write', signal?: AbortSignal): Promise<boolean> =>
  once(out, event, { signal }).then(
    () => true,
    () => false,
  );

function move(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Creates the directory of a file if it is missing. @throws Error in one line if another user could replace the file; the system's error */
function makeRoom(path: string): void {
  const fault = placeFault(path);
  if (fault !== undefined) throw new Error(fault);
  makeFolder(dirname(path));
}

/** @throws Error if the path is not a regular file, which must not be moved */
function checkRegular(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) throw new Error('it is not a regular file');
}

/**
 * Creates the file for this user only.
 * @returns its size in bytes
 * @throws the system's error; Error if the file is of another user, or has other contents
 */
function prepare(path: string, begins: string): number {
  const fd = openSync(path, 'a+', 0o600);
  try {
    const { size, uid } = fstatSync(fd);
    if (uid !== process.geteuid?.()) throw new Error(`it belongs to another user (${userNamed(uid)})`);
    const first = Buffer.alloc(size === 0 ? 0 : begins.length);
    readSync(fd, first, 0, first.length, 0);
    if (size > 0 && first.toString('latin1') !== begins) throw new Error('it has other contents: choose another path');
    fchmodSync(fd, 0o600);
    const last = Buffer.alloc(1);
    if (size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== lineFeed) writeSync(fd, '\n'); // ends a line that was cut short
    return size;
  } finally {
    closeSync(fd);
  }
}
