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
import { Descriptor } from './descriptor.ts';
import type { Device, Devices } from './device.ts';
import { attempt, errorCode } from './error-code.ts';
import type { Inode } from './inode.ts';
import { type KeptValues, streamPrefix } from './kept-values.ts';
import { scratch } from './scratch.ts';
import { checkStreamName } from './stream-name.ts';

/** Streams up to here live in an attribute of their file while nobody writes them. */
const fitsBeside = 2048;
const idBytes = 8; // of a stream's id, as text, before its data in the attribute and before its name in the state folder
const idShape = /^[0-9a-f]{8}$/;
const longestName = 255 - idBytes - 1;
/** Streams of one file: they are listed and looked at in one turn of the event loop. */
const maxStreams = 1024;
/** Files of streams that are removed in one turn of the event loop. */
const removedAtOnce = 32;

/** One named stream: in an attribute of its file (`bytes`), or as a file of its own under the state folder. */
export class Stream {
  /** Random, and for good: names change. */
  readonly id: string;
  name: string;
  /** The data while it is in the attribute. */
  bytes: Uint8Array | undefined;
  /** The open file otherwise; undefined while nobody has it open. */
  file: Descriptor | undefined;
  handles = 0;
  /** Whether it was unlinked. */
  gone = false;
  /** Whether it stays a file: a client was promised that it is on the medium, now or before, and a move could be cut short by a power cut. */
  stays = false;

  constructor(id: string, name: string, bytes: Uint8Array | undefined) {
    this.id = id;
    this.name = name;
    this.bytes = bytes;
  }
}

/** What the streams of every file have in common: where those are that are files of their own, in a folder for each file that has any. */
export class StreamPlace {
  readonly kept: KeptValues;
  /** The device of the state folder, once a stream was opened there. */
  device: Device | undefined;
  readonly #folder: string;
  readonly #devices: Devices;
  /** Files that have a directory here; undefined until they were read, off the main thread. Most have none, and nothing is asked for them. */
  #known: Set<string> | undefined;
  /** What changed while they were being read. */
  readonly #changed = new Map<string, boolean>();

  constructor(folder: string, kept: KeptValues, devices: Devices) {
    this.#folder = folder;
    this.kept = kept;
    this.#devices = devices;
    if (!existsSync(folder)) this.#known = new Set();
    else void this.#read();
  }

  /** Reads which files have a directory here. If that fails, each is asked for. */
  async #read(): Promise<void> {
    const known = new Set<string>();
    try {
      for await (const { name } of await opendir(this.#folder, { bufferSize: 256 })) known.add(name);
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

  /** A new random id. */
  newId(): string {
    return randomBytes(idBytes / 2).toString('hex');
  }

  /** The streams that a file has here, by the names of their files. */
  list(fileId: string): string[] | VfsCode {
    if (!this.#has(fileId)) return [];
    const names = attempt(() => readdirSync(join(this.#folder, fileId)));
    return names === 'ENOENT' ? [] : names;
  }

  path(fileId: string, file: string): string {
    return join(this.#folder, fileId, file);
  }

  /** Opens a stream's file, or makes it. @returns the file or a code */
  open(fileId: string, file: string, make: boolean): Descriptor | VfsCode {
    if (make && !this.#has(fileId)) {
      const made = this.#make(join(this.#folder, fileId));
      if (made !== undefined) return made;
      this.#note(fileId, true);
    }
    const flags = OpenFlag.ReadWrite | OpenFlag.NoFollow | (make ? OpenFlag.Create | OpenFlag.Truncate : 0);
    return this.#opened(openAt(currentFolder, this.path(fileId, file), flags, 0o600));
  }

  /** A file for a stream that has no name any more. */
  openNameless(): Descriptor | VfsCode {
    const made = this.#make(this.#folder);
    if (made !== undefined) return made;
    return this.#opened(openAt(currentFolder, this.#folder, OpenFlag.ReadWrite | OpenFlag.Temporary, 0o600));
  }

  /** Removes a stream's file. @returns nothing, also if it did not exist; or a code */
  remove(fileId: string, file: string): VfsCode | undefined {
    if (!this.#has(fileId)) return undefined;
    const removed = unlinkAt(currentFolder, this.path(fileId, file));
    if (removed < 0 && removed !== -Errno.ENOENT) return errorCode(removed);
    // fails as long as there are others in it
    if (unlinkAt(currentFolder, join(this.#folder, fileId), AtFlag.RemoveFolder) === 0) this.#note(fileId, false);
    return undefined;
  }

  /** Gives a stream's file another name. @returns nothing; or a code */
  rename(fileId: string, from: string, to: string): VfsCode | undefined {
    const renamed = renameAt(currentFolder, this.path(fileId, from), currentFolder, this.path(fileId, to));
    return renamed < 0 ? errorCode(renamed) : undefined;
  }

  /**
   * The file is gone for good: its streams are removed, many of them off the main thread. The id is never used again, so what cannot be removed conflicts with nothing.
   * @param files as `list` returned them
   */
  forget(fileId: string, files: readonly string[]): void {
    if (files.length <= removedAtOnce) {
      for (const file of files) this.remove(fileId, file);
      return;
    }
    this.#note(fileId, false);
    rm(join(this.#folder, fileId), { recursive: true, force: true }).catch(() => {});
  }

  #make(folder: string): VfsCode | undefined {
    const made = attempt(() => mkdirSync(folder, { recursive: true, mode: 0o700 }));
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

  #has(fileId: string): boolean {
    return this.#known?.has(fileId) ?? this.#changed.get(fileId) ?? existsSync(join(this.#folder, fileId));
  }
}

/** The named streams of one open file or folder. */
export class Streams {
  readonly #place: StreamPlace;
  readonly #inode: Inode;
  readonly #byName = new Map<string, Stream>();

  private constructor(place: StreamPlace, inode: Inode) {
    this.#place = place;
    this.#inode = inode;
  }

  /** The streams of an inode, looked up once. */
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

  /** @returns bytes of data, and bytes that they take */
  sizeOf(stream: Stream): { readonly size: number; readonly allocated: number } {
    if (stream.bytes !== undefined) return { size: stream.bytes.length, allocated: stream.bytes.length };
    const found = stream.file === undefined ? statAt(currentFolder, this.#path(stream), scratch) : stat(stream.file.fd, scratch);
    return found < 0 ? { size: 0, allocated: 0 } : { size: scratch.size, allocated: scratch.allocated };
  }

  /** Makes a new one, as a file; the name is free and is one. */
  create(name: string): Stream | VfsCode {
    if (Buffer.byteLength(name) > longestName) return 'ENAMETOOLONG';
    if (this.#byName.size >= maxStreams) return 'ENOSPC';
    const stream = new Stream(this.#place.newId(), name, undefined);
    const file = this.#makeFile(stream);
    if (isCode(file)) return file;
    stream.file = file;
    this.#byName.set(foldName(name), stream);
    return stream;
  }

  /** The file of a stream's data, made of its attribute if it was in one. It stays open with the stream. */
  open(stream: Stream): Descriptor | VfsCode {
    if (stream.file !== undefined) return stream.file;
    const { bytes } = stream;
    const file = bytes === undefined ? this.#place.open(this.#inode.fileId, fileOf(stream), false) : this.#makeFilled(stream, bytes);
    if (isCode(file)) return file;
    stream.bytes = undefined;
    stream.file = file;
    return file;
  }

  /** The last handle of a stream is closed: what is short goes into an attribute of its file. */
  settle(stream: Stream, target: XattrTarget): void {
    if (!stream.gone && !this.#inode.gone && !stream.stays && stream.file !== undefined) this.#moveBeside(stream, stream.file, target);
    this.#closeIdle(stream);
  }

  rename(stream: Stream, name: string, target: XattrTarget): VfsCode | undefined {
    if (Buffer.byteLength(name) > longestName) return 'ENAMETOOLONG';
    const file = this.open(stream);
    if (isCode(file)) return file;
    // the file has the data: the attribute is removed first, so a process that is killed in between never leaves the stream under two names
    const kept = this.#place.kept.remove(this.#inode, target, streamPrefix + stream.name);
    if (kept !== undefined) return kept;
    if (!this.#inode.gone) {
      const refused = this.#place.rename(this.#inode.fileId, fileOf(stream), `${stream.id}.${name}`);
      if (refused !== undefined) return refused;
    }
    this.#byName.delete(foldName(stream.name));
    stream.name = name;
    this.#byName.set(foldName(name), stream);
    if (stream.handles === 0) this.settle(stream, target);
    return undefined;
  }

  unlink(stream: Stream, target: XattrTarget): VfsCode | undefined {
    // an older value in the attribute is removed first: it would be the stream's data if the process were killed in between
    const kept = this.#place.kept.remove(this.#inode, target, streamPrefix + stream.name);
    if (kept !== undefined) return kept;
    const refused = stream.bytes === undefined ? this.#removeFile(stream) : undefined;
    if (refused !== undefined) return refused;
    this.#byName.delete(foldName(stream.name));
    stream.gone = true;
    if (stream.handles === 0) this.#closeIdle(stream);
    return undefined;
  }

  /** The file's last name is gone: what is in files of its own stays open as long as the file does. */
  outlive(): void {
    for (const stream of this.#byName.values()) if (stream.bytes === undefined) this.open(stream);
  }

  /** The file is closed for good. */
  close(): void {
    for (const stream of this.#byName.values()) stream.file?.release();
    this.#byName.clear();
  }

  #load(target: XattrTarget): VfsCode | undefined {
    const files = this.#place.list(this.#inode.fileId);
    if (isCode(files)) return files;
    for (const name of files) {
      if (name.startsWith(unfinished)) {
        this.#place.remove(this.#inode.fileId, name); // left by a process that was killed: the attribute still has the data
        continue;
      }
      const stream = new Stream(name.slice(0, idBytes), name.slice(idBytes + 1), undefined);
      stream.stays = true;
      this.#byName.set(foldName(stream.name), stream);
    }
    const keys = this.#place.kept.keys(this.#inode, target, streamPrefix);
    if (isCode(keys)) return keys;
    for (const key of keys) {
      const name = key.slice(streamPrefix.length);
      const value = this.#place.kept.get(this.#inode, target, key);
      if (value === undefined || isCode(value) || value.length < idBytes || this.get(name) !== undefined) continue; // a file is newer
      const id = Buffer.from(value.subarray(0, idBytes)).toString('latin1');
      // Other programs write attributes too, and both become the name of a file in the state folder.
      if (!idShape.test(id) || checkStreamName(name) !== undefined || Buffer.byteLength(name) > longestName) continue;
      this.#byName.set(foldName(name), new Stream(id, name, value.subarray(idBytes)));
    }
    return undefined;
  }

  #moveBeside(stream: Stream, file: Descriptor, target: XattrTarget): void {
    if (stat(file.fd, scratch) < 0 || scratch.size > fitsBeside) return;
    const value = Buffer.alloc(idBytes + scratch.size);
    value.write(stream.id, 'latin1');
    const data = value.subarray(idBytes);
    if (data.length > 0 && readAt(file.fd, data, 0) !== data.length) return;
    if (this.#place.kept.setBeside(this.#inode, target, streamPrefix + stream.name, value) < 0) return; // it stays a file
    // a file that cannot be removed would be taken for the newer of the two
    if (this.#removeFile(stream) === undefined) stream.bytes = data;
    else this.#place.kept.remove(this.#inode, target, streamPrefix + stream.name);
  }

  #closeIdle(stream: Stream): void {
    if (stream.handles > 0 || (this.#inode.gone && !stream.gone)) return;
    stream.file?.release();
    stream.file = undefined;
  }

  #path(stream: Stream): string {
    return this.#place.path(this.#inode.fileId, fileOf(stream));
  }

  /** A file for a stream that has none. */
  #makeFile(stream: Stream): Descriptor | VfsCode {
    return stream.gone || this.#inode.gone ? this.#place.openNameless() : this.#place.open(this.#inode.fileId, fileOf(stream), true);
  }

  /**
   * A file for a stream that was in an attribute. A file is taken for the newer of the two, so it gets the stream's name when its data are complete: a process that
   * is killed in between loses nothing.
   */
  #makeFilled(stream: Stream, bytes: Uint8Array): Descriptor | VfsCode {
    if (stream.gone || this.#inode.gone || bytes.length === 0) return filled(this.#makeFile(stream), bytes);
    const { fileId } = this.#inode;
    const name = unfinished + stream.id;
    const file = filled(this.#place.open(fileId, name, true), bytes);
    const refused = isCode(file) ? file : this.#place.rename(fileId, name, fileOf(stream));
    if (refused === undefined) return file;
    if (!isCode(file)) file.release();
    this.#place.remove(fileId, name);
    return refused;
  }

  #removeFile(stream: Stream): VfsCode | undefined {
    return this.#place.remove(this.#inode.fileId, fileOf(stream));
  }
}

/** Before the id of a stream, the name of a file whose data are not complete. No stream's id starts so. */
const unfinished = 'unfinished-';

/** Writes the data of a new file. @returns it; or a code, and it is closed */
function filled(file: Descriptor | VfsCode, bytes: Uint8Array): Descriptor | VfsCode {
  if (isCode(file) || bytes.length === 0) return file;
  const written = writeAt(file.fd, bytes, 0);
  if (written === bytes.length) return file;
  file.release();
  return written < 0 ? errorCode(written) : 'ENOSPC';
}

/** The name of a stream's file. */
const fileOf = (stream: Stream): string => `${stream.id}.${stream.name}`;
