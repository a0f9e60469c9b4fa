import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { opendir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AtFlag,
  close,
  currentFolder,
  Errno,
  OpenFlag,
  openAt,
  readAt,
  renameAt,
  stat,
  statAt,
  unlinkAt,
  writeAt,
  type XattrTarget,
} from '@ring3/linux';
import { foldName, isCode, isVfsCode, type VfsCode } from '@ring3/vfs';
import { backupName, type FileTimes, isBackup, type Restored, restoreData } from './data-backup.ts';
import { Descriptor } from './descriptor.ts';
import type { Device, Devices } from './device.ts';
import { attempt, errorCode } from './error-code.ts';
import type { Inode } from './inode.ts';
import { type KeptValues, streamPrefix } from './kept-values.ts';
import { scratch } from './scratch.ts';
import { checkStreamName } from './stream-name.ts';

/** Maximum size of a stream in an attribute of its file, bytes. A stream that is being written is in a file. */
const maxAttributeBytes = 2048;
const idBytes = 8; // characters of a stream's id, before its data in the attribute and before its name in the state directory
const idShape = /^[0-9a-f]{8}$/;
const maxNameBytes = 255 - idBytes - 1;
/** Maximum number of streams of one file: they are listed in one turn of the event loop. */
const maxStreams = 1024;
/** Maximum number of stream files that are removed in one turn of the event loop. */
const maxSyncRemovals = 32;

/** One named stream: in an attribute of its file (`bytes`), or as a file of its own below the state directory. */
export class Stream {
  /** Random and permanent, unlike the name. */
  readonly id: string;
  /** The id in the name of its file. It differs from `id` after the stream replaced another one, until the next start. */
  fileNameId: string;
  /** Empty for a temporary stream and a backup. */
  name: string;
  /** Why it has no name: it is not complete yet, or it is a backup of the file's data. */
  role: 'temporary' | 'backup' | undefined;
  /** The times of the file that a backup restores. */
  times: FileTimes | undefined;
  /** The data, if it is in the attribute. */
  bytes: Uint8Array | undefined;
  /** The open file otherwise; undefined if no client has it open. */
  file: Descriptor | undefined;
  handles = 0;
  /** Whether it was unlinked. */
  isUnlinked = false;
  /** Whether it must remain a file: a client was promised that it is on the medium, and a power failure could interrupt a move. */
  keepAsFile = false;

  constructor(id: string, name: string, bytes: Uint8Array | undefined) {
    this.id = id;
    this.fileNameId = id;
    this.name = name;
    this.bytes = bytes;
  }
}

/** The directory of the streams that are files, with a subdirectory for each file that has such streams. */
export class StreamPlace {
  readonly kept: KeptValues;
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

  constructor(directory: string, kept: KeptValues, devices: Devices) {
    this.#directory = directory;
    this.kept = kept;
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

/** The named streams of one open file or directory. */
export class Streams {
  readonly #place: StreamPlace;
  readonly #inode: Inode;
  readonly #byName = new Map<string, Stream>();
  /** The backup of the file's data that a killed process left, until the data is restored. */
  #backup: string | undefined;

  private constructor(place: StreamPlace, inode: Inode) {
    this.#place = place;
    this.#inode = inode;
  }

  /** Returns the streams of an inode, which are read once. */
  static of(place: StreamPlace, inode: Inode, target: XattrTarget): Streams | VfsCode {
    if (inode.streams !== undefined) return inode.streams;
    const streams = new Streams(place, inode);
    const bad = streams.#load(target);
    if (bad !== undefined) return bad;
    inode.streams = streams;
    return streams;
  }

  get(name: string): Stream | undefined {
    return this.#byName.get(foldName(name));
  }

  all(): Stream[] {
    return [...this.#byName.values()];
  }

  /** @returns bytes of data and allocated bytes */
  sizeOf(stream: Stream): { readonly size: number; readonly allocated: number } {
    if (stream.bytes !== undefined) return { size: stream.bytes.length, allocated: stream.bytes.length };
    const found = stream.file === undefined ? statAt(currentFolder, this.#path(stream), scratch) : stat(stream.file.fd, scratch);
    return found < 0 ? { size: 0, allocated: 0 } : { size: scratch.size, allocated: scratch.allocated };
  }

  /** Creates a stream as a file. The caller has checked that the name is valid and does not exist. */
  create(name: string): Stream | VfsCode {
    if (Buffer.byteLength(name) > maxNameBytes) return 'ENAMETOOLONG';
    if (this.#byName.size >= maxStreams) return 'ENOSPC';
    const stream = new Stream(this.#place.newId(), name, undefined);
    const file = this.#makeFile(stream);
    if (isCode(file)) return file;
    stream.file = file;
    this.#byName.set(foldName(name), stream);
    return stream;
  }

  /** Creates a stream without a name. */
  createTemporary(): Stream | VfsCode {
    const stream = new Stream(this.#place.newId(), '', undefined);
    stream.role = 'temporary';
    const file = this.#makeFile(stream);
    if (isCode(file)) return file;
    stream.file = file;
    return stream;
  }

  /** Opens the file of a stream's data, which remains open with the stream. Data in an attribute is moved into a new file. */
  open(stream: Stream): Descriptor | VfsCode {
    if (stream.file !== undefined) return stream.file;
    const { bytes } = stream;
    const file = bytes === undefined ? this.#place.open(this.#inode.fileId, fileOf(stream), false) : this.#makeFilled(stream, bytes);
    if (isCode(file)) return file;
    stream.bytes = undefined;
    stream.file = file;
    return file;
  }

  /** Handles the close of the last handle of a stream: short data is moved to an attribute of its file. */
  settle(stream: Stream, target: XattrTarget): void {
    if (stream.role === 'temporary' && !this.#inode.isUnlinked) this.#removeFile(stream);
    else if (!stream.isUnlinked && !this.#inode.isUnlinked && !stream.keepAsFile && stream.role === undefined && stream.file !== undefined)
      this.#moveToAttribute(stream, stream.file, target);
    this.#closeIdle(stream);
  }

  /**
   * Renames a stream. A killed process leaves the one or the other state.
   * @param replaced a stream of the new name, in any case
   */
  rename(stream: Stream, name: string, replaced: Stream | undefined, target: XattrTarget): VfsCode | undefined {
    if (Buffer.byteLength(name) > maxNameBytes) return 'ENAMETOOLONG';
    if (replaced === undefined && stream.role !== undefined && this.#byName.size >= maxStreams) return 'ENOSPC';
    const file = this.open(stream);
    if (isCode(file)) return file;
    // the file has the data: the attribute is removed first, so that a killed process never leaves the stream under two names
    const kept = stream.role === undefined ? this.#place.kept.remove(this.#inode, target, streamPrefix + stream.name) : undefined;
    if (kept !== undefined) return kept;
    const failure = replaced === undefined ? this.#renameFile(stream, name) : this.#replace(stream, name, replaced, target);
    if (failure !== undefined) return failure;
    if (stream.handles === 0) this.settle(stream, target);
    return undefined;
  }

  /** Makes a temporary stream the backup of the file's data. @param times of the file, before its data is changed */
  keepAsBackup(stream: Stream, times: FileTimes): VfsCode | undefined {
    const failure = this.#inode.isUnlinked
      ? undefined
      : this.#place.rename(this.#inode.fileId, fileOf(stream), backupName(stream.fileNameId, times));
    if (failure !== undefined) return failure;
    stream.role = 'backup';
    stream.times = times;
    return undefined;
  }

  /** Renames the file of a stream, and the stream. */
  #renameFile(stream: Stream, name: string): VfsCode | undefined {
    if (!this.#inode.isUnlinked) {
      const failure = this.#place.rename(this.#inode.fileId, fileOf(stream), `${stream.fileNameId}.${name}`);
      if (failure !== undefined) return failure;
    }
    if (stream.role === undefined) this.#byName.delete(foldName(stream.name));
    stream.role = undefined;
    stream.name = name;
    this.#byName.set(foldName(name), stream);
    return undefined;
  }

  /** Renames a stream to the name of another one, which it replaces. */
  #replace(stream: Stream, name: string, replaced: Stream, target: XattrTarget): VfsCode | undefined {
    if (replaced.handles > 0) {
      const held = this.open(replaced); // its handles keep its data
      if (isCode(held)) return held;
    }
    const { kept } = this.#place;
    const attribute = streamPrefix + replaced.name;
    const isFile = replaced.bytes === undefined;
    if (isFile && !this.#inode.isUnlinked) {
      // in one step, by the name of its file; an older value in an attribute does not count while the file exists
      const stale = kept.remove(this.#inode, target, attribute);
      const failure = stale ?? this.#place.rename(this.#inode.fileId, fileOf(stream), fileOf(replaced));
      if (failure !== undefined) return failure;
      if (stream.role === undefined) this.#byName.delete(foldName(stream.name));
      stream.role = undefined;
      stream.fileNameId = replaced.fileNameId;
      stream.name = replaced.name;
    }
    this.#byName.delete(foldName(replaced.name));
    replaced.isUnlinked = true;
    const renamed = isFile && stream.name === name ? undefined : this.#renameFile(stream, name);
    this.#byName.set(foldName(stream.name), stream);
    // a file counts as newer than an attribute of the same name
    const failure = renamed ?? (isFile ? undefined : kept.remove(this.#inode, target, attribute));
    if (replaced.handles === 0) this.#closeIdle(replaced);
    return failure;
  }

  unlink(stream: Stream, target: XattrTarget): VfsCode | undefined {
    // an older value in the attribute is removed first: it would become the stream's data if the process were killed in between
    const named = stream.role === undefined;
    const kept = named ? this.#place.kept.remove(this.#inode, target, streamPrefix + stream.name) : undefined;
    if (kept !== undefined) return kept;
    const failure = stream.bytes === undefined ? this.#removeFile(stream) : undefined;
    if (failure !== undefined) return failure;
    if (named) this.#byName.delete(foldName(stream.name));
    stream.role = undefined;
    stream.isUnlinked = true;
    if (stream.handles === 0) this.#closeIdle(stream);
    return undefined;
  }

  /** Opens the streams that are files when the file's last name is removed, so that they exist as long as the file is open. */
  keepOpen(): void {
    for (const stream of this.#byName.values()) if (stream.bytes === undefined) this.open(stream);
  }

  /**
   * Restores the file's data and times from the backup that a killed process left.
   * @returns undefined or a code; then the backup still exists
   */
  restore(file: Restored): VfsCode | undefined {
    const name = this.#backup;
    if (name === undefined) return undefined;
    const { fileId } = this.#inode;
    const backup = this.#place.open(fileId, name, false);
    if (isCode(backup)) return backup;
    const failure = restoreData(backup, name, file);
    backup.release();
    if (failure !== undefined) return failure;
    this.#backup = undefined;
    return this.#place.remove(fileId, name);
  }

  /** Closes all streams when the deleted file is closed. */
  close(): void {
    for (const stream of this.#byName.values()) stream.file?.release();
    this.#byName.clear();
  }

  #load(target: XattrTarget): VfsCode | undefined {
    const files = this.#place.list(this.#inode.fileId);
    if (isCode(files)) return files;
    for (const name of files) {
      if (name.startsWith(unfinished)) {
        this.#place.remove(this.#inode.fileId, name); // left by a killed process: the attribute still has the data
        continue;
      }
      if (isBackup(name)) {
        this.#backup = name;
        continue;
      }
      const stream = new Stream(name.slice(0, idBytes), name.slice(idBytes + 1), undefined);
      stream.keepAsFile = true;
      this.#byName.set(foldName(stream.name), stream);
    }
    const keys = this.#place.kept.keys(this.#inode, target, streamPrefix);
    if (isCode(keys)) return keys;
    for (const key of keys) {
      const name = key.slice(streamPrefix.length);
      const value = this.#place.kept.get(this.#inode, target, key);
      if (value === undefined || isCode(value) || value.length < idBytes || this.get(name) !== undefined) continue; // a file is newer
      const id = Buffer.from(value.subarray(0, idBytes)).toString('latin1');
      // Other programs can write attributes too, and both values become the name of a file in the state directory.
      if (!idShape.test(id) || checkStreamName(name) !== undefined || Buffer.byteLength(name) > maxNameBytes) continue;
      this.#byName.set(foldName(name), new Stream(id, name, value.subarray(idBytes)));
    }
    return undefined;
  }

  #moveToAttribute(stream: Stream, file: Descriptor, target: XattrTarget): void {
    if (stat(file.fd, scratch) < 0 || scratch.size > maxAttributeBytes) return;
    const value = Buffer.alloc(idBytes + scratch.size);
    value.write(stream.id, 'latin1');
    const data = value.subarray(idBytes);
    if (data.length > 0 && readAt(file.fd, data, 0) !== data.length) return;
    if (this.#place.kept.setOnHost(this.#inode, target, streamPrefix + stream.name, value) < 0) return; // it remains a file
    // a file that cannot be removed would count as the newer of the two
    if (this.#removeFile(stream) === undefined) stream.bytes = data;
    else this.#place.kept.remove(this.#inode, target, streamPrefix + stream.name);
  }

  #closeIdle(stream: Stream): void {
    if (stream.handles > 0 || (this.#inode.isUnlinked && !stream.isUnlinked)) return;
    stream.file?.release();
    stream.file = undefined;
  }

  #path(stream: Stream): string {
    return this.#place.path(this.#inode.fileId, fileOf(stream));
  }

  /** Creates the file of a stream. */
  #makeFile(stream: Stream): Descriptor | VfsCode {
    return stream.isUnlinked || this.#inode.isUnlinked
      ? this.#place.openNameless()
      : this.#place.open(this.#inode.fileId, fileOf(stream), true);
  }

  /**
   * Creates a file for a stream that was in an attribute. A file counts as newer than the attribute, so it gets the stream's name when its
   * data is complete: a killed process loses nothing.
   */
  #makeFilled(stream: Stream, bytes: Uint8Array): Descriptor | VfsCode {
    if (stream.isUnlinked || this.#inode.isUnlinked || bytes.length === 0) return filled(this.#makeFile(stream), bytes);
    const { fileId } = this.#inode;
    const name = unfinished + stream.id;
    const file = filled(this.#place.open(fileId, name, true), bytes);
    const failure = isCode(file) ? file : this.#place.rename(fileId, name, fileOf(stream));
    if (failure === undefined) return file;
    if (!isCode(file)) file.release();
    this.#place.remove(fileId, name);
    return failure;
  }

  #removeFile(stream: Stream): VfsCode | undefined {
    return this.#place.remove(this.#inode.fileId, fileOf(stream));
  }
}

/** The prefix of files whose data is not complete. No stream id starts with it. */
const unfinished = 'unfinished-';
/** Writes the data of a new file. @returns the file; or a code, and the file is closed */
function filled(file: Descriptor | VfsCode, bytes: Uint8Array): Descriptor | VfsCode {
  if (isCode(file) || bytes.length === 0) return file;
  const written = writeAt(file.fd, bytes, 0);
  if (written === bytes.length) return file;
  file.release();
  return written < 0 ? errorCode(written) : 'ENOSPC';
}

/** Returns the name of a stream's file. */
function fileOf({ role, fileNameId, name, times }: Stream): string {
  if (times !== undefined) return backupName(fileNameId, times);
  return role === undefined ? `${fileNameId}.${name}` : unfinished + fileNameId;
}
