import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { opendir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AtFlag, close, currentFolder, Errno, OpenFlag, openAt, renameAt, stat, unlinkAt } from '@ring3/linux';
import { isVfsCode, type VfsCode } from '@ring3/vfs';
import { Descriptor } from './descriptor.ts';
import type { Device, Devices } from './device.ts';
import { attempt, errorCode } from './error-code.ts';
import { scratch } from './scratch.ts';
import { idBytes } from './stream.ts';

/** Maximum number of stream files that are removed in one turn of the event loop. */
const maxSyncRemovals = 32;

/** The directory of the streams that are files, with a subdirectory for each file that has such streams. */
export class StreamPlace {
  /** The device of the state directory, after a stream was opened there. */
  device: Device | undefined;
  readonly #directory: string;
  readonly #devices: Devices;
  /**
   * Files that have a subdirectory here; undefined until the directory was read, off the main thread. Most files have none and cause no
   * call.
   */
  #known: Set<string> | undefined;
  /** Changes while the directory was being read. */
  readonly #changed = new Map<string, boolean>();

  constructor(directory: string, devices: Devices) {
    this.#directory = directory;
    this.#devices = devices;
    if (!existsSync(directory)) this.#known = new Set();
    else void this.#read();
  }

  /** Reads which files have a subdirectory. If that fails, each file is looked up. */
  async #read(): Promise<void> {
    const known = new Set<string>();
    try {
      for await (const { name } of await opendir(this.#directory, { bufferSize: 256 })) known.add(name);
    } catch {
      return;
    }
    for (const [fileId, has] of this.#changed) {
      if (has) known.add(fileId);
      else known.delete(fileId);
    }
    this.#changed.clear();
    this.#known = known;
  }

  #note(fileId: string, has: boolean): void {
    if (this.#known === undefined) this.#changed.set(fileId, has);
    else if (has) this.#known.add(fileId);
    else this.#known.delete(fileId);
  }

  /** Returns a new random id. */
  newId(): string {
    return randomBytes(idBytes / 2).toString('hex');
  }

  /** Returns the names of a file's stream files. */
  list(fileId: string): string[] | VfsCode {
    if (!this.has(fileId)) return [];
    const names = attempt(() => readdirSync(join(this.#directory, fileId)));
    return names === 'ENOENT' ? [] : names;
  }

  path(fileId: string, file: string): string {
    return join(this.#directory, fileId, file);
  }

  /** Opens or creates a stream's file. @returns the file or a code */
  open(fileId: string, file: string, make: boolean): Descriptor | VfsCode {
    if (make && !this.has(fileId)) {
      const made = this.#make(join(this.#directory, fileId));
      if (made !== undefined) return made;
      this.#note(fileId, true);
    }
    const flags = OpenFlag.ReadWrite | OpenFlag.NoFollow | (make ? OpenFlag.Create | OpenFlag.Truncate : 0);
    return this.#opened(openAt(currentFolder, this.path(fileId, file), flags, 0o600));
  }

  /** Opens a file without a name, for an unlinked stream. */
  openNameless(): Descriptor | VfsCode {
    const made = this.#make(this.#directory);
    if (made !== undefined) return made;
    return this.#opened(openAt(currentFolder, this.#directory, OpenFlag.ReadWrite | OpenFlag.Temporary, 0o600));
  }

  /** Removes a stream's file. @returns undefined, also if it did not exist; or a code */
  remove(fileId: string, file: string): VfsCode | undefined {
    if (!this.has(fileId)) return undefined;
    const removed = unlinkAt(currentFolder, this.path(fileId, file));
    if (removed < 0 && removed !== -Errno.ENOENT) return errorCode(removed);
    // fails while other files are in it
    if (unlinkAt(currentFolder, join(this.#directory, fileId), AtFlag.RemoveFolder) === 0) this.#note(fileId, false);
    return undefined;
  }

  /** Renames a stream's file. @returns undefined or a code */
  rename(fileId: string, from: string, to: string): VfsCode | undefined {
    const renamed = renameAt(currentFolder, this.path(fileId, from), currentFolder, this.path(fileId, to));
    return renamed < 0 ? errorCode(renamed) : undefined;
  }

  /**
   * Removes the streams of a deleted file, many of them off the main thread. Ids are never reused, so a file that cannot be removed
   * conflicts with no other.
   * @param files as `list` returned them
   */
  forget(fileId: string, files: readonly string[]): void {
    if (files.length <= maxSyncRemovals) {
      for (const file of files) this.remove(fileId, file);
      return;
    }
    this.#note(fileId, false);
    rm(join(this.#directory, fileId), { recursive: true, force: true }).catch(() => {});
  }

  #make(directory: string): VfsCode | undefined {
    const made = attempt(() => mkdirSync(directory, { recursive: true, mode: 0o700 }));
    return isVfsCode(made) ? made : undefined;
  }

  #opened(fd: number): Descriptor | VfsCode {
    if (fd < 0) return errorCode(fd);
    if (this.device === undefined) {
      const found = stat(fd, scratch);
      if (found < 0) {
        close(fd);
        return errorCode(found);
      }
      this.device = this.#devices.of(scratch, fd);
    }
    return new Descriptor(fd, true, this.device.pool);
  }

  /** Whether a file may have stream files. */
  has(fileId: string): boolean {
    return this.#known?.has(fileId) ?? this.#changed.get(fileId) ?? existsSync(join(this.#directory, fileId));
  }
}
