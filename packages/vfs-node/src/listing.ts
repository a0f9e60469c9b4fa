import { type MaybePromise, nextTurn, Turn } from '@ring3/kit';
import { close, EntryType, FolderReader, OpenFlag, openAt, stat, statAt } from '@ring3/linux';
import { type Cursor, isCode, type Kind, type Listing, type ListWant, type Entry as Told, type VfsCode } from '@ring3/vfs';
import { describe, statOf } from './description.ts';
import type { Device } from './device.ts';
import type { Entry } from './entry.ts';
import { hostName } from './entry.ts';
import type { EntryTree } from './entry-tree.ts';
import { errorCode } from './error-code.ts';
import { kindOf } from './inode.ts';
import type { KeptValues } from './kept-values.ts';
import { nameOf } from './name-of.ts';
import { scratch } from './scratch.ts';

/** Maximum number of entries that one call reads, so that one client's listing delays the others by at most a millisecond. */
const mostDescribed = 256;
const mostLookedAt = 4096;
/** Directories whose own size is larger are read in the pool. Bytes. */
const bigFolder = 2 ** 18;

const kinds: Readonly<Record<number, Kind>> = { [EntryType.Regular]: 'file', [EntryType.Folder]: 'folder', [EntryType.Link]: 'link' };

/** Unused readers; each has a buffer. */
const idle: FolderReader[] = [];
const mostIdle = 16;

/** One open directory being listed. It keeps its position, so that the next part needs no seek. */
export class OpenListing {
  readonly #tree: EntryTree;
  readonly #kept: KeptValues;
  readonly #folder: Entry;
  readonly #fd: number;
  readonly #reader: FolderReader;
  readonly #inPool: boolean;
  #cursor: bigint | undefined;
  #busy = false;
  #closed = false;

  private constructor(tree: EntryTree, kept: KeptValues, folder: Entry, fd: number) {
    this.#tree = tree;
    this.#kept = kept;
    this.#folder = folder.hold();
    this.#fd = fd;
    this.#reader = idle.pop() ?? new FolderReader(fd);
    this.#inPool = folder.inode.device.remote || (stat(fd, scratch) === 0 && scratch.size > bigFolder);
    this.#reader.reset(fd);
    this.#cursor = 0n;
  }

  /** Opens a directory for listing. @returns the listing or a code */
  static open(tree: EntryTree, kept: KeptValues, folder: Entry): OpenListing | VfsCode {
    const fd = openAt(folder.fd, '.', OpenFlag.ReadOnly | OpenFlag.Directory);
    return fd < 0 ? errorCode(fd) : new OpenListing(tree, kept, folder, fd);
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
    const entries: Told[] = [];
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
    this.#folder.release();
    if (idle.length < mostIdle) idle.push(this.#reader);
  }

  /** Continues until an entry matches and yields in between: many entries may not match. */
  async #partLater(entries: Told[], from: bigint, want: ListWant, turn: Turn): Promise<Listing | VfsCode> {
    for (;;) {
      if (this.#inPool) {
        const filled = await this.#folder.inode.device.pool.run(() => this.#reader.fill());
        if (filled < 0) return errorCode(filled);
        if (filled === 0) return this.#told(entries, undefined);
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
  #part(entries: Told[], from: bigint, want: ListWant, turn: Turn, onlyBuffered: boolean): Listing | VfsCode {
    const limit = Math.min(want.limit, want.stat ? mostDescribed : mostLookedAt);
    let place = from;
    for (let looked = 0; entries.length < limit && looked < mostLookedAt && !turn.over; looked++) {
      if (onlyBuffered && !this.#reader.isBuffered) break;
      const answer = this.#reader.next();
      if (answer < 0) return errorCode(answer);
      if (answer === 0) return this.#told(entries, undefined);
      const entry = this.#entry(want);
      place = this.#reader.cursor;
      if (entry !== undefined) entries.push(entry);
    }
    return this.#told(entries, place);
  }

  #told(entries: Told[], cursor: bigint | undefined): Listing {
    this.#cursor = cursor;
    return cursor === undefined ? { entries } : { entries, cursor };
  }

  /** The reader's current entry, if it is served and matches. */
  #entry(want: ListWant): Told | undefined {
    const { type } = this.#reader;
    let kind = kinds[type];
    if (kind === undefined && type !== EntryType.Unknown) return undefined; // never served
    const name = nameOf(this.#reader);
    if (want.match !== undefined && !want.match(name)) return undefined;
    if (!want.stat && kind !== undefined) return { name, kind };
    const folder = this.#folder.fd;
    const host = hostName(name);
    if (statAt(folder, host, scratch) < 0) return undefined; // removed meanwhile
    kind = kindOf(scratch);
    if (kind === undefined) return undefined;
    return want.stat ? { name, kind, stat: this.#stat(folder, host, kind) } : { name, kind };
  }

  /** The stat of the entry in `scratch`. */
  #stat(folder: number, host: string | Uint8Array, kind: Kind): NonNullable<Told['stat']> {
    const device = this.#device(folder, host);
    const known = device.know(scratch, folder, host);
    const description = describe(this.#kept, known, { device, kind }, { dir: folder, name: host });
    return statOf(scratch, device, this.#folder.home, known.fileId, description);
  }

  /** The device of the entry in `scratch`: nearly always the directory's. */
  #device(folder: number, host: string | Uint8Array): Device {
    const known = this.#tree.devices.find(scratch);
    if (known !== undefined) return known;
    const fd = openAt(folder, host, OpenFlag.Path | OpenFlag.NoFollow); // a new mount point
    const device = this.#tree.devices.of(scratch, fd < 0 ? folder : fd);
    if (fd >= 0) close(fd);
    return device;
  }
}
