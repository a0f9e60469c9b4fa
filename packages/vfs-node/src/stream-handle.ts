import { andThen } from '@ring3/kit';
import { setTimes, stat } from '@ring3/linux';
import {
  type Access,
  type Answer,
  type Handle,
  isCode,
  type Kind,
  type RenameHow,
  type Stat,
  type VfsCode,
  type WriteHow,
} from '@ring3/vfs';
import type { Descriptor } from './descriptor.ts';
import type { Device } from './device.ts';
import type { Entry } from './entry.ts';
import { EntryHandle } from './entry-handle.ts';
import type { EntryStore } from './entry-store.ts';
import { scratch } from './scratch.ts';
import type { Stream } from './stream.ts';
import { streamFault } from './stream-fault.ts';
import { checkStreamName } from './stream-name.ts';
import type { Streams } from './streams.ts';

/** An open named stream: it has its own data and the metadata of its file. */
export class StreamHandle extends EntryHandle {
  readonly #streams: Streams;
  readonly #stream: Stream;
  #open = true;

  constructor(store: EntryStore, entry: Entry, streams: Streams, stream: Stream) {
    super(store, entry);
    this.#streams = streams;
    this.#stream = stream;
    stream.handles++;
  }

  override get fileId(): string {
    return `${super.fileId}:${this.#stream.id}`;
  }

  override get entryKey(): undefined {
    return undefined;
  }

  override get kind(): Kind {
    return 'file';
  }

  override get name(): string {
    return this.#stream.name;
  }

  override stat(): Stat | VfsCode {
    const file = super.stat();
    if (isCode(file)) return file;
    const { bytes } = this.#stream;
    if (bytes !== undefined) return { ...file, kind: 'file', size: bytes.length, allocated: bytes.length };
    const data = this.data();
    if (isCode(data)) return data;
    stat(data.fd, scratch);
    return { ...file, kind: 'file', size: scratch.size, allocated: scratch.allocated };
  }

  override read(target: Uint8Array, offset: number, signal?: AbortSignal): Answer<number> {
    const { bytes } = this.#stream;
    if (bytes === undefined || this.stale || !Number.isSafeInteger(offset) || offset < 0) return super.read(target, offset, signal);
    const part = bytes.subarray(offset, offset + target.length);
    target.set(part);
    return part.length;
  }

  override write(chunks: readonly Uint8Array[], offset: number, how: WriteHow = {}, signal?: AbortSignal): Answer<number> {
    if (how.through === true) this.#stream.keepAsFile = true;
    return this.#modifies(super.write(chunks, offset, how, signal));
  }

  override truncate(size: number, signal?: AbortSignal): Answer<void> {
    return this.#modifies(super.truncate(size, signal));
  }

  override punch(offset: number, length: number, signal?: AbortSignal): Answer<void> {
    return this.#modifies(super.punch(offset, length, signal));
  }

  override copyRange(source: Handle, sourceOffset: number, offset: number, length: number, signal?: AbortSignal): Answer<number> {
    return this.#modifies(super.copyRange(source, sourceOffset, offset, length, signal));
  }

  override flush(signal?: AbortSignal): Answer<void> {
    this.#stream.keepAsFile = true;
    return super.flush(signal);
  }

  override reopen(access: Access): VfsCode | undefined {
    return this.stale ? 'ESTALE' : streamFault(this.entry, access);
  }

  override rename(dir: Handle, name: string, how: RenameHow = {}): VfsCode | undefined {
    if (this.stale) return 'ESTALE';
    if (!(dir instanceof EntryHandle) || dir instanceof StreamHandle || dir.entry.inode !== this.entry.inode) return 'EINVAL';
    if (this.#stream.isUnlinked) return 'ENOENT';
    if (name === '' && this.#stream.role === 'temporary') return this.#keepAsBackup();
    const bad = checkStreamName(name);
    const former = this.#stream.name;
    if (bad !== undefined || name === former) return bad;
    const denied = streamFault(this.entry, 'write');
    if (denied !== undefined) return denied;
    const existing = this.#streams.get(name);
    const replaced = existing === this.#stream ? undefined : existing;
    if (replaced !== undefined && how.replace !== true) return 'EEXIST';
    const failure = this.changing(() => this.#streams.rename(this.#stream, name, replaced, this.target));
    if (failure === undefined) {
      if (former !== '') this.store.changedStreams(this.entry, 'streamRemoved', former);
      this.store.changedStreams(this.entry, 'streamAdded', name);
    }
    return failure;
  }

  /** Does nothing: other programs do not see streams. */
  override lock(): undefined {
    return undefined;
  }

  /** Checks only the permissions of the file: a stream is a value of its file, not an entry of the directory. */
  override checkUnlink(): VfsCode | undefined {
    return this.stale ? 'ESTALE' : streamFault(this.entry, 'write');
  }

  override unlink(): VfsCode | undefined {
    if (this.stale) return 'ESTALE';
    if (this.#stream.isUnlinked) return 'ENOENT';
    const { name } = this.#stream;
    const failure = streamFault(this.entry, 'write') ?? this.changing(() => this.#streams.unlink(this.#stream, this.target));
    if (failure === undefined && name !== '') this.store.changedStreams(this.entry, 'streamRemoved', name);
    return failure;
  }

  override link(): VfsCode {
    return 'EINVAL';
  }

  override list(): VfsCode {
    return 'ENOTDIR';
  }

  override close(): Answer<void> {
    if (!this.#open) return undefined;
    this.#open = false;
    if (--this.#stream.handles === 0) this.changing(() => this.#streams.settle(this.#stream, this.target));
    return super.close();
  }

  /** Makes the temporary stream the backup of the data of its file, with the times that the file has now. */
  #keepAsBackup(): VfsCode | undefined {
    const file = super.stat();
    return isCode(file) ? file : this.changing(() => this.#streams.keepAsBackup(this.#stream, file));
  }

  /**
   * Reports a change of a stream's data as a change of its file or directory: the host updates only the times of the stream's own file. A stream without a name
   * is not part of its file yet: a process that is killed before the stream gets a name leaves the file as it was.
   */
  #modifies<T>(answer: Answer<T>): Answer<T> {
    return andThen(answer, (result) => {
      if (!isCode(result) && this.#stream.name !== '') {
        this.changing(() => setTimes(this.entry.fd, undefined, 'now'));
        this.store.notifications.changedStream(this.entry, 'streamData', this.#stream.name);
      }
      return result;
    });
  }

  protected override get device(): Device {
    return this.store.streamPlace.device ?? super.device;
  }

  protected override data(): Descriptor | VfsCode {
    return this.#streams.open(this.#stream);
  }
}
