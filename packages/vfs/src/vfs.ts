import type { MaybePromise } from '@ring3/kit';
import type { VfsCode } from './vfs-error.ts';

/**
 * The storage contract. A store works with *handles*, never with paths: a name is one component, relative to an open directory, so a
 * directory that another program renames never leads a client to the wrong file.
 *
 * Every method may return a value or a promise. Expected failures are *returned* as a {@link VfsCode}, unexpected ones are thrown as
 * `VfsError`; any other exception is a bug of the store, and the client receives an I/O error.
 *
 * A store must have `root`, `open`, and on its handles `stat`, `read`, `write`, `truncate`, `list`, `rename`, `unlink`, `close`. All other
 * methods are optional and listed in `features`. If a feature is missing, the server emulates it or fails with the documented status. A
 * store is correct if it passes `vfsContract`.
 *
 * Units: times are nanoseconds since 1970-01-01T00:00:00Z (bigint), sizes and offsets are bytes (whole numbers in 0 … 2^53-1).
 *
 * Names are sequences of 16-bit units (MS-FSCC 2.1.5), half of a surrogate pair included, not empty, not `.` or `..`, without NUL and `/` (see `checkName`); for any other name a store returns
 * EINVAL. A name that Windows cannot express (`a:b`, `what?`) is valid: the server sends it with the U+F0xx mapping (`toWireName`), and
 * `foldName` finds it by both spellings.
 */
export interface Vfs {
  /** The optional features of this store. A feature is listed if and only if its methods ({@link featureCalls}) exist and work. */
  readonly features: ReadonlySet<Feature>;

  /**
   * Maximum file descriptors that an open handle holds, and maximum for each of its parent directories that has no other open handle below
   * it; absent if the store holds none. The server uses it to limit the open files of its users.
   */
  readonly fileDescriptors?: { readonly handle: number; readonly directory: number };

  /**
   * The directory that the share shows now, open for the identity. Its `fileId` is the same for every identity. Closing it is allowed and
   * changes nothing for others.
   * @param same an open root: another handle of that very directory is returned, even if the share shows another one by now
   * @returns the handle; or ENOENT, ENOTDIR … if there is none now
   */
  root(who: Identity, signal?: AbortSignal, same?: Handle): Answer<Handle>;

  /**
   * Opens or creates one entry of a directory.
   *
   * An entry with exactly the spelling of `name` has priority; otherwise an entry with the same `foldName` is opened. If there are several,
   * the choice is free, but always the same. `name` of the handle is the stored spelling. A new entry gets the spelling of `name`.
   *
   * @param dir a directory of this store; ENOENT if it was removed, ENOTDIR if it is not a directory
   * @returns the handle; or ENOENT, EEXIST (`create`, also for a name that differs only in case), ENOTDIR (`kind` is folder and this is not
   * a directory), EISDIR (`kind` is file and this is a directory), EINVAL (`kind` is link and this is not a link; an invalid name), ELOOP
   * (this is a link, `kind` is file or folder, and `follow` is false), EACCES, EROFS, ENAMETOOLONG, ENOSPC …
   */
  open(dir: Handle, name: string, how: OpenHow, who: Identity, signal?: AbortSignal): Answer<Handle>;

  /** Releases everything that the store holds. Handles that are still open fail with ESTALE afterwards. */
  close?(): MaybePromise<void>;
}

/** A result or the code of an expected failure, as a value or a promise. No result is a string, so `isCode` distinguishes them. */
export type Answer<T> = MaybePromise<T | VfsCode>;

/**
 * The optional features. Each means that its methods exist (`featureCalls`) or, if it has none, that the mandatory methods have a property.
 */
export type Feature =
  | 'streams' // named streams of files and directories, in addition to the data of a file
  | 'xattr' // extended attributes
  | 'attributes' // DOS attributes are stored and reported
  | 'times' // times of birth, modification and access can be set
  | 'descriptor' // a security descriptor is stored as bytes
  | 'objectIds' // object ids of files and directories are stored, and unique in the store
  | 'links' // symbolic links can be created
  | 'hardLinks' // a file can have several names
  | 'sparse' // holes can be punched and are reported
  | 'allocate' // space can be reserved
  | 'copy' // the store can copy ranges
  | 'clone' // copies can share blocks
  | 'flush' // written data is durable only after a flush; without the feature, a completed write is as durable as it can be
  | 'watch' // changes by any program are reported
  | 'space' // size and free space are known
  | 'locks' // byte ranges can be locked against other programs
  | 'path' // a handle knows its present path
  | 'stableIds' // fileIds are the same after a restart
  | 'readOnly'; // nothing can be changed

/**
 * The user on whose behalf an entry is opened. The server has checked the lists of the share and the security descriptors before it calls a
 * store.
 */
export interface Identity {
  /** The name of the account at logon; empty for an anonymous user. */
  readonly name: string;
  /** The security identifier of the account, as text: `S-1-5-21-…-1001`. */
  readonly sid: string;
  /** The security identifiers of its groups. */
  readonly groups: readonly string[];
  /** Whether the user is a guest. */
  readonly guest: boolean;
  /**
   * Whether it administers the share: it has the privileges to read and set system ACLs, to take ownership, to back up and to restore
   * (MS-LSAD 3.1.1.2.1).
   */
  readonly admin?: boolean;
}

/** The kinds of entries. A store never lists FIFOs, sockets and devices. */
export type Kind = 'file' | 'folder' | 'link';

/**
 * The access of a handle. `metadata`: stat, rename, unlink and changes of metadata. The others add reading data or listing, writing data,
 * or both.
 */
export type Access = 'metadata' | 'read' | 'write' | 'readWrite';

/** How an entry is opened. */
export interface OpenHow {
  /** The required access. A store that cannot grant it returns EACCES or EROFS, never a handle with less access. */
  readonly access: Access;
  /** The required kind of the entry, or the kind to create (then not `any`). */
  readonly kind: Kind | 'any';
  /** `open` an existing entry, or `create` a new one exclusively and atomically. The handle can truncate it. */
  readonly disposition: 'open' | 'create';
  /**
   * Whether a link is followed to its target, which may be another link (default true; `kind: 'link'` never follows).
   * EACCES if the target is outside the share, ENOENT if it does not exist, ELOOP after more than 40 links.
   */
  readonly follow?: boolean;
  /**
   * The target of the link to create, in the form of `readLink`. For `create` with `kind: 'link'`. Feature `links`. EACCES if the text of
   * the target leaves the share (it starts with `/`, or has more `..` than parent directories). The target need not exist.
   */
  readonly target?: string;
  /** Metadata that a new entry has from the start. A value without its feature is ignored. For `create`. */
  readonly initial?: Initial;
  /**
   * The `fileId` of the entry whose place the new file or link takes in one step: the name exists at every moment, no other name appears, and
   * the process may end at any point. For `create`. ENOENT if the name does not lead to that entry, ENOTEMPTY for a directory with entries.
   */
  readonly replaces?: string;
}

/** Initial metadata of a new entry; no other program sees the entry without it. */
export interface Initial {
  /** DOS attributes, as in {@link Stat}. Feature `attributes`. */
  readonly attributes?: number;
  /** Time of birth; default: now. Feature `times`. */
  readonly birth?: bigint;
  /** Security descriptor, MS-DTYP 2.4.6, self-relative. Feature `descriptor`. */
  readonly descriptor?: Uint8Array;
  /** Extended attributes. Feature `xattr`. */
  readonly xattrs?: ReadonlyMap<string, Uint8Array>;
}

/**
 * One open entry or stream. It stays valid through every rename, by any program, and through unlinking, until it is closed.
 * The server uses a handle only for the identity and the access with which it was opened; a store need not check that.
 */
export interface Handle {
  /**
   * Opaque: equal for two handles if and only if they are of the same entry or stream, under any name. With `stableIds`, also after a
   * restart. Never reused while a handle is open.
   */
  readonly fileId: string;
  /** The kind of the entry; constant. A stream is a `file`. */
  readonly kind: Kind;
  /** The name by which it was found, in the stored spelling. Renames through this store update it. Empty for the root. */
  readonly name: string;

  /**
   * The name that it was opened by, as an object: the same for two handles of a file exactly if they were opened by the same name, also
   * after a rename. Missing for a stream, if the store does not know it, and if a file has only one name.
   */
  readonly entryKey?: object | undefined;

  /** Present size, times and other metadata. Works after unlinking. */
  stat(signal?: AbortSignal): Answer<Stat>;

  /**
   * Reads into the buffer of the caller.
   * @returns bytes read: fewer than the length of `target` only at the end of the file, 0 at or beyond it; holes read as zeros. EISDIR for
   * a directory
   */
  read(target: Uint8Array, offset: number, signal?: AbortSignal): Answer<number>;

  /**
   * Writes the chunks one after the other as one range. A gap before `offset` reads as zeros. The store does not keep a chunk after it has
   * returned.
   * @returns bytes written: all, or fewer (at least one) if the store became full; EFBIG, ENOSPC, EDQUOT, EISDIR
   */
  write(chunks: readonly Uint8Array[], offset: number, how?: WriteHow, signal?: AbortSignal): Answer<number>;

  /** Sets the size: truncates, or extends with zeros. @returns nothing; or EFBIG, ENOSPC, EISDIR */
  truncate(size: number, signal?: AbortSignal): Answer<void>;

  /**
   * Returns a part of the entries of the directory, without `.` and `..`, in any order. An entry that exists under one name from the first
   * part to the last is listed exactly once. An entry that is created, removed or renamed meanwhile may be listed or not.
   * @param cursor the position: `undefined` for the start, else the cursor of an earlier part of this directory. It is valid for every
   * handle of the directory
   * @returns the part: empty only at the end; ENOTDIR
   */
  list(cursor: Cursor | undefined, want: ListWant, signal?: AbortSignal): Answer<Listing>;

  /**
   * Gives the entry another name or directory. A name that differs from its own only in case is a new spelling, not a conflict. For a
   * stream, `dir` is the handle of its file, and `name` the stream's new name.
   * @returns nothing; or EEXIST (the name is in use, also in another case, and `replace` is not set), EISDIR (a directory is
   * replaced only with `replaceDirectory`), ENOTDIR (a directory never replaces a file), EINVAL (a directory into itself; the root), EXDEV, ENOENT (already unlinked)
   */
  rename(dir: Handle, name: string, how?: RenameHow): Answer<void>;

  /**
   * Removes the name by which it was opened, or the stream. The handle stays usable.
   * @returns nothing; or ENOTEMPTY, ENOENT (already removed), EBUSY (the root), EROFS
   */
  unlink(): Answer<void>;

  /**
   * Closes it. No method may be called afterwards.
   * @returns nothing; or a code if data that was written before is lost (EIO, EDQUOT, ENOSPC)
   */
  close(): Answer<void>;

  /**
   * Adds access to the handle without resolving its name again. So the server first opens an entry with `metadata`, checks its
   * own rules, and only then opens the data. If the method is missing, every handle has all access that its identity has.
   * @returns nothing; or EACCES, EROFS, ETXTBSY
   */
  reopen?(access: Access, signal?: AbortSignal): Answer<void>;

  /** Returns when all completed writes are on the medium. Feature `flush`. */
  flush?(signal?: AbortSignal): Answer<void>;

  /**
   * Changes metadata of the entry. A time that is set stays until the next change of the data. Features `times` (the times), `attributes`
   * (the attributes).
   */
  setStat?(changes: StatChanges): Answer<void>;

  /**
   * The target of a link: components separated by `/`, relative to the directory of the link unless it starts with `/`. Feature `links`.
   * EINVAL if it is not a link.
   */
  readLink?(): Answer<LinkTarget>;

  /**
   * Adds a name to this file. Feature `hardLinks`. The codes of `rename`; EEXIST if the name is in use and `replace` is not set; EPERM for
   * a directory.
   */
  link?(dir: Handle, name: string, how?: RenameHow): Answer<void>;

  /** The named streams, without the data of the file. Feature `streams`. */
  streams?(): Answer<readonly StreamEntry[]>;

  /**
   * Opens or creates a named stream of this file or directory; names fold like those of entries. `stat` of the stream returns its own size
   * and the other values of the file, and its `fileId` identifies the stream. Unlinking the file removes its streams. Feature `streams`.
   */
  openStream?(name: string, how: StreamHow, signal?: AbortSignal): Answer<Handle>;

  /** The value of an extended attribute. The caller folds names. Feature `xattr`. ENODATA if it does not exist. */
  getXattr?(name: string): Answer<Uint8Array>;
  /**
   * Sets an extended attribute, or removes it (`undefined`; not a failure if it does not exist). Feature `xattr`. ENOSPC if it does not
   * fit.
   */
  setXattr?(name: string, value: Uint8Array | undefined): Answer<void>;
  /** The names of the extended attributes. Feature `xattr`. */
  listXattrs?(): Answer<readonly string[]>;

  /** The security descriptor as it was set, byte for byte; ENODATA if none was set. Feature `descriptor`. */
  getDescriptor?(): Answer<Uint8Array>;
  /** Stores a security descriptor. The store does not interpret it. Feature `descriptor`. */
  setDescriptor?(descriptor: Uint8Array): Answer<void>;

  /**
   * The object id with its three other ids as they were set: 64 bytes, MS-FSCC 2.1.3. It stays with the entry through every rename. A stream
   * has that of its file. Feature `objectIds`. ENODATA if there is none.
   */
  getObjectId?(): Answer<Uint8Array>;
  /**
   * Sets it, or removes it (`undefined`), and moves the change time. Feature `objectIds`. EEXIST if another entry of the store has an object id with the
   * same first 16 bytes.
   */
  setObjectId?(objectId: Uint8Array | undefined): Answer<void>;

  /** Reserves space for the first `size` bytes without changing the size or the data. Feature `allocate`. ENOSPC if there is not enough. */
  allocate?(size: number, signal?: AbortSignal): Answer<void>;

  /** Sets a range to zeros and releases its space if possible; the size is unchanged. Feature `sparse`. */
  punch?(offset: number, length: number, signal?: AbortSignal): Answer<void>;
  /**
   * The parts of a range that hold data: in order, disjoint, within the range and the file. Other bytes are zeros. Feature `sparse`.
   * @param limit maximum number of parts, the first ones; default: all
   */
  ranges?(offset: number, length: number, limit?: number, signal?: AbortSignal): Answer<readonly Range[]>;

  /**
   * Copies from a handle of this store, possibly the same, into this one. Feature `copy`. Source and target may overlap.
   * @returns bytes copied: fewer if the source ends or the store has a maximum for one call; EXDEV if it cannot copy
   */
  copyRange?(source: Handle, sourceOffset: number, offset: number, length: number, signal?: AbortSignal): Answer<number>;
  /** Copies by sharing blocks: all or nothing. Feature `clone`. EINVAL if the ranges are not aligned as the store requires, EXDEV */
  cloneRange?(source: Handle, sourceOffset: number, offset: number, length: number, signal?: AbortSignal): Answer<void>;

  /**
   * Reports later changes in this directory (or below it) by any program, in order, each after it was made. The watch outlives the handle. Feature `watch`.
   */
  watch?(want: WatchWant, listener: (change: Change) => void): Answer<Watch>;

  /**
   * Locks a range of bytes against other programs, or unlocks it, for all handles of the file together; it replaces what was locked there.
   * It never waits, and ends with the last handle. Feature `locks`.
   * @param offset below 2^63, as is `offset + length`
   * @returns nothing, also if the file system knows no locks; or EBUSY: another program has a conflicting lock, and nothing is changed
   */
  lock?(offset: bigint, length: bigint, how: LockKind): Answer<void>;

  /** Size and free space of the volume that the entry is on. Feature `space`. */
  space?(): Answer<Space>;

  /**
   * Whether `unlink` would fail now, except for a directory that is not empty. Changes nothing. If the method is missing, only `unlink`
   * reports it.
   * @param of `newEntry`: whether that would fail for an entry that is created in this directory (default: this entry)
   * @returns nothing; or EACCES, EPERM, EROFS, EBUSY
   */
  checkUnlink?(of?: 'newEntry'): Answer<void>;

  /** The present path of the entry: components from the root, for display only. Feature `path`. ENOENT after unlinking. */
  path?(): Answer<readonly string[]>;
}

/** The methods of each feature, for wrappers, the server and the contract: `vfs` those of the store, `handle` those of its handles. */
export const featureCalls: Readonly<Record<Feature, { readonly vfs: readonly (keyof Vfs)[]; readonly handle: readonly (keyof Handle)[] }>> =
  {
    streams: { vfs: [], handle: ['streams', 'openStream'] },
    xattr: { vfs: [], handle: ['getXattr', 'setXattr', 'listXattrs'] },
    attributes: { vfs: [], handle: ['setStat'] },
    times: { vfs: [], handle: ['setStat'] },
    descriptor: { vfs: [], handle: ['getDescriptor', 'setDescriptor'] },
    objectIds: { vfs: [], handle: ['getObjectId', 'setObjectId'] },
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

/** Metadata of an entry. */
export interface Stat {
  readonly kind: Kind;
  /** The {@link Handle.fileId} of the entry; for a stream, that of its file. */
  readonly fileId: string;
  /** The 64-bit file number of the protocol (FileInternalInformation, MS-FSCC 2.4.26), unsigned; unique in the store. */
  readonly id64: bigint;
  /** Upper half of the 128-bit form (FILE_ID_128, MS-FSCC 2.1.10), whose lower half is `id64`; default: 0. */
  readonly idHigh?: bigint;
  /** Bytes of data; 0 for a directory. */
  readonly size: number;
  /** Bytes allocated in the store, without holes. */
  readonly allocated: number;
  /** Number of names; 0 after unlinking. */
  readonly links: number;
  /** Times of creation; change of the data; change of data or metadata; read access (as exact as the store keeps it). */
  readonly birth: bigint;
  readonly modified: bigint;
  readonly changed: bigint;
  readonly accessed: bigint;
  /**
   * FILE_ATTRIBUTE_* bits (MS-FSCC 2.6) as they were set; missing if never set. DIRECTORY, REPARSE_POINT and NORMAL are derived from other
   * values and never included; SPARSE_FILE is included as it was set. Feature `attributes`.
   */
  readonly attributes?: number;
  /** Unix permission bits, if the store has them. */
  readonly mode?: number;
  /** Names and lengths of the extended attributes. Only in a listing, and only if the entry has some. Feature `xattr`. */
  readonly xattrSizes?: ReadonlyMap<string, number>;
}

/** Changes to {@link Stat}; missing values are not changed. */
export interface StatChanges {
  readonly birth?: bigint;
  readonly modified?: bigint;
  readonly accessed?: bigint;
  /** Reported as {@link Stat.changed} until the next change. A store that cannot keep it ignores it. */
  readonly changed?: bigint;
  readonly attributes?: number;
}

/** Options of a write. */
export interface WriteHow {
  /** Return only when the data is on the medium. A store without `flush` may ignore it. */
  readonly through?: boolean;
}

/** Modes of a lock against other programs. */
export type LockKind = 'shared' | 'exclusive' | 'none';

/** Options of rename and link for a name that is in use. */
export interface RenameHow {
  /** Replaces a file or link of that name atomically: the name exists at every moment. Default false. */
  readonly replace?: boolean;
  /** With `replace`, for the rename of a directory: also an empty directory, atomically. ENOTEMPTY if it has entries. Default false. */
  readonly replaceDirectory?: boolean;
}

/** A position in a listing; opaque to the caller. */
export type Cursor = number | bigint | string;

/** Options of a listing. */
export interface ListWant {
  /** Maximum number of entries, at least 1. A store may return fewer. */
  readonly limit: number;
  /** Include {@link Stat} of each entry. An entry that is removed before its stat is read is then omitted. */
  readonly stat: boolean;
  /** Only entries whose stored name this function accepts, so that a store need not read the others. */
  readonly match?: (name: string) => boolean;
}

/** A part of a listing. */
export interface Listing {
  readonly entries: readonly Entry[];
  /** Position of the next part; missing at the end. */
  readonly cursor?: Cursor;
}

/** One entry of a directory. */
export interface Entry {
  readonly name: string;
  readonly kind: Kind;
  /** Present if and only if it was requested. For a link: of the link, not of its target. */
  readonly stat?: Stat;
}

/** Target of a symbolic link. */
export interface LinkTarget {
  readonly target: string;
}

/** A named stream: MS-FSCC 2.4.44, without the colons and the type. */
export interface StreamEntry {
  readonly name: string;
  readonly size: number;
  readonly allocated: number;
}

/** How a stream is opened; see {@link OpenHow}. */
export interface StreamHow {
  readonly access: Access;
  /**
   * `temporary`: a new stream that is not listed and cannot be opened; the name is ignored. `rename` gives it a name, and thereby makes it an
   * ordinary stream. Without a name it is removed when it is closed, or, if the process ends before, at the next start. `rename` to an empty
   * name makes it the backup of the file's data: the store restores the data from it after the process ended, unless it was unlinked.
   */
  readonly disposition: 'open' | 'create' | 'temporary';
}

/** A range of a file. */
export interface Range {
  readonly offset: number;
  readonly length: number;
}

/** Size of a volume, in bytes. */
export interface Space {
  readonly total: number;
  /** Free for all identities. */
  readonly free: number;
  /** Free for this identity. */
  readonly available: number;
  /** The unit in which space is allocated: a power of two, 512 or more. */
  readonly blockSize: number;
  /** Whether the volume cannot be written; false if missing. */
  readonly readOnly?: boolean;
}

/** Options of a watch. */
export interface WatchWant {
  /** Also all directories below. */
  readonly recursive: boolean;
  /**
   * Only changes that others make: not those through handles of this store. A store that reports changes later than during the call that makes them leaves its own
   * out; of a store that reports them during the call the caller knows. Not together with `recursive`.
   */
  readonly others?: boolean;
}

/** One change in a watched directory; `path` is relative to it. `overflow`: changes were lost; list the directory again. */
export type Change =
  | { readonly what: 'added' | 'removed'; readonly kind: Kind; readonly path: readonly string[] }
  | { readonly what: 'data'; readonly kind: Kind; readonly path: readonly string[] }
  | DescriptionChange
  | { readonly what: 'renamed'; readonly kind: Kind; readonly path: readonly string[]; readonly from: readonly string[] }
  | StreamChange
  | { readonly what: 'overflow' };

/** A change of metadata of the entry at `path`. Initial metadata of a new entry is not a change. */
export interface DescriptionChange {
  readonly what: 'description';
  readonly kind: Kind;
  readonly path: readonly string[];
  /** What was changed; missing if the store does not know, because another program did it. */
  readonly fields?: readonly DescriptionField[];
}

/** A part of the metadata of an entry. */
export type DescriptionField = 'attributes' | 'birth' | 'modified' | 'accessed' | 'changed' | 'xattr' | 'descriptor';

/** The fields that `setStat` changes. */
export const fieldsOf = (changes: StatChanges): DescriptionField[] => statFields.filter((field) => changes[field] !== undefined);
const statFields = ['attributes', 'birth', 'modified', 'accessed', 'changed'] as const;

/** A change of a named stream of the entry at `path`; a rename is a removal and an addition. */
export interface StreamChange {
  readonly what: 'streamAdded' | 'streamRemoved' | 'streamData';
  readonly kind: Kind;
  readonly path: readonly string[];
  readonly stream: string;
}

/** An active watch. */
export interface Watch {
  /** Ends it: no change is reported afterwards. */
  close(): void;
  /** The store leaves its own changes out: {@link WatchWant.others}. */
  readonly others?: boolean;
}
