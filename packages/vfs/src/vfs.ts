import type { MaybePromise } from '@ring3/kit';
import type { VfsCode } from './vfs-error.ts';

/**
 * The storage contract. A store works with *handles*, never with paths: a name is one component, relative to an open folder, so a folder
 * that another program renames never makes a client touch the wrong file.
 *
 * Every call may answer at once or by a promise. Everyday failures are *returned* as a {@link VfsCode}, unusual ones thrown as `VfsError`;
 * anything else that is thrown is the store's bug and reaches the client as an I/O error.
 *
 * A store must have `root`, `open`, and on its handles `stat`, `read`, `write`, `truncate`, `list`, `rename`, `unlink`, `close`.
 * Everything else is optional, and named in `features`; where it is missing, the server keeps the matter itself or refuses honestly.
 * A store is right when `vfsContract` passes for it.
 *
 * Units. Times: nanoseconds since 1970-01-01T00:00:00Z, bigint. Sizes and offsets: bytes, whole numbers in 0 … 2^53-1.
 *
 * Names are well-formed UTF-16, not empty, not `.` or `..`, without NUL and `/` (see `checkName`); a store answers EINVAL to any other.
 * What Windows cannot express (`a:b`, `what?`) is an ordinary name here: the server shows it through the U+F0xx mapping (`toWireName`), and `foldName`
 * makes it found by either spelling.
 */
export interface Vfs {
  /** What this store can do beyond what it must. A feature is named here exactly when its calls ({@link featureCalls}) are there and work. */
  readonly features: ReadonlySet<Feature>;

  /**
   * File descriptors of the process that an open handle holds at most, and how many each directory above it that has no other open handle below; absent if the
   * store holds none. The server limits by it what its users have open.
   */
  readonly fileDescriptors?: { readonly handle: number; readonly directory: number };

  /**
   * The directory that the share shows now, open for the identity. Its `fileId` is the same for every identity. Closing it is allowed and changes nothing for others.
   * @param same an open root: another handle of that very directory is returned, even if the share shows another one by now
   * @returns the handle; or ENOENT, ENOTDIR … if there is none now
   */
  root(who: Identity, signal?: AbortSignal, same?: Handle): Answer<Handle>;

  /**
   * Opens or creates one entry of a folder.
   *
   * An entry spelled exactly as `name` is taken before any other; failing that, one whose `foldName` is the same; of several such, any, but
   * the same one each time. The handle's `name` is the spelling that the store keeps. A new entry is spelled as asked.
   *
   * @param dir a folder of this store; one that is no folder any more answers ENOENT, anything else than a folder ENOTDIR
   * @returns the handle; or ENOENT, EEXIST (`create`, also for a name that differs in case alone), ENOTDIR (`kind` is folder and this is none),
   * EISDIR (`kind` is file and this is a folder), EINVAL (`kind` is link and this is none; no name), ELOOP (this is a link, `kind` is file or folder, and `follow` is false), EACCES, EROFS, ENAMETOOLONG, ENOSPC …
   */
  open(dir: Handle, name: string, how: OpenHow, who: Identity, signal?: AbortSignal): Answer<Handle>;

  /** Lets go of everything the store holds. Handles still open fail with ESTALE afterwards. */
  close?(): MaybePromise<void>;
}

/** A result, or the code of an everyday failure; at once or later. No result is a string, so `isCode` tells them apart. */
export type Answer<T> = MaybePromise<T | VfsCode>;

/** The optional abilities. Each names calls that are there (`featureCalls`) or, where it names none, a way in which the mandatory ones behave. */
export type Feature =
  | 'streams' // named streams beside a file's or folder's own data
  | 'xattr' // extended attributes
  | 'attributes' // DOS attributes are kept and told
  | 'times' // birth, modified and accessed time can be set
  | 'descriptor' // a security descriptor is kept, as bytes
  | 'links' // symbolic links can be made
  | 'hardLinks' // a file can have several names
  | 'sparse' // holes can be punched and told
  | 'allocate' // room can be reserved
  | 'copy' // the store copies ranges itself
  | 'clone' // and can share the blocks
  | 'flush' // what is written lasts only after a flush; without it, an answered write lasts as well as any
  | 'watch' // changes are told, whoever makes them
  | 'space' // its size is known
  | 'locks' // byte ranges can be locked against other programs
  | 'path' // a handle knows where it is now
  | 'stableIds' // fileIds are the same after a restart
  | 'readOnly'; // nothing can be changed

/** Who opens: as much of a logged-on user as a store may care about. The server's own decisions (share lists, descriptors) are made before a store is asked. */
export interface Identity {
  /** The account's name, as it logged on; empty for an anonymous one. */
  readonly name: string;
  /** Its security identifier, as text: `S-1-5-21-…-1001`. */
  readonly sid: string;
  /** Those of its groups. */
  readonly groups: readonly string[];
  /** Whether it logged on as a guest. */
  readonly guest: boolean;
  /** Whether it administers the share: it has the privileges to read and set system ACLs, to take ownership, to back up and to restore (MS-LSAD 3.1.1.2.1). */
  readonly admin?: boolean;
}

/** The kinds of entry that a store shows; FIFOs, sockets and devices are never shown. */
export type Kind = 'file' | 'folder' | 'link';

/** What a handle may do: look, and rename, unlink, or change what describes the entry (`metadata`); also read data or list; also write data; both. */
export type Access = 'metadata' | 'read' | 'write' | 'readWrite';

/** How an entry is opened. */
export interface OpenHow {
  /** What the handle must be able to do. A store that can give less answers EACCES (or EROFS), never a weaker handle. */
  readonly access: Access;
  /** What the entry must be, or what is created (then not `any`). */
  readonly kind: Kind | 'any';
  /** `open` what is there, or `create` what is not there yet, exclusively and in one step. Truncating is the handle's. */
  readonly disposition: 'open' | 'create';
  /**
   * Whether a link is followed to what it names, which may be another link (default true; `kind: 'link'` never follows).
   * A link whose target leaves the share answers EACCES, one that leads nowhere ENOENT, a chain of more than 40 ELOOP.
   */
  readonly follow?: boolean;
  /**
   * Where the link to be created leads: as `readLink` tells it. For `create` with `kind: 'link'`. Feature `links`.
   * One that by its letters leaves the share (it starts with `/`, or has more `..` than folders above it) answers EACCES; it need not lead to anything.
   */
  readonly target?: string;
  /** What a new entry has from its first moment; what the store has no feature for is passed over. For `create`. */
  readonly initial?: Initial;
}

/** What a new entry starts with, so that it is never seen without. */
export interface Initial {
  /** DOS attributes, as in {@link Stat}. Feature `attributes`. */
  readonly attributes?: number;
  /** Time of birth; now, where missing. Feature `times`. */
  readonly birth?: bigint;
  /** Security descriptor, MS-DTYP 2.4.6, self-relative. Feature `descriptor`. */
  readonly descriptor?: Uint8Array;
  /** Extended attributes. Feature `xattr`. */
  readonly xattrs?: ReadonlyMap<string, Uint8Array>;
}

/**
 * One open entry (or stream). It stays with the entry through every rename, its own or another's, and through unlinking, until it is closed.
 * A handle is used by its own identity and for the access it was opened with only: the server checks that, a store need not.
 */
export interface Handle {
  /** Opaque and exact: equal for two handles exactly when they are of the same entry (or stream), whatever its name. With `stableIds`, also after a restart. Never reused while a handle is open. */
  readonly fileId: string;
  /** What it is. A stream is a `file`. It never changes. */
  readonly kind: Kind;
  /** The name under which it was found, as the store spells it, kept right through renames by this store's own calls. Empty for the root. */
  readonly name: string;

  /**
   * The name that it was opened by, as an object: the same for two handles of a file exactly if they were opened by the same name, also after a rename. Missing
   * for a stream, and if the store does not know or a file has one name only.
   */
  readonly entryKey?: object | undefined;

  /** Size, times and so on, as they are now. Works after unlinking. */
  stat(signal?: AbortSignal): Answer<Stat>;

  /**
   * Reads into the caller's buffer.
   * @returns bytes read: fewer than `target` holds only at the end of file, 0 at or beyond it; holes read as zeros. EISDIR for a folder
   */
  read(target: Uint8Array, offset: number, signal?: AbortSignal): Answer<number>;

  /**
   * Writes the chunks one after the other, as if they were one. A gap before `offset` reads as zeros. The store keeps no chunk after it has answered.
   * @returns bytes written: all of them, or fewer (at least one) where the store filled up on the way; EFBIG, ENOSPC, EDQUOT, EISDIR
   */
  write(chunks: readonly Uint8Array[], offset: number, how?: WriteHow, signal?: AbortSignal): Answer<number>;

  /** Sets the size: cuts off, or grows by zeros. @returns nothing; or EFBIG, ENOSPC, EISDIR */
  truncate(size: number, signal?: AbortSignal): Answer<void>;

  /**
   * A part of the folder's entries, without `.` and `..`, in an order of the store's own.
   * An entry that is there under one name from the first part to the last is told exactly once; what comes, goes or is renamed meanwhile may be told or not.
   * @param cursor where to go on: `undefined` for the start, else what an earlier part of this folder told. Any handle of the folder takes it
   * @returns the part: empty only at the end; ENOTDIR
   */
  list(cursor: Cursor | undefined, want: ListWant, signal?: AbortSignal): Answer<Listing>;

  /**
   * Gives the entry another name, or another folder. A name that differs from its own in case alone is a new spelling, not a clash.
   * For a stream, `dir` is the handle of its file, and `name` the stream's new name.
   * @returns nothing; or EEXIST (taken, also in another case, and no `replace`), EISDIR (a folder is never replaced), ENOTDIR (nor a file by a folder),
   * EINVAL (a folder into itself; the root), EXDEV, ENOENT (already unlinked)
   */
  rename(dir: Handle, name: string, how?: RenameHow): Answer<void>;

  /** Takes away the name it was opened by (a stream: the stream). The handle stays usable. @returns nothing; or ENOTEMPTY, ENOENT (already gone), EBUSY (the root), EROFS */
  unlink(): Answer<void>;

  /** Ends it. Nothing may be called afterwards. @returns nothing; or a code, where something written before is lost after all (EIO, EDQUOT, ENOSPC) */
  close(): Answer<void>;

  /**
   * Widens what the handle may do, by what it holds and not by its name: so the server first learns what a name means (`metadata`), asks its
   * own rules, and only then opens the data. Where missing, every handle may do all that its identity may.
   * @returns nothing; or EACCES, EROFS, ETXTBSY
   */
  reopen?(access: Access, signal?: AbortSignal): Answer<void>;

  /** Returns when everything answered before is on the medium. Feature `flush`. */
  flush?(signal?: AbortSignal): Answer<void>;

  /** Changes what describes the entry. A time that is set stays until the data changes next. Features `times` (the times), `attributes` (these). */
  setStat?(changes: StatChanges): Answer<void>;

  /** Where a link leads: components separated by `/`, relative to the link's own folder unless it starts with `/`. Feature `links`. EINVAL if it is no link. */
  readLink?(): Answer<LinkTarget>;

  /** A second name for this file. Feature `hardLinks`. Codes of `rename`; a taken name always EEXIST unless `replace`; EPERM for a folder. */
  link?(dir: Handle, name: string, how?: RenameHow): Answer<void>;

  /** The named streams, without the file's own data. Feature `streams`. */
  streams?(): Answer<readonly StreamEntry[]>;

  /**
   * Opens or creates a named stream of this file or folder; names fold as entries do. The stream's `stat` tells its own size and the file's everything else,
   * and its `fileId` the stream. Unlinking the file takes its streams along. Feature `streams`.
   */
  openStream?(name: string, how: StreamHow, signal?: AbortSignal): Answer<Handle>;

  /** Extended attributes by name; names are the caller's to fold. Feature `xattr`. ENODATA where there is none of that name. */
  getXattr?(name: string): Answer<Uint8Array>;
  /** Sets one, or removes it (`undefined`; none there is no failure). Feature `xattr`. ENOSPC where it does not fit. */
  setXattr?(name: string, value: Uint8Array | undefined): Answer<void>;
  /** Their names. Feature `xattr`. */
  listXattrs?(): Answer<readonly string[]>;

  /** The security descriptor as it was set, byte for byte; ENODATA where none was. Feature `descriptor`. */
  getDescriptor?(): Answer<Uint8Array>;
  /** Keeps a security descriptor. The store does not look into it. Feature `descriptor`. */
  setDescriptor?(descriptor: Uint8Array): Answer<void>;

  /** Reserves room for the first `size` bytes without changing the size or the data. Feature `allocate`. ENOSPC where there is not so much. */
  allocate?(size: number, signal?: AbortSignal): Answer<void>;

  /** Makes a range read as zeros and gives its room back where it can; the size stays. Feature `sparse`. */
  punch?(offset: number, length: number, signal?: AbortSignal): Answer<void>;
  /**
   * The parts of a range that hold data, in order, disjoint, within both the range and the file. What is not told reads as zeros. Feature `sparse`.
   * @param limit at most so many, the first ones. Default: all
   */
  ranges?(offset: number, length: number, limit?: number, signal?: AbortSignal): Answer<readonly Range[]>;

  /**
   * Copies from another handle of this store (or this one) into this one. Feature `copy`. Source and target may overlap.
   * @returns bytes copied: fewer than asked where the source ends or the store does so much at a time; EXDEV where it cannot
   */
  copyRange?(source: Handle, sourceOffset: number, offset: number, length: number, signal?: AbortSignal): Answer<number>;
  /** The same, sharing the blocks: all or nothing. Feature `clone`. EINVAL where the ranges are not aligned as the store needs, EXDEV */
  cloneRange?(source: Handle, sourceOffset: number, offset: number, length: number, signal?: AbortSignal): Answer<void>;

  /** Tells the changes in this folder (or below it) from now on, whoever makes them, in order, after each has happened. Feature `watch`. */
  watch?(want: WatchWant, listener: (change: Change) => void): Answer<Watch>;

  /**
   * Locks a range of bytes against other programs, or unlocks it, for all handles of the file together; it replaces what was locked there. It never waits, and
   * ends with the last handle. Feature `locks`.
   * @param offset below 2^63, as is `offset + length`
   * @returns nothing, also if the file system knows no locks; or EBUSY: another program has a conflicting lock, and nothing is changed
   */
  lock?(offset: bigint, length: bigint, how: LockKind): Answer<void>;

  /** Size and free space of the volume that the entry is on. Feature `space`. */
  space?(): Answer<Space>;

  /**
   * Whether `unlink` would be refused now, apart from a directory that is not empty. Nothing is changed. Where missing, only `unlink` finds out.
   * @returns nothing; or EACCES, EPERM, EROFS, EBUSY
   */
  checkUnlink?(): Answer<void>;

  /** Where the entry is now: components from the root, for display only. Feature `path`. ENOENT once unlinked. */
  path?(): Answer<readonly string[]>;
}

/** The calls behind each feature, so that a wrapper, the server and the contract agree: `vfs` those of the store, `handle` those of its handles. */
export const featureCalls: Readonly<Record<Feature, { readonly vfs: readonly (keyof Vfs)[]; readonly handle: readonly (keyof Handle)[] }>> =
  {
    streams: { vfs: [], handle: ['streams', 'openStream'] },
    xattr: { vfs: [], handle: ['getXattr', 'setXattr', 'listXattrs'] },
    attributes: { vfs: [], handle: ['setStat'] },
    times: { vfs: [], handle: ['setStat'] },
    descriptor: { vfs: [], handle: ['getDescriptor', 'setDescriptor'] },
    links: { vfs: [], handle: ['readLink'] },
    hardLinks: { vfs: [], handle: ['link'] },
    sparse: { vfs: [], handle: ['punch', 'ranges'] },
    allocate: { vfs: [], handle: ['allocate'] },
    copy: { vfs: [], handle: ['copyRange'] },
    clone: { vfs: [], handle: ['cloneRange'] },
    flush: { vfs: [], handle: ['flush'] },
    watch: { vfs: [], handle: ['watch'] },
    space: { vfs: [], handle: ['space'] },
    locks: { vfs: [], handle: ['lock'] },
    path: { vfs: [], handle: ['path'] },
    stableIds: { vfs: [], handle: [] },
    readOnly: { vfs: [], handle: [] },
  };

/** What describes an entry. */
export interface Stat {
  readonly kind: Kind;
  /** The entry's {@link Handle.fileId}; for a stream, its file's. */
  readonly fileId: string;
  /** The wire's 64-bit file number (FileInternalInformation, MS-FSCC 2.4.26), unsigned; unique in the store. */
  readonly id64: bigint;
  /** Upper half of the 128-bit form (FILE_ID_128, MS-FSCC 2.1.10), whose lower half is `id64`; 0 where missing. */
  readonly idHigh?: bigint;
  /** Bytes of data; of a folder 0. */
  readonly size: number;
  /** Bytes that it takes in the store, holes not counted. */
  readonly allocated: number;
  /** Names it has; 0 once unlinked. */
  readonly links: number;
  /** Made; data changed; data or description changed; data read (as well as the store keeps it). */
  readonly birth: bigint;
  readonly modified: bigint;
  readonly changed: bigint;
  readonly accessed: bigint;
  /**
   * FILE_ATTRIBUTE_* bits (MS-FSCC 2.6) as they were set, or missing where never. DIRECTORY, REPARSE_POINT and NORMAL follow from elsewhere and are never in it;
   * SPARSE_FILE is, as it was set. Feature `attributes`.
   */
  readonly attributes?: number;
  /** Unix permission bits, where the store has them. */
  readonly mode?: number;
}

/** Changes to {@link Stat}; what is missing stays as it is. */
export interface StatChanges {
  readonly birth?: bigint;
  readonly modified?: bigint;
  readonly accessed?: bigint;
  /** Told as {@link Stat.changed} until anything changes again. A store that cannot keep it passes it over. */
  readonly changed?: bigint;
  readonly attributes?: number;
}

/** How a write is done. */
export interface WriteHow {
  /** Answer only when it is on the medium. A store without `flush` need not look. */
  readonly through?: boolean;
}

/** How a range of bytes is locked against other programs. */
export type LockKind = 'shared' | 'exclusive' | 'none';

/** What rename and link do about a taken name. */
export interface RenameHow {
  /** Replaces a file or link of that name, in one step: no one ever finds nothing under it. Default false. */
  readonly replace?: boolean;
}

/** A place in a folder; opaque to everyone but the store. */
export type Cursor = number | bigint | string;

/** How much of a listing is wanted. */
export interface ListWant {
  /** At most so many entries, at least 1. A store may give fewer. */
  readonly limit: number;
  /** With {@link Stat} for each. An entry that vanishes before it is looked at is then left out. */
  readonly stat: boolean;
  /** Only entries whose stored name this accepts: so a store looks no further at the others. */
  readonly match?: (name: string) => boolean;
}

/** A part of a folder. */
export interface Listing {
  readonly entries: readonly Entry[];
  /** Where the next part starts; missing at the end. */
  readonly cursor?: Cursor;
}

/** One entry of a folder. */
export interface Entry {
  readonly name: string;
  readonly kind: Kind;
  /** There exactly when it was asked for. That of a link, not of where it leads. */
  readonly stat?: Stat;
}

/** Where a symbolic link leads. */
export interface LinkTarget {
  readonly target: string;
}

/** A named stream: MS-FSCC 2.4.44, without the colons and the type. */
export interface StreamEntry {
  readonly name: string;
  readonly size: number;
  readonly allocated: number;
}

/** How a stream is opened: as {@link OpenHow}. */
export interface StreamHow {
  readonly access: Access;
  readonly disposition: 'open' | 'create';
}

/** A part of a file. */
export interface Range {
  readonly offset: number;
  readonly length: number;
}

/** What the store holds, in bytes. */
export interface Space {
  readonly total: number;
  /** Free for anyone. */
  readonly free: number;
  /** Free for this identity. */
  readonly available: number;
  /** The unit in which space is allocated: a power of two, 512 or more. */
  readonly blockSize: number;
  /** Whether the volume cannot be written; false if missing. */
  readonly readOnly?: boolean;
}

/** What is watched. */
export interface WatchWant {
  /** Also everything below the folder. */
  readonly recursive: boolean;
}

/** One change in a watched folder; `path` is relative to it. `overflow`: some were lost, look again. */
export type Change =
  | { readonly what: 'added' | 'removed'; readonly kind: Kind; readonly path: readonly string[] }
  | { readonly what: 'data' | 'description'; readonly kind: Kind; readonly path: readonly string[] }
  | { readonly what: 'renamed'; readonly kind: Kind; readonly path: readonly string[]; readonly from: readonly string[] }
  | StreamChange
  | { readonly what: 'overflow' };

/** A change of a named stream of the entry at `path`; a rename is a removal and an addition. */
export interface StreamChange {
  readonly what: 'streamAdded' | 'streamRemoved' | 'streamData';
  readonly kind: Kind;
  readonly path: readonly string[];
  readonly stream: string;
}

/** A running watch. */
export interface Watch {
  /** Ends it: no change is told afterwards. */
  close(): void;
}
