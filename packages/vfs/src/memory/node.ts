import { foldName } from '../names.ts';
import type { Change, Kind, Stat, Watch } from '../vfs.ts';
import { type Room, SparseData } from './sparse-data.ts';

/** A file, directory or link, independent of its names. */
export class Node {
  readonly kind: Kind;
  readonly fileId: string;
  readonly id64: bigint;
  readonly data: SparseData;
  readonly children: Children | undefined;
  /** Target of a link. */
  target = '';
  /** The only name of a directory; none for the root and after unlinking. */
  entry: DirectoryEntry | undefined;
  links = 0;
  /** Open handles, also of its streams. The node exists while it has handles or names. */
  handles = 0;
  birth: bigint;
  modified: bigint;
  changed: bigint;
  accessed: bigint;
  attributes: number | undefined;
  descriptor: Uint8Array | undefined;
  objectId: Uint8Array | undefined;
  /** Removes the object id from the table of the store. */
  forgetObjectId: (() => void) | undefined;
  readonly xattrs = new Map<string, Uint8Array>();
  /** By folded name. */
  readonly streams = new Map<string, Stream>();
  readonly watchers = new Set<Watcher>();

  constructor(kind: Kind, id: number, room: Room, now: bigint) {
    this.kind = kind;
    this.fileId = `memory:${id}`;
    this.id64 = BigInt(id);
    this.data = new SparseData(room);
    this.children = kind === 'folder' ? new Children() : undefined;
    this.birth = this.modified = this.changed = this.accessed = now;
  }

  /** @param data that of the file or of a stream */
  stat(data: SparseData): Stat {
    const { kind, fileId, id64, links, birth, modified, changed, accessed, attributes } = this;
    const { size, allocated } = data;
    const stat: { -readonly [K in keyof Stat]: Stat[K] } = {
      kind,
      fileId,
      id64,
      size,
      allocated,
      links,
      birth,
      modified,
      changed,
      accessed,
    };
    if (attributes !== undefined) stat.attributes = attributes;
    return stat;
  }

  /** Releases the data if the node has no name and no handle. */
  release(): void {
    if (this.links > 0 || this.handles > 0) return;
    this.data.clear();
    this.forgetObjectId?.();
    for (const stream of this.streams.values()) stream.data.clear();
  }
}

/** A named stream of a file or directory. */
export interface Stream {
  name: string;
  readonly fileId: string;
  readonly data: SparseData;
  handles: number;
  gone: boolean;
}

/** One name of a node in a directory. Renames keep the object, so that handles stay valid. */
export interface DirectoryEntry {
  name: string;
  folder: Node;
  readonly node: Node;
  /** Its position in the listing of the directory. */
  place: number;
  gone: boolean;
}

/** The entries of a directory: by folded name, and in order of creation, so that a listing can continue. */
export class Children {
  readonly #byName = new Map<string, DirectoryEntry>();
  /** In order of `place`; undefined for a removed entry. */
  #listed: (DirectoryEntry | undefined)[] = [];
  #places: number[] = [];
  #nextPlace = 1;

  get size(): number {
    return this.#byName.size;
  }

  get(name: string): DirectoryEntry | undefined {
    return this.#byName.get(foldName(name));
  }

  add(entry: DirectoryEntry): void {
    entry.place = this.#nextPlace++;
    this.#byName.set(foldName(entry.name), entry);
    this.#listed.push(entry);
    this.#places.push(entry.place);
  }

  remove(entry: DirectoryEntry): void {
    this.#byName.delete(foldName(entry.name));
    this.#listed[this.#indexAfter(entry.place - 1)] = undefined;
    if (this.#listed.length > 32 && this.#byName.size < this.#listed.length / 2) {
      this.#listed = this.#listed.filter((listed) => listed !== undefined);
      this.#places = this.#listed.map((listed) => listed!.place);
    }
  }

  /** Renames an entry within the directory. */
  respell(entry: DirectoryEntry, name: string): void {
    this.#byName.delete(foldName(entry.name));
    entry.name = name;
    this.#byName.set(foldName(name), entry);
  }

  /** The entries after a position, in order. */
  *after(place: number): Generator<DirectoryEntry> {
    for (let index = this.#indexAfter(place); index < this.#listed.length; index++) {
      const entry = this.#listed[index];
      if (entry !== undefined) yield entry;
    }
  }

  #indexAfter(place: number): number {
    let low = 0;
    let high = this.#places.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#places[middle]! <= place) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A watch of a directory. */
export interface Watcher extends Watch {
  readonly recursive: boolean;
  readonly listener: (change: Change) => void;
}

/** The watches that cover an entry of `folder`, with its path relative to each. */
export function watchersOf(folder: Node, name: string): Map<Watcher, readonly string[]> {
  const seen = new Map<Watcher, readonly string[]>();
  let path: readonly string[] = [name];
  for (let at: Node | undefined = folder; at !== undefined; at = at.entry?.folder) {
    for (const watcher of at.watchers) if (watcher.recursive || at === folder) seen.set(watcher, path);
    if (at.entry !== undefined) path = [at.entry.name, ...path];
  }
  return seen;
}
