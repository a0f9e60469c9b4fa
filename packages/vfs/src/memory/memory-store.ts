import { type Clock, systemClock } from '@ring3/kit';
import { checkName } from '../names.ts';
import type { Feature, Handle, Identity, OpenHow, Space, Vfs } from '../vfs.ts';
import { isCode, type VfsCode } from '../vfs-error.ts';
import { type EntryTable, MemoryHandle } from './memory-handle.ts';
import { type DirectoryEntry, Node, watchersOf } from './node.ts';

/** Options of a memory store. */
export interface MemoryOptions {
  /** The source of times; default: the system clock. */
  readonly clock?: Clock;
  /** Maximum bytes of data; default 16 GiB. Only written data uses memory. */
  readonly capacity?: number;
  /** Maximum size of a file; default 2^53-1. */
  readonly fileSizeLimit?: number;
  /** Maximum UTF-16 code units of a name; default 255. */
  readonly nameLimit?: number;
}

/** A store in memory. */
export interface MemoryStore extends Vfs {
  /** Bytes of data at present. */
  readonly used: number;
}

/**
 * Creates a store in memory, for tests, examples and scratch shares. It has every feature except `stableIds`, returns
 * values and no promises, and does not check identities. For failures and delays see `withFaults`.
 */
export const createMemoryStore = (options: MemoryOptions = {}): MemoryStore => new Store(options);

const features: readonly Feature[] = [
  'streams',
  'xattr',
  'attributes',
  'times',
  'descriptor',
  'objectIds',
  'links',
  'hardLinks',
  'sparse',
  'allocate',
  'copy',
  'clone',
  'flush',
  'watch',
  'space',
  'path',
];
const mostLinks = 40;

/** A found node and the name by which it was found (none for the root). */
interface Found {
  readonly node: Node;
  readonly entry: DirectoryEntry | undefined;
}

class Store implements MemoryStore, EntryTable {
  readonly features: ReadonlySet<Feature> = new Set(features);
  readonly fileSizeLimit: number;
  closed = false;
  used = 0;
  readonly objectIds = new Map<string, Node>();
  readonly #clock: Clock;
  readonly #capacity: number;
  readonly #nameLimit: number;
  readonly #root: Node;
  #nextId = 1;

  constructor(options: MemoryOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#capacity = options.capacity ?? 2 ** 34;
    this.fileSizeLimit = options.fileSizeLimit ?? Number.MAX_SAFE_INTEGER;
    this.#nameLimit = options.nameLimit ?? 255;
    this.#root = new Node('folder', this.newId(), this, this.now());
    this.#root.links = 1;
  }

  root(_who: Identity): Handle | VfsCode {
    return this.closed ? 'ESTALE' : new MemoryHandle(this, this.#root, undefined);
  }

  open(dir: Handle, name: string, how: OpenHow, _who: Identity): Handle | VfsCode {
    const folder = this.folderOf(dir) ?? 'EXDEV';
    if (isCode(folder)) return folder;
    const bad = this.checkName(name);
    if (bad !== undefined) return bad;
    const entry = folder.children!.get(name);
    if (how.disposition === 'create') {
      if (how.replaces !== undefined) return this.#replace(folder, entry, how);
      return entry === undefined ? this.#create(folder, name, how) : 'EEXIST';
    }
    if (entry === undefined) return 'ENOENT';
    const found =
      entry.node.kind === 'link' && how.kind !== 'link' && how.follow !== false ? this.#follow(entry) : { node: entry.node, entry };
    if (isCode(found)) return found;
    return mismatch(found.node, how) ?? new MemoryHandle(this, found.node, found.entry);
  }

  space(): Space {
    const free = Math.max(0, this.#capacity - this.used);
    return { total: this.#capacity, free, available: free, blockSize: 4096 };
  }

  close(): void {
    this.closed = true;
  }

  take(bytes: number): boolean {
    if (this.used + bytes > this.#capacity) return false;
    this.used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.used -= bytes;
  }

  now(): bigint {
    return BigInt(Math.floor(this.#clock.wall())) * 1_000_000n;
  }

  newId(): number {
    return this.#nextId++;
  }

  checkName(name: string): VfsCode | undefined {
    return checkName(name) ?? (name.length > this.#nameLimit ? 'ENAMETOOLONG' : undefined);
  }

  folderOf(handle: Handle): Node | VfsCode | undefined {
    if (!(handle instanceof MemoryHandle) || handle.store !== this) return undefined;
    if (handle.stale) return 'ESTALE';
    if (handle.kind !== 'folder') return 'ENOTDIR';
    return handle.node.links === 0 ? 'ENOENT' : handle.node;
  }

  add(folder: Node, name: string, node: Node): DirectoryEntry {
    const entry: DirectoryEntry = { name, folder, node, place: 0, gone: false };
    folder.children!.add(entry);
    if (node.kind === 'folder') node.entry = entry;
    node.links++;
    this.#touched(folder, node);
    for (const [watcher, path] of watchersOf(folder, name)) watcher.listener({ what: 'added', kind: node.kind, path });
    return entry;
  }

  remove(entry: DirectoryEntry): void {
    const { folder, node } = entry;
    const seen = watchersOf(folder, entry.name);
    folder.children!.remove(entry);
    entry.gone = true;
    node.links--;
    node.entry = undefined;
    this.#touched(folder, node);
    node.release();
    for (const [watcher, path] of seen) watcher.listener({ what: 'removed', kind: node.kind, path });
  }

  move(entry: DirectoryEntry, folder: Node, name: string): void {
    const before = watchersOf(entry.folder, entry.name);
    if (folder === entry.folder) folder.children!.respell(entry, name);
    else {
      entry.folder.children!.remove(entry);
      this.#touched(entry.folder, entry.node);
      entry.folder = folder;
      entry.name = name;
      folder.children!.add(entry);
    }
    this.#touched(folder, entry.node);
    const after = watchersOf(folder, name);
    const { kind } = entry.node;
    for (const [watcher, from] of before) {
      const path = after.get(watcher);
      watcher.listener(path === undefined ? { what: 'removed', kind, path: from } : { what: 'renamed', kind, path, from });
    }
    for (const [watcher, path] of after) if (!before.has(watcher)) watcher.listener({ what: 'added', kind, path });
  }

  #touched(folder: Node, node: Node): void {
    folder.modified = folder.changed = node.changed = this.now();
  }

  /** Creates an entry in the place of another one. */
  #replace(folder: Node, entry: DirectoryEntry | undefined, how: OpenHow): Handle | VfsCode {
    if (entry === undefined || entry.node.fileId !== how.replaces) return 'ENOENT';
    if (how.kind === 'folder') return 'EINVAL';
    const bad = invalid(folder, how);
    if (bad !== undefined) return bad;
    if ((entry.node.children?.size ?? 0) > 0) return 'ENOTEMPTY';
    this.remove(entry);
    return this.#create(folder, entry.name, how);
  }

  #create(folder: Node, name: string, how: OpenHow): Handle | VfsCode {
    const bad = invalid(folder, how);
    if (bad !== undefined || how.kind === 'any') return bad ?? 'EINVAL';
    const { target = '', initial } = how;
    const node = new Node(how.kind, this.newId(), this, this.now());
    node.target = target;
    if (initial?.attributes !== undefined) node.attributes = initial.attributes;
    if (initial?.birth !== undefined) node.birth = initial.birth;
    if (initial?.descriptor !== undefined) node.descriptor = new Uint8Array(initial.descriptor);
    for (const [key, value] of initial?.xattrs ?? []) node.xattrs.set(key, new Uint8Array(value));
    return new MemoryHandle(this, node, this.add(folder, name, node));
  }

  /** Follows a link to its final target. */
  #follow(link: DirectoryEntry): Found | VfsCode {
    const rest = [link.name];
    let at: Found = { node: link.folder, entry: link.folder.entry };
    for (let followed = 0; rest.length > 0; ) {
      const name = rest.pop()!;
      if (name === '' || name === '.') continue;
      if (at.node.kind !== 'folder') return 'ENOTDIR';
      if (name === '..') {
        if (at.entry === undefined) return 'EACCES';
        at = { node: at.entry.folder, entry: at.entry.folder.entry };
        continue;
      }
      const entry = at.node.children!.get(name);
      if (entry === undefined) return 'ENOENT';
      if (entry.node.kind === 'link') {
        if (++followed > mostLinks) return 'ELOOP';
        if (entry.node.target.startsWith('/')) return 'EACCES';
        rest.push(...entry.node.target.split('/').reverse());
      } else at = { node: entry.node, entry };
    }
    return at;
  }
}

/** Returns a code if an entry cannot be created in this way. */
function invalid(folder: Node, { kind, target = '' }: OpenHow): VfsCode | undefined {
  if (kind === 'any') return 'EINVAL';
  if (kind !== 'link') return undefined;
  if (target === '' || target.includes('\0')) return 'EINVAL';
  return leaves(folder, target) ? 'EACCES' : undefined;
}

/** Whether the text of a link target leads out of the store. */
function leaves(folder: Node, target: string): boolean {
  if (target.startsWith('/')) return true;
  let depth = 0;
  for (let at = folder.entry; at !== undefined; at = at.folder.entry) depth++;
  for (const name of target.split('/')) {
    if (name === '..') depth--;
    else if (name !== '' && name !== '.') depth++;
    if (depth < 0) return true;
  }
  return false;
}

function mismatch({ kind }: Node, how: OpenHow): VfsCode | undefined {
  if (how.kind === 'any' || how.kind === kind) return undefined;
  if (how.kind === 'link') return 'EINVAL';
  if (kind === 'link') return 'ELOOP';
  return how.kind === 'file' ? 'EISDIR' : 'ENOTDIR';
}
