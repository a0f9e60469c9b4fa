import { currentFolder, readAt, stat, statAt, writeAt, type XattrTarget } from '@ring3/linux';
import { foldName, isCode, type VfsCode } from '@ring3/vfs';
import { backupName, type FileTimes, isBackup, type Restored, restoreData } from './data-backup.ts';
import type { Descriptor } from './descriptor.ts';
import { errorCode } from './error-code.ts';
import type { Inode } from './inode.ts';
import { type KeptValues, streamPrefix } from './kept-values.ts';
import { scratch } from './scratch.ts';
import { fileNameOf, idBytes, Stream, unfinished } from './stream.ts';
import { checkStreamName } from './stream-name.ts';
import type { StreamPlace } from './stream-place.ts';

/** Maximum size of a stream in an attribute of its file, bytes. A stream that is being written is in a file. */
const maxAttributeBytes = 2048;
const idShape = /^[0-9a-f]{8}$/;
const maxNameBytes = 255 - idBytes - 1;
/** Maximum number of streams of one file: they are listed in one turn of the event loop. */
const maxStreams = 1024;

/** Those that were read, of open files. */
const known = new WeakMap<Inode, Streams>();

/** The named streams of one open file or directory. */
export class Streams {
  readonly #place: StreamPlace;
  readonly #kept: KeptValues;
  readonly #inode: Inode;
  readonly #byName = new Map<string, Stream>();
  /** The backup of the file's data that a killed process left, until the data is restored. */
  #backup: string | undefined;

  private constructor(place: StreamPlace, kept: KeptValues, inode: Inode) {
    this.#place = place;
    this.#kept = kept;
    this.#inode = inode;
  }

  /** Returns the streams of an inode, which are read once. */
  static of(place: StreamPlace, kept: KeptValues, inode: Inode, target: XattrTarget): Streams | VfsCode {
    const read = known.get(inode);
    if (read !== undefined) return read;
    const streams = new Streams(place, kept, inode);
    const bad = streams.#load(target);
    if (bad !== undefined) return bad;
    known.set(inode, streams);
    return streams;
  }

  /** Closes the streams of a deleted file that is closed. */
  static close(inode: Inode): void {
    for (const { file } of known.get(inode)?.all() ?? []) file?.release();
    known.delete(inode);
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
    const file = bytes === undefined ? this.#place.open(this.#inode.fileId, fileNameOf(stream), false) : this.#makeFilled(stream, bytes);
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
    const kept = stream.role === undefined ? this.#kept.remove(this.#inode, target, streamPrefix + stream.name) : undefined;
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
      : this.#place.rename(this.#inode.fileId, fileNameOf(stream), backupName(stream.fileNameId, times));
    if (failure !== undefined) return failure;
    stream.role = 'backup';
    stream.times = times;
    return undefined;
  }

  /** Renames the file of a stream, and the stream. */
  #renameFile(stream: Stream, name: string): VfsCode | undefined {
    if (!this.#inode.isUnlinked) {
      const failure = this.#place.rename(this.#inode.fileId, fileNameOf(stream), `${stream.fileNameId}.${name}`);
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
    const kept = this.#kept;
    const attribute = streamPrefix + replaced.name;
    const isFile = replaced.bytes === undefined;
    if (isFile && !this.#inode.isUnlinked) {
      // in one step, by the name of its file; an older value in an attribute does not count while the file exists
      const stale = kept.remove(this.#inode, target, attribute);
      const failure = stale ?? this.#place.rename(this.#inode.fileId, fileNameOf(stream), fileNameOf(replaced));
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
    const kept = named ? this.#kept.remove(this.#inode, target, streamPrefix + stream.name) : undefined;
    if (kept !== undefined) return kept;
    const failure = stream.bytes === undefined ? this.#removeFile(stream) : undefined;
    if (failure !== undefined) return failure;
    if (named) this.#byName.delete(foldName(stream.name));
    stream.role = undefined;
    stream.times = undefined;
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
    const keys = this.#kept.keys(this.#inode, target, streamPrefix);
    if (isCode(keys)) return keys;
    for (const key of keys) {
      const name = key.slice(streamPrefix.length);
      const value = this.#kept.get(this.#inode, target, key);
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
    if (this.#kept.setOnHost(this.#inode, target, streamPrefix + stream.name, value) < 0) return; // it remains a file
    // a file that cannot be removed would count as the newer of the two
    if (this.#removeFile(stream) === undefined) stream.bytes = data;
    else this.#kept.remove(this.#inode, target, streamPrefix + stream.name);
  }

  #closeIdle(stream: Stream): void {
    if (stream.handles > 0 || (this.#inode.isUnlinked && !stream.isUnlinked)) return;
    stream.file?.release();
    stream.file = undefined;
  }

  #path(stream: Stream): string {
    return this.#place.path(this.#inode.fileId, fileNameOf(stream));
  }

  /** Creates the file of a stream. */
  #makeFile(stream: Stream): Descriptor | VfsCode {
    return stream.isUnlinked || this.#inode.isUnlinked
      ? this.#place.openNameless()
      : this.#place.open(this.#inode.fileId, fileNameOf(stream), true);
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
    const failure = isCode(file) ? file : this.#place.rename(fileId, name, fileNameOf(stream));
    if (failure === undefined) return file;
    if (!isCode(file)) file.release();
    this.#place.remove(fileId, name);
    return failure;
  }

  #removeFile(stream: Stream): VfsCode | undefined {
    return this.#place.remove(this.#inode.fileId, fileNameOf(stream));
  }
}

/** Writes the data of a new file. @returns the file; or a code, and the file is closed */
function filled(file: Descriptor | VfsCode, bytes: Uint8Array): Descriptor | VfsCode {
  if (isCode(file) || bytes.length === 0) return file;
  const written = writeAt(file.fd, bytes, 0);
  if (written === bytes.length) return file;
  file.release();
  return written < 0 ? errorCode(written) : 'ENOSPC';
}
