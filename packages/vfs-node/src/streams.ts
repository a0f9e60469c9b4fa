import { mkdirSync, readdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { currentFolder, OpenFlag, openAt, readAt, stat, writeAt, type XattrTarget } from '@ring3/linux';
import { foldName, isCode, type VfsCode } from '@ring3/vfs';
import { Descriptor } from './descriptor.ts';
import type { Device } from './device.ts';
import { errorCode } from './error-code.ts';
import type { Inode } from './inode.ts';
import { type KeptValues, streamPrefix } from './kept-values.ts';
import { scratch } from './scratch.ts';

/** Streams up to here live in an attribute of their file while nobody writes them. */
const fitsBeside = 2048;
const idBytes = 8; // of a stream's id, as text, before its data in the attribute and before its name in the state folder
const longestName = 255 - idBytes - 1;

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
  /** Whether it was unlinked, itself or with its file. */
  gone = false;
  /** Whether it stays a file: a client was promised that it is on the medium, now or before, and a move could be cut short by a power cut. */
  stays = false;

  constructor(id: string, name: string, bytes: Uint8Array | undefined) {
    this.id = id;
    this.name = name;
    this.bytes = bytes;
  }
}

/** What the streams of every file have in common. */
export interface StreamPlace {
  /** The state folder's `streams`. */
  readonly folder: string;
  readonly kept: KeptValues;
  /** The state folder's device, made known when the first stream is opened as a file. */
  device: Device | undefined;
  deviceOf(fd: number): Device;
  newId(): string;
}

/** The named streams of one open file or folder. */
export class Streams {
  readonly #place: StreamPlace;
  readonly #inode: Inode;
  readonly #folder: string;
  readonly #byName = new Map<string, Stream>();

  private constructor(place: StreamPlace, inode: Inode) {
    this.#place = place;
    this.#inode = inode;
    this.#folder = join(place.folder, inode.fileId);
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
    const file = this.open(stream);
    if (isCode(file)) return { size: 0, allocated: 0 };
    stat(file.fd, scratch);
    const { size, allocated } = scratch;
    this.#closeIdle(stream);
    return { size, allocated };
  }

  /** Makes a new one, as a file; the name is free and is one. */
  create(name: string): Stream | VfsCode {
    if (Buffer.byteLength(name) > longestName) return 'ENAMETOOLONG';
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
    const file = stream.bytes === undefined ? this.#openFile(stream, OpenFlag.ReadWrite) : this.#makeFile(stream);
    if (isCode(file)) return file;
    if (stream.bytes !== undefined && stream.bytes.length > 0) {
      const written = writeAt(file.fd, stream.bytes, 0);
      if (written < stream.bytes.length) {
        file.release();
        return written < 0 ? errorCode(written) : 'ENOSPC';
      }
    }
    stream.bytes = undefined;
    stream.file = file;
    return file;
  }

  /** The last handle of a stream is closed: what is short goes into an attribute of its file. */
  settle(stream: Stream, target: XattrTarget): void {
    if (!stream.gone && !stream.stays && stream.file !== undefined) this.#moveBeside(stream, stream.file, target);
    this.#closeIdle(stream);
  }

  rename(stream: Stream, name: string, target: XattrTarget): VfsCode | undefined {
    if (Buffer.byteLength(name) > longestName) return 'ENAMETOOLONG';
    // with two names for a moment rather than none: whichever is found says the same
    const file = this.open(stream);
    if (isCode(file)) return file;
    renameSync(this.#path(stream), join(this.#folder, `${stream.id}.${name}`));
    this.#place.kept.remove(this.#inode, target, streamPrefix + stream.name);
    this.#byName.delete(foldName(stream.name));
    stream.name = name;
    this.#byName.set(foldName(name), stream);
    if (stream.handles === 0) this.settle(stream, target);
    return undefined;
  }

  unlink(stream: Stream, target: XattrTarget): VfsCode | undefined {
    this.#byName.delete(foldName(stream.name));
    stream.gone = true;
    if (stream.bytes === undefined || stream.file !== undefined) this.#removeFile(stream);
    this.#removeFolder();
    return this.#place.kept.remove(this.#inode, target, streamPrefix + stream.name);
  }

  /** The file is gone for good, and all of them with it; those that are open stay readable. */
  forget(): void {
    for (const stream of this.#byName.values()) {
      stream.gone = true;
      if (stream.bytes === undefined) this.#removeFile(stream);
    }
    this.#byName.clear();
    this.#removeFolder();
  }

  /** Removes the streams of a file that is gone and was never asked for any. */
  static forgetUnasked(place: StreamPlace, fileId: string): void {
    const folder = join(place.folder, fileId);
    for (const name of listOf(folder)) unlinkSync(join(folder, name));
    remove(rmdirSync, folder);
  }

  #load(target: XattrTarget): VfsCode | undefined {
    for (const name of listOf(this.#folder)) {
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
    stream.bytes = data;
    this.#removeFile(stream);
    this.#removeFolder();
  }

  #closeIdle(stream: Stream): void {
    if (stream.handles > 0) return;
    stream.file?.release();
    stream.file = undefined;
  }

  #path(stream: Stream): string {
    return join(this.#folder, `${stream.id}.${stream.name}`);
  }

  /** A file for a stream that has none; without a name where the stream has none any more. */
  #makeFile(stream: Stream): Descriptor | VfsCode {
    mkdirSync(stream.gone ? this.#place.folder : this.#folder, { recursive: true, mode: 0o700 });
    if (!stream.gone) return this.#openFile(stream, OpenFlag.ReadWrite | OpenFlag.Create | OpenFlag.Truncate);
    const fd = openAt(currentFolder, this.#place.folder, OpenFlag.ReadWrite | OpenFlag.Temporary, 0o600);
    return fd < 0 ? errorCode(fd) : new Descriptor(fd, true);
  }

  #openFile(stream: Stream, flags: number): Descriptor | VfsCode {
    const fd = openAt(currentFolder, this.#path(stream), flags | OpenFlag.NoFollow, 0o600);
    if (fd < 0) return errorCode(fd);
    this.#place.device ??= this.#place.deviceOf(fd);
    return new Descriptor(fd, true);
  }

  #removeFile(stream: Stream): void {
    remove(unlinkSync, this.#path(stream));
  }

  #removeFolder(): void {
    if (this.#byName.size === 0 || ![...this.#byName.values()].some(({ bytes }) => bytes === undefined)) remove(rmdirSync, this.#folder);
  }
}

/** The names in a folder; none where it is not there. */
function listOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Removes what may be gone already. */
function remove(call: (path: string) => void, path: string): void {
  try {
    call(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY') throw error;
  }
}
