import { andThen, isPromise, type MaybePromise } from '@ring3/kit';
import { Errno, fileSystemStat, readLink, setTimes, stat, syncLater, type XattrTarget } from '@ring3/linux';
import {
  type Access,
  type Answer,
  type Change,
  type Cursor,
  checkName,
  fieldsOf,
  type Handle,
  isCode,
  type Kind,
  type LinkTarget,
  type Listing,
  type ListWant,
  type LockKind,
  nameFromBytes,
  type Range,
  type RenameHow,
  type Space,
  type Stat,
  type StatChanges,
  type StreamEntry,
  type StreamHow,
  type VfsCode,
  type Watch,
  type WatchWant,
  type WriteHow,
} from '@ring3/vfs';
import { allocateData, copyData, dataRanges, punchData, readData, truncateData, writeData } from './data.ts';
import type { FileTimes } from './data-backup.ts';
import { describe, statOf, writeDescription } from './description.ts';
import type { Descriptor } from './descriptor.ts';
import type { Device } from './device.ts';
import type { Entry } from './entry.ts';
import { linkEntry, renameEntry, unlinkEntry } from './entry-names.ts';
import type { EntryStore } from './entry-store.ts';
import { errorCode } from './error-code.ts';
import { descriptionKey, descriptorKey, xattrKey, xattrNames, xattrPrefix } from './kept-values.ts';
import { OpenListing } from './listing.ts';
import type { OwnChanges } from './own-changes.ts';
import { scratch } from './scratch.ts';
import { Streams } from './streams.ts';
import { directoryFault, unlinkFault } from './unlink-fault.ts';

const writes = (access: Access): boolean => access === 'write' || access === 'readWrite';

/** An open entry of the host. */
export class EntryHandle implements Handle {
  readonly store: EntryStore;
  readonly entry: Entry;
  #reading: Descriptor | undefined;
  #writing: Descriptor | undefined;
  #listing: OpenListing | undefined;
  #closed = false;

  /** @param entry the handle owns it and releases it when it is closed */
  constructor(store: EntryStore, entry: Entry) {
    this.store = store;
    this.entry = entry;
  }

  get fileId(): string {
    return this.entry.inode.fileId;
  }

  get kind(): Kind {
    return this.entry.inode.kind;
  }

  get name(): string {
    return this.entry.name;
  }

  get entryKey(): object | undefined {
    return this.entry;
  }

  /** Whether the handle or its store was closed. */
  get stale(): boolean {
    return this.#closed || this.store.closed;
  }

  stat(): Stat | VfsCode {
    if (this.stale) return 'ESTALE';
    const { inode, fd, rootDevice } = this.entry;
    const answer = stat(fd, scratch);
    if (answer < 0) return errorCode(answer);
    const description = describe(this.store.kept, inode.device.know(scratch, fd), inode, this.target);
    return statOf(scratch, inode.device, rootDevice, inode.fileId, description);
  }

  read(target: Uint8Array, offset: number, signal?: AbortSignal): Answer<number> {
    const file = this.#checkReady(offset, signal) ?? this.data(false);
    return isCode(file) ? file : readData(file, this.device, target, offset);
  }

  write(chunks: readonly Uint8Array[], offset: number, how: WriteHow = {}, signal?: AbortSignal): Answer<number> {
    const file = this.#checkReady(offset, signal) ?? this.data(true);
    if (isCode(file)) return file;
    const own = this.#ownChanges;
    own?.begin(this.entry.name);
    const made = writeData(file, this.device, chunks, offset, how.through === true);
    const written = own === undefined ? made : own.ended(this.entry.name, made);
    return how.through === true ? andThen(written, (answer) => this.#through(answer)) : written;
  }

  /** A write-through also flushes the values that the host cannot store with the file. */
  #through(written: number | VfsCode): Answer<number> {
    return isCode(written) ? written : andThen(this.store.kept.flush(), (code) => code ?? written);
  }

  truncate(size: number, signal?: AbortSignal): Answer<void> {
    const file = this.#checkReady(size, signal) ?? this.data(true);
    return isCode(file) ? file : this.changing(() => truncateData(file, this.device, size));
  }

  allocate(size: number, signal?: AbortSignal): Answer<void> {
    const file = this.#checkReady(size, signal) ?? this.data(true);
    if (isCode(file)) return file;
    this.entry.inode.reserved = true;
    return this.changing(() => allocateData(file, size));
  }

  punch(offset: number, length: number, signal?: AbortSignal): Answer<void> {
    const file = this.#checkReady(offset, signal) ?? this.data(true);
    return isCode(file) ? file : this.changing(() => punchData(file, this.device, offset, length));
  }

  ranges(offset: number, length: number, limit = Number.MAX_SAFE_INTEGER, signal?: AbortSignal): Answer<readonly Range[]> {
    const file = this.#checkReady(offset, signal) ?? this.data(false);
    return isCode(file) ? file : dataRanges(file, offset, length, limit);
  }

  copyRange(source: Handle, sourceOffset: number, offset: number, length: number, signal?: AbortSignal): Answer<number> {
    const files = this.#filesOfCopy(source, sourceOffset, offset, signal);
    if (isCode(files)) return files;
    const [from, to] = files;
    return this.changing(() => copyData(from, sourceOffset, to, offset, length, source.fileId === this.fileId));
  }

  flush(signal?: AbortSignal): Answer<void> {
    const bad = this.#checkUsable(signal);
    if (bad !== undefined) return bad;
    if (this.kind === 'link') return undefined;
    const file = this.kind === 'file' ? (this.#writing ?? this.data(false)) : this.entry.inode.open(this.entry, false);
    if (isCode(file)) return file;
    if (typeof file === 'number') return errorCode(file);
    const flushed = file.runInPool(() => syncLater(file.fd)).then((answer) => (answer < 0 ? errorCode(answer) : undefined));
    if (this.kind === 'folder') file.release();
    // the values that the host cannot store with the file are part of it
    return flushed.then((code) => code ?? this.store.kept.flush());
  }

  list(cursor: Cursor | undefined, want: ListWant, signal?: AbortSignal): MaybePromise<Listing | VfsCode> {
    const bad = this.#checkUsable(signal);
    if (bad !== undefined) return bad;
    if (this.kind !== 'folder') return 'ENOTDIR';
    const known = this.#listing;
    if (known !== undefined && !known.busy) return known.list(cursor, want);
    const listing = OpenListing.open(this.store.tree, this.store.kept, this.entry);
    if (isCode(listing)) return listing;
    if (known === undefined) {
      this.#listing = listing;
      return listing.list(cursor, want);
    }
    return andThen(listing.list(cursor, want), (part) => {
      listing.close();
      return part;
    });
  }

  rename(dir: Handle, name: string, how: RenameHow = {}): Answer<void> {
    if (this.stale) return 'ESTALE';
    if (this.entry.parent === undefined) return 'EINVAL';
    if (!this.#hasName()) return 'ENOENT';
    const directory = directoryOf(this.store, dir);
    const bad = isCode(directory) ? directory : checkName(name);
    if (isCode(directory) || bad !== undefined) return bad;
    return renameEntry(this.store, this.entry, directory, name, how);
  }

  unlink(): Answer<void> {
    if (this.stale) return 'ESTALE';
    if (this.entry.parent === undefined) return 'EBUSY';
    return this.#hasName() ? unlinkEntry(this.store, this.entry) : 'ENOENT';
  }

  link(dir: Handle, name: string, how: RenameHow = {}): Answer<void> {
    if (this.stale) return 'ESTALE';
    if (this.kind === 'folder') return 'EPERM';
    if (!this.#hasName()) return 'ENOENT';
    const directory = directoryOf(this.store, dir);
    const bad = isCode(directory) ? directory : checkName(name);
    if (isCode(directory) || bad !== undefined) return bad;
    return linkEntry(this.store, this.entry, directory, name, how);
  }

  close(): Answer<void> {
    if (this.#closed) return undefined;
    this.#closed = true;
    this.#listing?.close();
    this.#reading?.release();
    const own = this.entry.inode.reserved ? this.#ownChanges : undefined; // it may release space that was reserved beyond the end
    own?.begin(this.entry.name);
    this.#writing?.release();
    own?.end(this.entry.name);
    this.entry.release();
    return undefined;
  }

  reopen(access: Access, signal?: AbortSignal): Answer<void> {
    const bad = this.#checkUsable(signal);
    if (bad !== undefined || this.kind === 'link') return bad;
    if (access === 'metadata') {
      this.#restoreData(); // size and times; a failure fails the open of the data
      return undefined;
    }
    if (this.kind === 'folder') return access === 'write' ? undefined : this.#openListing();
    if (writes(access)) {
      const file = this.data(true);
      if (isCode(file)) return file;
    }
    if (access !== 'write') {
      const file = this.data(false);
      if (isCode(file)) return file;
    }
    return undefined;
  }

  setStat(changes: StatChanges): Answer<void> {
    return this.stale
      ? 'ESTALE'
      : this.changing(() => this.store.notifications.explainChange(this.entry, fieldsOf(changes), () => this.#setStat(changes)));
  }

  #setStat(changes: StatChanges): VfsCode | undefined {
    const { fd } = this.entry;
    if (changes.modified !== undefined || changes.accessed !== undefined) {
      const answer = setTimes(fd, changes.accessed, changes.modified);
      if (answer < 0) return errorCode(answer);
    }
    if (changes.attributes === undefined && changes.birth === undefined && changes.changed === undefined) return undefined;
    return this.#describe(changes);
  }

  /** Stores the metadata that the host does not. A change time is stored last, together with the host's. */
  #describe({ attributes, birth, changed }: StatChanges): VfsCode | undefined {
    const { inode, fd } = this.entry;
    const { kept } = this.store;
    const answer = stat(fd, scratch);
    if (answer < 0) return errorCode(answer);
    const before = describe(kept, inode.device.know(scratch, fd), inode, this.target);
    const after = { attributes: attributes ?? before.attributes, birth: birth ?? before.birth, setChanged: undefined };
    const failure = kept.set(inode, this.target, descriptionKey, writeDescription(after));
    if (failure !== undefined || changed === undefined) return failure;
    const again = stat(fd, scratch);
    if (again < 0) return errorCode(again);
    const setChanged = { reported: changed, host: scratch.changed };
    const bad = kept.set(inode, this.target, descriptionKey, writeDescription({ ...after, setChanged }));
    if (bad !== undefined || stat(fd, scratch) < 0) return bad;
    // storing it moved the host's change time again: the cached description has the exact value
    inode.device.know(scratch, fd).description = { ...after, setChanged: { reported: changed, host: scratch.changed } };
    return undefined;
  }

  readLink(): LinkTarget | VfsCode {
    if (this.stale) return 'ESTALE';
    if (this.kind !== 'link') return 'EINVAL';
    const target = readLink(this.entry.fd, '');
    return typeof target === 'number' ? errorCode(target) : { target: pathText(target).join('/') };
  }

  getXattr(name: string): Uint8Array | VfsCode {
    const key = this.stale ? 'ESTALE' : xattrKey(name);
    return key.startsWith(xattrPrefix) ? this.#get(key) : (key as VfsCode);
  }

  setXattr(name: string, value: Uint8Array | undefined): VfsCode | undefined {
    const key = this.stale ? 'ESTALE' : xattrKey(name);
    if (!key.startsWith(xattrPrefix)) return key as VfsCode;
    const { inode } = this.entry;
    const { kept, notifications } = this.store;
    const change = (): VfsCode | undefined =>
      value === undefined ? kept.remove(inode, this.target, key) : kept.set(inode, this.target, key, value);
    return this.changing(() => notifications.explainChange(this.entry, ['xattr'], change));
  }

  listXattrs(): readonly string[] | VfsCode {
    if (this.stale) return 'ESTALE';
    const keys = this.store.kept.keys(this.entry.inode, this.target, xattrPrefix);
    return isCode(keys) ? keys : xattrNames(keys);
  }

  getDescriptor(): Uint8Array | VfsCode {
    if (this.stale) return 'ESTALE';
    const { inode, fd } = this.entry;
    const answer = stat(fd, scratch);
    if (answer < 0) return errorCode(answer);
    const known = inode.device.know(scratch, fd);
    if (known.descriptor === undefined) {
      const read = this.store.kept.get(inode, this.target, descriptorKey);
      if (isCode(read)) return read;
      known.descriptor = read ?? null;
    }
    return known.descriptor?.slice() ?? 'ENODATA';
  }

  setDescriptor(descriptor: Uint8Array): VfsCode | undefined {
    if (this.stale) return 'ESTALE';
    const { kept, notifications } = this.store;
    const change = (): VfsCode | undefined => kept.set(this.entry.inode, this.target, descriptorKey, descriptor);
    return this.changing(() => notifications.explainChange(this.entry, ['descriptor'], change));
  }

  getObjectId(): Uint8Array | VfsCode {
    return this.stale ? 'ESTALE' : (this.store.kept.objectId(this.entry.inode) ?? 'ENODATA');
  }

  setObjectId(objectId: Uint8Array | undefined): VfsCode | undefined {
    if (this.stale) return 'ESTALE';
    const failure = this.store.kept.setObjectId(this.entry.inode, objectId);
    if (failure === undefined) this.store.touch(this.entry);
    return failure;
  }

  streams(): readonly StreamEntry[] | VfsCode {
    const streams = this.#streams();
    return isCode(streams) ? streams : streams.all().map((stream) => ({ name: stream.name, ...streams.sizeOf(stream) }));
  }

  openStream(name: string, how: StreamHow): Answer<Handle> {
    const streams = this.#streams();
    return isCode(streams) ? streams : this.store.openStream(this.entry, streams, name, how);
  }

  watch(want: WatchWant, listener: (change: Change) => void): Answer<Watch> {
    if (this.stale) return 'ESTALE';
    return this.kind === 'folder' ? this.store.notifications.watch(this.entry, want, listener) : 'ENOTDIR';
  }

  lock(offset: bigint, length: bigint, how: LockKind): Answer<void> {
    if (this.stale) return 'ESTALE';
    if (this.kind !== 'file') return 'EINVAL';
    const answer = this.entry.inode.lock(this.entry, offset, length, how);
    return answer === -Errno.EAGAIN || answer === -Errno.EACCES ? 'EBUSY' : undefined; // other failures: the host has no locks here
  }

  checkUnlink(of?: 'newEntry'): Answer<void> {
    if (this.stale) return 'ESTALE';
    if (of === 'newEntry') {
      const fault = directoryFault(this.entry.fd);
      return fault < 0 ? errorCode(fault) : undefined;
    }
    if (this.entry.parent !== undefined && !this.#hasName()) return undefined; // its name was already removed
    const fault = unlinkFault(this.entry);
    return fault < 0 ? errorCode(fault) : undefined;
  }

  space(): Space | VfsCode {
    if (this.stale) return 'ESTALE';
    const found = fileSystemStat(this.entry.fd);
    if (typeof found === 'number') return errorCode(found);
    const { total, free, available, blockSize, readOnly } = found;
    return { total, free, available, blockSize, readOnly };
  }

  path(): readonly string[] | VfsCode {
    if (this.stale) return 'ESTALE';
    if (this.entry.parent === undefined) return [];
    if (!this.#hasName()) return 'ENOENT';
    const directory = this.store.tree.pathOf(this.entry.parent);
    return directory === undefined ? 'ENOENT' : [...directory, this.entry.name];
  }

  /** The target for this entry's attributes. */
  get target(): XattrTarget {
    const open = this.#writing ?? this.#reading;
    if (open !== undefined) return open.fd;
    return this.kind === 'folder' ? { dir: this.entry.fd, name: '.' } : { dir: this.entry.fd, name: '' };
  }

  /** The device of the data. */
  protected get device(): Device {
    return this.entry.inode.device;
  }

  /** The open file of the data. It is opened on first use. */
  protected data(writing: boolean): Descriptor | VfsCode {
    if (this.kind !== 'file') return this.kind === 'folder' ? 'EISDIR' : 'EINVAL';
    const known = writing || this.#writing?.readable === true ? this.#writing : this.#reading;
    if (known !== undefined) return known;
    const failure = this.#restoreData();
    if (failure !== undefined) return failure;
    const opened = this.entry.inode.open(this.entry, writing);
    if (typeof opened === 'number') return errorCode(opened);
    if (writing) this.#writing = opened;
    else this.#reading = opened;
    return opened;
  }

  /** Those of its directory, if changes of others are watched there. */
  get #ownChanges(): OwnChanges | undefined {
    return this.entry.parent?.inode.ownChanges;
  }

  /** Makes a change of the entry, which is the store's own: the host may report it at any time. */
  protected changing<A extends Answer<unknown>>(change: () => A): A {
    const own = this.#ownChanges;
    if (own === undefined) return change();
    const { name } = this.entry; // also of a stream: the host reports the file
    own.begin(name);
    try {
      const answer = change();
      if (!isPromise(answer)) return answer;
      own.begin(name);
      return answer.finally(() => own.end(name)) as A;
    } finally {
      own.end(name);
    }
  }

  #checkUsable(signal: AbortSignal | undefined): VfsCode | undefined {
    return this.stale ? 'ESTALE' : signal?.aborted === true ? 'ECANCELED' : undefined;
  }

  #checkReady(offset: number, signal: AbortSignal | undefined): VfsCode | undefined {
    return this.#checkUsable(signal) ?? (Number.isSafeInteger(offset) && offset >= 0 ? undefined : 'EINVAL');
  }

  /** The files of a copy: source and target. */
  #filesOfCopy(source: Handle, sourceOffset: number, offset: number, signal: AbortSignal | undefined): [Descriptor, Descriptor] | VfsCode {
    if (!(source instanceof EntryHandle) || source.store !== this.store) return 'EXDEV';
    const from = source.#checkReady(sourceOffset, signal) ?? source.data(false);
    if (isCode(from)) return from;
    const to = this.#checkReady(offset, signal) ?? this.data(true);
    return isCode(to) ? to : [from, to];
  }

  /** The files of a call that shares blocks: source and target. */
  protected cloned(
    source: Handle,
    sourceOffset: number,
    offset: number,
    signal: AbortSignal | undefined,
  ): [Descriptor, Descriptor] | VfsCode {
    return this.#filesOfCopy(source, sourceOffset, offset, signal);
  }

  #openListing(): VfsCode | undefined {
    if (this.#listing !== undefined) return undefined;
    const listing = OpenListing.open(this.store.tree, this.store.kept, this.entry);
    if (isCode(listing)) return listing;
    this.#listing = listing;
    return undefined;
  }

  #get(key: string): Uint8Array | VfsCode {
    return this.store.kept.get(this.entry.inode, this.target, key) ?? 'ENODATA';
  }

  #streams(): Streams | VfsCode {
    return this.stale ? 'ESTALE' : Streams.of(this.store.streamPlace, this.store.kept, this.entry.inode, this.target);
  }

  /** Restores data and times if a killed process left the data incomplete, before a client sees it. */
  #restoreData(): VfsCode | undefined {
    const { inode } = this.entry;
    if (inode.kind !== 'file' || !this.store.streamPlace.has(inode.fileId)) return undefined; // nearly always
    const streams = this.#streams();
    if (isCode(streams)) return streams;
    const file = { open: () => inode.open(this.entry, true), setTimes: (times: FileTimes) => this.#setStat(times) };
    return this.changing(() => streams.restore(file));
  }

  /** Whether its name leads to it, or it was found again after another program moved it. */
  #hasName(): boolean {
    return !this.entry.isUnlinked && this.store.tree.locate(this.entry);
  }
}

/** The directory of a handle. EXDEV for a handle of another store, ENOTDIR for other kinds, ENOENT for a deleted directory. */
export function directoryOf(store: EntryStore, handle: Handle): Entry | VfsCode {
  if (!(handle instanceof EntryHandle) || handle.store !== store) return 'EXDEV';
  if (handle.stale) return 'ESTALE';
  if (handle.kind !== 'folder') return 'ENOTDIR';
  return handle.entry.isUnlinked ? 'ENOENT' : handle.entry;
}

/** Returns the components of a host's path. */
const pathText = (path: Buffer): string[] =>
  path
    .toString('latin1')
    .split('/')
    .map((name) => nameFromBytes(Buffer.from(name, 'latin1')));
