import { type MaybePromise, nextTurn, Turn } from '@ring3/kit';
import { close, EntryType, FolderReader, OpenFlag, openAt, stat, statAt } from '@ring3/linux';
import { type Cursor, isCode, type Kind, type Entry as ListedEntry, type Listing, type ListWant, type VfsCode } from '@ring3/vfs';
import { describe, statOf } from './description.ts';
import type { Device } from './device.ts';
import type { Entry } from './entry.ts';
import { hostName } from './entry.ts';
import type { EntryTree } from './entry-tree.ts';
import { errorCode } from './error-code.ts';
import type { KeptValues } from './kept-values.ts';
import { kindOf } from './kind-of.ts';
import { nameOf } from './name-of.ts';
import { scratch } from './scratch.ts';

/** Maximum number of entries that one call reads, so that one client's listing delays the others by at most a millisecond. */
const maxDescribed = 256;
const maxScanned = 4096;
/** Directories whose own size is larger are read in the pool. Bytes. */
const largeDirectory = 2 ** 18;

const kinds: Readonly<Record<number, Kind>> = { [EntryType.Regular]: 'file', [EntryType.Folder]: 'folder', [EntryType.Link]: 'link' };

/** Unused readers; each has a buffer. */
const idle: FolderReader[] = [];
const maxIdle = 16;

/** One open directory being listed. It keeps its position, so that the next part needs no seek. */
export class OpenListing {
  readonly #tree: EntryTree;
  readonly #kept: KeptValues;
  readonly #directory: Entry;
  readonly #fd: number;
  readonly #reader: FolderReader;
  readonly #inPool: boolean;
  #cursor: bigint | undefined;
  #busy = false;
  #closed = false;

  private constructor(tree: EntryTree, kept: KeptValues, directory: Entry, fd: number) {
    this.#tree = tree;
    this.#kept = kept;
    this.#directory = directory.hold();
    this.#fd = fd;
    this.#reader = idle.pop() ?? new FolderReader(fd);
    this.#inPool = directory.inode.device.remote || (stat(fd, scratch) === 0 && scratch.size > largeDirectory);
    this.#reader.reset(fd);
    this.#cursor = 0n;
  }

  /** Opens a directory for listing. @returns the listing or a code */
  static open(tree: EntryTree, kept: KeptValues, directory: Entry): OpenListing | VfsCode {
    const fd = openAt(directory.fd, '.', OpenFlag.ReadOnly | OpenFlag.Directory);
    return fd < 0 ? errorCode(fd) : new OpenListing(tree, kept, directory, fd);
  }

  /** Whether a part is being read. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Returns one part of the directory. */
  list(cursor: Cursor | undefined, want: ListWant): MaybePromise<Listing | VfsCode> {
    const from = cursor ?? 0n;
    if (typeof from !== 'bigint' || from < 0n) return 'EINVAL';
    if (from !== this.#cursor || from === 0n) {
      // always rewind for the start: some file systems do not list entries that are newer than the last rewind
      const answer = this.#reader.reset(this.#fd, from);
      if (answer < 0) return errorCode(answer);
    }
    this.#cursor = undefined; // until this part is complete
    const entries: ListedEntry[] = [];
    const turn = new Turn();
    if (!this.#inPool) {
      const part = this.#part(entries, from, want, turn, false);
      if (isCode(part) || entries.length > 0 || part.cursor === undefined) return part;
    }
    this.#busy = true;
    return this.#partLater(entries, this.#cursor ?? from, want, turn).finally(() => {
      this.#busy = false;
      if (this.#closed) this.#end();
    });
  }

  close(): void {
    this.#closed = true;
    if (!this.#busy) this.#end();
  }

  #end(): void {
    close(this.#fd);
    this.#directory.release();
    if (idle.length < maxIdle) idle.push(this.#reader);
  }

  /** Continues until an entry matches and yields in between: many entries may not match. */
  async #partLater(entries: ListedEntry[], from: bigint, want: ListWant, turn: Turn): Promise<Listing | VfsCode> {
    for (;;) {
      if (this.#inPool) {
        const filled = await this.#directory.inode.device.pool.run(() => this.#reader.fill());
        if (filled < 0) return errorCode(filled);
        if (filled === 0) return this.#result(entries, undefined);
      }
      const part = this.#part(entries, from, want, turn, this.#inPool);
      if (isCode(part) || part.entries.length > 0 || part.cursor === undefined) return part;
      from = this.#cursor ?? from;
      this.#cursor = undefined;
      if (this.#inPool && !this.#reader.isBuffered) continue; // the next `fill` yields
      await nextTurn();
      turn.begin();
    }
  }

  /**
   * Reads entries until `limit` match, the maximum is read, or the turn is over.
   * @param onlyBuffered reads only buffered entries
   */
  #part(entries: ListedEntry[], from: bigint, want: ListWant, turn: Turn, onlyBuffered: boolean): Listing | VfsCode {
    const limit = Math.min(want.limit, want.stat ? maxDescribed : maxScanned);
    let place = from;
    for (let scanned = 0; entries.length < limit && scanned < maxScanned && !turn.over; scanned++) {
      if (onlyBuffered && !this.#reader.isBuffered) break;
      const answer = this.#reader.next();
      if (answer < 0) return errorCode(answer);
      if (answer === 0) return this.#result(entries, undefined);
      const entry = this.#entry(want);
      place = this.#reader.cursor;
      if (entry !== undefined) entries.push(entry);
    }
    return this.#result(entries, place);
  }

  #result(entries: ListedEntry[], cursor: bigint | undefined): Listing {
    this.#cursor = cursor;
    return cursor === undefined ? { entries } : { entries, cursor };
  }

  /** The reader's current entry, if it is served and matches. */
  #entry(want: ListWant): ListedEntry | undefined {
    const { type } = this.#reader;
    let kind = kinds[type];
    if (kind === undefined && type !== EntryType.Unknown) return undefined; // never served
    const name = nameOf(this.#reader);
    if (want.match !== undefined && !want.match(name)) return undefined;
    if (!want.stat && kind !== undefined) return { name, kind };
    const directory = this.#directory.fd;
    const host = hostName(name);
    if (statAt(directory, host, scratch) < 0) return undefined; // removed meanwhile
    kind = kindOf(scratch);
    if (kind === undefined) return undefined;
    return want.stat ? { name, kind, stat: this.#stat(directory, host, kind) } : { name, kind };
  }

  /** The stat of the entry in `scratch`. */
  #stat(directory: number, host: string | Uint8Array, kind: Kind): NonNullable<ListedEntry['stat']> {
    const device = this.#device(directory, host);
    const known = device.know(scratch, directory, host);
    const target = { dir: directory, name: host };
    const description = describe(this.#kept, known, { device, kind }, target);
    const stat = statOf(scratch, device, this.#directory.rootDevice, known.fileId, description);
    if (known.xattrSizes === undefined) known.xattrSizes = this.#kept.xattrSizes(known.fileId, { device, kind }, target);
    return known.xattrSizes === null ? stat : { ...stat, xattrSizes: known.xattrSizes };
  }

  /** The device of the entry in `scratch`: nearly always the directory's. */
  #device(directory: number, host: string | Uint8Array): Device {
    const known = this.#tree.devices.find(scratch);
    if (known !== undefined) return known;
    const fd = openAt(directory, host, OpenFlag.Path | OpenFlag.NoFollow); // a new mount point
    const device = this.#tree.devices.of(scratch, fd < 0 ? directory : fd);
    if (fd >= 0) close(fd);
    return device;
  }
}
