import { checkName, foldName } from '../names.ts';
import {
  type Cursor,
  type DescriptionChange,
  type DescriptionField,
  type Entry,
  fieldsOf,
  type Handle,
  type Kind,
  type LinkTarget,
  type Listing,
  type ListWant,
  type Range,
  type RenameHow,
  type Space,
  type Stat,
  type StatChanges,
  type StreamChange,
  type StreamEntry,
  type StreamHow,
  type Watch,
  type WatchWant,
} from '../vfs.ts';
import { isCode, type VfsCode } from '../vfs-error.ts';
import { type DirectoryEntry, type Node, type Stream, type Watcher, watchersOf } from './node.ts';
import { type Room, SparseData } from './sparse-data.ts';

/** Maximum bytes of the extended attributes of an entry, names included. */
const xattrRoom = 0x10000;
const copyPiece = 0x100000;
const objectIdKey = (objectId: Uint8Array): string => Buffer.from(objectId.subarray(0, 16)).toString('hex');

/** A memory store, as its handles use it. */
export interface EntryTable extends Room {
  readonly closed: boolean;
  readonly fileSizeLimit: number;
  /** Entries that have object ids, by the first 16 bytes. */
  readonly objectIds: Map<string, Node>;
  space(): Space;
  /** Nanoseconds since 1970. */
  now(): bigint;
  newId(): number;
  /** Returns a code if a name is invalid. */
  checkName(name: string): VfsCode | undefined;
  /** The directory of a handle; undefined for a handle of another store. */
  folderOf(handle: Handle): Node | VfsCode | undefined;
  /** Adds a name to a directory. */
  add(folder: Node, name: string, node: Node): DirectoryEntry;
  /** Removes a name from its directory. */
  remove(entry: DirectoryEntry): void;
  /** Gives an entry another name or directory; the name is not in use. */
  move(entry: DirectoryEntry, folder: Node, name: string): void;
}

/** An open entry or stream of a memory store. */
export class MemoryHandle implements Handle {
  readonly store: EntryTable;
  readonly node: Node;
  readonly #entry: DirectoryEntry | undefined;
  readonly #stream: Stream | undefined;
  readonly #data: SparseData;
  #closed = false;

  constructor(store: EntryTable, node: Node, entry: DirectoryEntry | undefined, stream?: Stream) {
    this.store = store;
    this.node = node;
    this.#entry = entry;
    this.#stream = stream;
    this.#data = stream?.data ?? node.data;
    node.handles++;
    if (stream !== undefined) stream.handles++;
  }

  get fileId(): string {
    return this.#stream?.fileId ?? this.node.fileId;
  }

  get kind(): Kind {
    return this.#stream === undefined ? this.node.kind : 'file';
  }

  get name(): string {
    return (this.#stream ?? this.#entry)?.name ?? '';
  }

  get entryKey(): object | undefined {
    return this.#stream === undefined ? this.#entry : undefined;
  }

  /** Whether it or its store is closed. */
  get stale(): boolean {
    return this.#closed || this.store.closed;
  }

  stat(): Stat | VfsCode {
    return this.stale ? 'ESTALE' : this.node.stat(this.#data);
  }

  read(target: Uint8Array, offset: number): number | VfsCode {
    return this.#noData(offset) ?? this.#data.read(target, offset);
  }

  write(chunks: readonly Uint8Array[], offset: number): number | VfsCode {
    const bad = this.#noData(offset);
    if (bad !== undefined) return bad;
    const { fileSizeLimit } = this.store;
    if (offset + chunks.reduce((sum, chunk) => sum + chunk.length, 0) > fileSizeLimit) return 'EFBIG';
    let done = 0;
    for (const chunk of chunks) {
      const written = this.#data.write(chunk, offset + done);
      done += written;
      if (written === chunk.length) continue;
      if (done === 0) return 'ENOSPC';
      break;
    }
    if (done > 0) this.#changedData();
    return done;
  }

  truncate(size: number): undefined | VfsCode {
    const bad = this.#noData(size) ?? (size > this.store.fileSizeLimit ? 'EFBIG' : undefined);
    if (bad !== undefined) return bad;
    this.#data.truncate(size);
    return this.#changedData();
  }

  list(cursor: Cursor | undefined, want: ListWant): Listing | VfsCode {
    if (this.stale) return 'ESTALE';
    if (this.kind !== 'folder') return 'ENOTDIR';
    if (cursor !== undefined && typeof cursor !== 'number') return 'EINVAL';
    const entries: Entry[] = [];
    for (const { name, node, place } of this.node.children!.after(cursor ?? 0)) {
      if (want.match !== undefined && !want.match(name)) continue;
      if (entries.length === want.limit) return { entries, cursor: place - 1 };
      entries.push(want.stat ? { name, kind: node.kind, stat: listedStat(node) } : { name, kind: node.kind });
    }
    return { entries };
  }

  rename(dir: Handle, name: string, how: RenameHow = {}): undefined | VfsCode {
    if (this.stale) return 'ESTALE';
    if (this.#stream !== undefined) return this.#renameStream(this.#stream, dir, name, how);
    const entry = this.#entry;
    if (entry === undefined) return 'EINVAL';
    if (entry.gone) return 'ENOENT';
    const folder = this.#target(dir, name);
    if (isCode(folder)) return folder;
    for (let at: Node | undefined = folder; at !== undefined; at = at.entry?.folder) if (at === this.node) return 'EINVAL';
    const taken = folder.children!.get(name);
    if (taken !== undefined && taken !== entry) {
      const refused = this.#replace(taken, how);
      if (refused !== undefined) return refused;
    }
    this.store.move(entry, folder, name);
    return undefined;
  }

  unlink(): undefined | VfsCode {
    if (this.stale) return 'ESTALE';
    if (this.#stream !== undefined) return this.#unlinkStream(this.#stream);
    if (this.#entry === undefined) return 'EBUSY';
    if (this.#entry.gone) return 'ENOENT';
    if ((this.node.children?.size ?? 0) > 0) return 'ENOTEMPTY';
    this.store.remove(this.#entry);
    return undefined;
  }

  close(): undefined {
    if (this.#closed) return undefined;
    this.#closed = true;
    const stream = this.#stream;
    if (stream !== undefined && --stream.handles === 0 && (stream.gone || stream.name === '')) stream.data.clear();
    this.node.handles--;
    this.node.release();
    return undefined;
  }

  flush(): undefined | VfsCode {
    return this.stale ? 'ESTALE' : undefined;
  }

  setStat(changes: StatChanges): undefined | VfsCode {
    if (this.stale) return 'ESTALE';
    const { node } = this;
    if (changes.birth !== undefined) node.birth = changes.birth;
    if (changes.modified !== undefined) node.modified = changes.modified;
    if (changes.accessed !== undefined) node.accessed = changes.accessed;
    if (changes.attributes !== undefined) node.attributes = changes.attributes;
    this.#described(fieldsOf(changes));
    if (changes.changed !== undefined) node.changed = changes.changed;
    return undefined;
  }

  readLink(): LinkTarget | VfsCode {
    if (this.stale) return 'ESTALE';
    return this.kind === 'link' ? { target: this.node.target } : 'EINVAL';
  }

  link(dir: Handle, name: string, how: RenameHow = {}): undefined | VfsCode {
    if (this.stale) return 'ESTALE';
    if (this.#stream !== undefined) return 'EINVAL';
    if (this.kind === 'folder') return 'EPERM';
    if (this.node.links === 0) return 'ENOENT';
    const folder = this.#target(dir, name);
    if (isCode(folder)) return folder;
    const taken = folder.children!.get(name);
    if (taken !== undefined) {
      if (taken.node === this.node && how.replace === true) return undefined;
      const refused = this.#replace(taken, how);
      if (refused !== undefined) return refused;
    }
    this.store.add(folder, name, this.node);
    return undefined;
  }

  streams(): readonly StreamEntry[] | VfsCode {
    if (this.stale) return 'ESTALE';
    return Array.from(this.node.streams.values(), ({ name, data }) => ({ name, size: data.size, allocated: data.allocated }));
  }

  openStream(name: string, how: StreamHow): Handle | VfsCode {
    if (this.stale) return 'ESTALE';
    if (how.disposition === 'temporary') return new MemoryHandle(this.store, this.node, this.#entry, this.#newStream(''));
    const bad = checkStreamName(name);
    if (bad !== undefined) return bad;
    const found = this.node.streams.get(foldName(name));
    if (how.disposition === 'open') return found === undefined ? 'ENOENT' : new MemoryHandle(this.store, this.node, this.#entry, found);
    if (found !== undefined) return 'EEXIST';
    const stream = this.#newStream(name);
    this.node.streams.set(foldName(name), stream);
    this.#changedStream('streamAdded', name);
    return new MemoryHandle(this.store, this.node, this.#entry, stream);
  }

  /** @param name empty for a temporary stream */
  #newStream(name: string): Stream {
    const fileId = `${this.node.fileId}:${this.store.newId()}`;
    return { name, fileId, data: new SparseData(this.store), handles: 0, gone: false };
  }

  getXattr(name: string): Uint8Array | VfsCode {
    if (this.stale) return 'ESTALE';
    return this.node.xattrs.get(name)?.slice() ?? 'ENODATA';
  }

  setXattr(name: string, value: Uint8Array | undefined): undefined | VfsCode {
    if (this.stale) return 'ESTALE';
    const { xattrs } = this.node;
    let room = xattrRoom - Buffer.byteLength(name) - (value?.length ?? 0);
    for (const [key, { length }] of xattrs) if (key !== name) room -= Buffer.byteLength(key) + length;
    if (value !== undefined && room < 0) return 'ENOSPC';
    if (value === undefined) xattrs.delete(name);
    else xattrs.set(name, new Uint8Array(value));
    return this.#described(['xattr']);
  }

  listXattrs(): readonly string[] | VfsCode {
    return this.stale ? 'ESTALE' : [...this.node.xattrs.keys()];
  }

  getDescriptor(): Uint8Array | VfsCode {
    return this.stale ? 'ESTALE' : (this.node.descriptor?.slice() ?? 'ENODATA');
  }

  setDescriptor(descriptor: Uint8Array): undefined | VfsCode {
    if (this.stale) return 'ESTALE';
    this.node.descriptor = new Uint8Array(descriptor);
    return this.#described(['descriptor']);
  }

  getObjectId(): Uint8Array | VfsCode {
    return this.stale ? 'ESTALE' : (this.node.objectId?.slice() ?? 'ENODATA');
  }

  setObjectId(objectId: Uint8Array | undefined): undefined | VfsCode {
    if (this.stale) return 'ESTALE';
    const { node, store } = this;
    const holder = objectId === undefined ? undefined : store.objectIds.get(objectIdKey(objectId));
    if (holder !== undefined && holder !== node) return 'EEXIST';
    node.forgetObjectId?.();
    node.objectId = objectId === undefined ? undefined : new Uint8Array(objectId);
    if (objectId !== undefined) {
      const key = objectIdKey(objectId);
      store.objectIds.set(key, node);
      node.forgetObjectId = () => void store.objectIds.delete(key);
    }
    node.changed = store.now();
    return undefined;
  }

  allocate(size: number): undefined | VfsCode {
    return this.#noData(size) ?? (this.#data.reserve(size) ? undefined : 'ENOSPC');
  }

  punch(offset: number, length: number): undefined | VfsCode {
    const bad = this.#noData(offset);
    if (bad !== undefined) return bad;
    this.#data.punch(offset, length);
    return this.#changedData();
  }

  ranges(offset: number, length: number, limit = Number.MAX_SAFE_INTEGER): readonly Range[] | VfsCode {
    return this.#noData(offset) ?? this.#data.ranges(offset, length).slice(0, limit);
  }

  copyRange(source: Handle, sourceOffset: number, offset: number, length: number): number | VfsCode {
    if (!(source instanceof MemoryHandle) || source.store !== this.store) return 'EXDEV';
    const bad = source.#noData(sourceOffset) ?? this.#noData(offset);
    if (bad !== undefined) return bad;
    const total = Math.max(0, Math.min(length, source.#data.size - sourceOffset));
    if (offset + total > this.store.fileSizeLimit) return 'EFBIG';
    // if the target is after the source in the same data, the last piece is copied first, so that no byte is overwritten before it is read
    const backwards = source.#data === this.#data && offset > sourceOffset && offset < sourceOffset + total;
    const piece = new Uint8Array(Math.min(total, copyPiece));
    for (let done = 0; done < total; ) {
      const part = piece.subarray(0, Math.min(piece.length, total - done));
      const at = backwards ? total - done - part.length : done;
      source.#data.read(part, sourceOffset + at);
      if (this.#data.write(part, offset + at) < part.length) return backwards || done === 0 ? 'ENOSPC' : done;
      done += part.length;
    }
    if (total > 0) this.#changedData();
    return total;
  }

  cloneRange(source: Handle, sourceOffset: number, offset: number, length: number): undefined | VfsCode {
    if (!(source instanceof MemoryHandle) || source.store !== this.store) return 'EXDEV';
    if (sourceOffset + length > source.#data.size) return 'EINVAL';
    const copied = this.copyRange(source, sourceOffset, offset, length);
    if (isCode(copied)) return copied;
    return copied === length ? undefined : 'ENOSPC';
  }

  watch(want: WatchWant, listener: Watcher['listener']): Watch | VfsCode {
    if (this.stale) return 'ESTALE';
    if (this.kind !== 'folder') return 'ENOTDIR';
    const { watchers } = this.node;
    const watcher: Watcher = { recursive: want.recursive, listener, close: () => void watchers.delete(watcher) };
    watchers.add(watcher);
    return watcher;
  }

  space(): Space | VfsCode {
    return this.stale ? 'ESTALE' : this.store.space();
  }

  path(): readonly string[] | VfsCode {
    if (this.stale) return 'ESTALE';
    const path: string[] = [];
    for (let at = this.#entry; at !== undefined; at = at.folder.entry) {
      if (at.gone) return 'ENOENT';
      path.unshift(at.name);
    }
    return path;
  }

  /** Returns a code if an offset is invalid. */
  #noData(offset: number): VfsCode | undefined {
    if (this.stale) return 'ESTALE';
    if (this.kind !== 'file') return this.kind === 'folder' ? 'EISDIR' : 'EINVAL';
    return Number.isSafeInteger(offset) && offset >= 0 ? undefined : 'EINVAL';
  }

  #changedData(): undefined {
    if (this.#stream?.name === '') return undefined; // a temporary stream is not part of its file yet
    const now = this.store.now();
    this.node.changed = now;
    this.node.modified = now;
    return this.#report(this.#stream === undefined ? { what: 'data' } : { what: 'streamData', stream: this.#stream.name });
  }

  #described(fields: readonly DescriptionField[]): undefined {
    this.node.changed = this.store.now();
    return this.#report({ what: 'description', fields });
  }

  #changedStream(what: StreamChange['what'], stream: string): undefined {
    this.node.changed = this.store.now();
    return this.#report({ what, stream });
  }

  #report(
    change: Pick<StreamChange, 'what' | 'stream'> | Pick<DescriptionChange, 'what' | 'fields'> | { readonly what: 'data' },
  ): undefined {
    const entry = this.#entry;
    if (entry === undefined || entry.gone) return undefined;
    const { kind } = this.node;
    for (const [watcher, path] of watchersOf(entry.folder, entry.name)) watcher.listener({ ...change, kind, path });
    return undefined;
  }

  /** The directory for a new name, or a code if the name is not possible there. */
  #target(dir: Handle, name: string): Node | VfsCode {
    const folder = this.store.folderOf(dir) ?? 'EXDEV';
    return isCode(folder) ? folder : (this.store.checkName(name) ?? folder);
  }

  /** Removes the entry that has the new name; @returns a code if that is not possible */
  #replace(taken: DirectoryEntry, how: RenameHow): VfsCode | undefined {
    if (how.replace !== true) return 'EEXIST';
    if (taken.node.kind === 'folder') {
      if (how.replaceDirectory !== true || this.kind !== 'folder') return 'EISDIR';
      if ((taken.node.children?.size ?? 0) > 0) return 'ENOTEMPTY';
      this.store.remove(taken);
      return undefined;
    }
    if (this.kind === 'folder') return 'ENOTDIR';
    this.store.remove(taken);
    return undefined;
  }

  #renameStream(stream: Stream, dir: Handle, name: string, how: RenameHow): undefined | VfsCode {
    if (!(dir instanceof MemoryHandle) || dir.node !== this.node || dir.#stream !== undefined) return 'EINVAL';
    if (stream.name === '' && name === '') return undefined; // a backup: data in memory does not outlive the process
    const bad = checkStreamName(name) ?? (stream.gone ? 'ENOENT' : undefined);
    if (bad !== undefined) return bad;
    const { streams } = this.node;
    const taken = streams.get(foldName(name));
    if (taken !== undefined && taken !== stream) {
      if (how.replace !== true) return 'EEXIST';
      this.#unlinkStream(taken);
    }
    if (stream.name !== '') {
      streams.delete(foldName(stream.name));
      this.#changedStream('streamRemoved', stream.name);
    }
    stream.name = name;
    streams.set(foldName(name), stream);
    return this.#changedStream('streamAdded', name);
  }

  #unlinkStream(stream: Stream): undefined | VfsCode {
    if (stream.gone) return 'ENOENT';
    stream.gone = true;
    if (stream.name === '') return undefined;
    this.node.streams.delete(foldName(stream.name));
    if (stream.handles === 0) stream.data.clear();
    return this.#changedStream('streamRemoved', stream.name);
  }
}

/** The stat of an entry in a listing. */
function listedStat(node: Node): Stat {
  const stat = node.stat(node.data);
  return node.xattrs.size === 0 ? stat : { ...stat, xattrSizes: new Map(Array.from(node.xattrs, ([name, { length }]) => [name, length])) };
}

/** Stream names: like names of entries, but without a colon (MS-FSCC 2.1.5). */
const checkStreamName = (name: string): VfsCode | undefined =>
  checkName(name) ?? (name.includes(':') || !name.isWellFormed() ? 'EINVAL' : undefined);
