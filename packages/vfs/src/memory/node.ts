import { foldName } from '../names.ts';
import type { Change, Kind, Stat, Watch } from '../vfs.ts';
import { type Room, SparseData } from './sparse-data.ts';

/** A file, folder or link, whatever names it has. */
export class Node {
  readonly kind: Kind;
  readonly fileId: string;
  readonly id64: bigint;
  readonly data: SparseData;
  readonly children: Children | undefined;
  /** Where a link leads. */
  target = '';
  /** Of a folder: its one name; none for the root and once it is unlinked. */
  entry: DirectoryEntry | undefined;
  links = 0;
  /** Open handles, also of its streams: while there are any, or names, it lives. */
  handles = 0;
  birth: bigint;
  modified: bigint;
  changed: bigint;
  accessed: bigint;
  attributes: number | undefined;
  descriptor: Uint8Array | undefined;
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

  /** @param data the file's own, or a stream's */
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

  /** Gives everything back, once nothing leads here any more. */
  release(): void {
    if (this.links > 0 || this.handles > 0) return;
    this.data.clear();
    for (const stream of this.streams.values()) stream.data.clear();
  }
}

/** A named stream of a file or folder. */
export interface Stream {
  name: string;
  readonly fileId: string;
  readonly data: SparseData;
  handles: number;
  gone: boolean;
}

/** One name of a node in a folder. It stays the same object through renames, so that handles keep theirs. */
export interface DirectoryEntry {
  name: string;
  folder: Node;
  readonly node: Node;
  /** Its place in the folder's listing. */
  place: number;
  gone: boolean;
}

/** The entries of a folder: by folded name, and in the order in which they came, so that a listing goes on where it stopped. */
export class Children {
  readonly #byName = new Map<string, DirectoryEntry>();
  /** In order of `place`; undefined where one has gone. */
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

  /** Another name for an entry that stays where it is. */
  respell(entry: DirectoryEntry, name: string): void {
    this.#byName.delete(foldName(entry.name));
    entry.name = name;
    this.#byName.set(foldName(name), entry);
  }

  /** The entries behind a place, in order. */
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

/** One who watches a folder. */
export interface Watcher extends Watch {
  readonly recursive: boolean;
  readonly listener: (change: Change) => void;
}

/** Who sees an entry of `folder`, and by which path. */
export function watchersOf(folder: Node, name: string): Map<Watcher, readonly string[]> {
  const seen = new Map<Watcher, readonly string[]>();
  let path: readonly string[] = [name];
  for (let at: Node | undefined = folder; at !== undefined; at = at.entry?.folder) {
    for (const watcher of at.watchers) if (watcher.recursive || at === folder) seen.set(watcher, path);
    if (at.entry !== undefined) path = [at.entry.name, ...path];
  }
  return seen;
}
