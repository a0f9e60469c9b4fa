import { type Name, nameArgument, native, raw, result } from '../library.ts';
import { AtFlag } from './name.ts';

type CName = string | Uint8Array;

const libc = {
  statx: raw<[number, CName, number, number, Uint8Array]>('statx', ['int', 'const char *', 'int', 'uint', 'void *']),
  faccessat: native<[number, CName, number, number]>('int faccessat(int, const char *, int, int)'),
  fstatfs: native<[number, Uint8Array]>('int fstatfs(int, void *)'),
  utimensat: native<[number, CName, BigInt64Array, number]>('int utimensat(int, const char *, const void *, int)'),
  handle: native<[number, CName, Uint8Array, Int32Array, number]>('int name_to_handle_at(int, const char *, void *, void *, int)'),
};

/** The fields that statx returns on request, uapi/linux/stat.h STATX_*. */
export const StatField = { Basic: 0x7ff, Birth: 0x800, MountId: 0x1000 } as const;

/** Bits of `FileStat.attributes`, uapi/linux/stat.h STATX_ATTR_*. */
export const StatAttribute = { Immutable: 0x10, Append: 0x20, MountRoot: 0x2000 } as const;

/** What `accessAt` asks for, unistd.h. */
export const AccessMode = { Execute: 1, Write: 2, Read: 4 } as const;

/** Bits of `FileStat.mode`, uapi/linux/stat.h. */
export const Mode = {
  Type: 0o170000,
  Sticky: 0o1000,
  Fifo: 0o010000,
  Character: 0o020000,
  Folder: 0o040000,
  Block: 0o060000,
  Regular: 0o100000,
  Link: 0o120000,
  Socket: 0o140000,
} as const;

/** A timestamp of the structure: seconds since 1970 as s64, nanoseconds as u32. */
const time = (view: DataView, at: number): bigint => view.getBigInt64(at, true) * 1_000_000_000n + BigInt(view.getUint32(at + 8, true));
const number64 = (view: DataView, at: number): number => view.getUint32(at, true) + view.getUint32(at + 4, true) * 4294967296;

/** The result of statx(2): `struct statx`. Created once and filled many times; a field is decoded on access. Times: nanoseconds since 1970. */
export class FileStat {
  /** @internal */
  readonly bytes = new Uint8Array(256);
  readonly #view = new DataView(this.bytes.buffer);

  /** The fields that are present, bits of `StatField`. */
  get mask(): number {
    return this.#view.getUint32(0, true);
  }
  /** The block size for efficient I/O. */
  get blockSize(): number {
    return this.#view.getUint32(4, true);
  }
  /** Bits of `StatAttribute`. */
  get attributes(): number {
    return this.#view.getUint32(8, true);
  }
  /** Number of hard links. */
  get links(): number {
    return this.#view.getUint32(16, true);
  }
  get userId(): number {
    return this.#view.getUint32(20, true);
  }
  get groupId(): number {
    return this.#view.getUint32(24, true);
  }
  /** Type and permissions, bits of `Mode`. */
  get mode(): number {
    return this.#view.getUint16(28, true);
  }
  /** Exact for any file system. */
  get inode(): bigint {
    return this.#view.getBigUint64(32, true);
  }
  /** Returns whether two results describe the same inode on the same device, without a bigint. */
  isSame(other: FileStat): boolean {
    const a = this.#view;
    const b = other.#view;
    for (const at of [32, 36, 136, 140]) if (a.getUint32(at) !== b.getUint32(at)) return false;
    return true;
  }
  /** Bytes; below 2^63, exact up to 2^53. */
  get size(): number {
    return number64(this.#view, 40);
  }
  /** Allocated bytes. */
  get allocated(): number {
    return number64(this.#view, 48) * 512;
  }
  get accessed(): bigint {
    return time(this.#view, 64);
  }
  /** Undefined if the file system does not store it. */
  get birth(): bigint | undefined {
    return (this.mask & StatField.Birth) === 0 ? undefined : time(this.#view, 80);
  }
  get changed(): bigint {
    return time(this.#view, 96);
  }
  get modified(): bigint {
    return time(this.#view, 112);
  }
  get deviceMajor(): number {
    return this.#view.getUint32(136, true);
  }
  get deviceMinor(): number {
    return this.#view.getUint32(140, true);
  }
  /** The file type: regular file, directory, link …, one of `Mode`. */
  isA(type: number): boolean {
    return (this.mode & Mode.Type) === type;
  }
}

const wanted = StatField.Basic | StatField.Birth;

/** Reads the attributes of a directory entry; a link is not followed. statx(2). @param into is filled @returns 0 or a negative errno */
export function statAt(dir: number, name: Name, into: FileStat, flags: number = AtFlag.NoFollow): number {
  const argument = nameArgument(name);
  return typeof argument === 'number' ? argument : result(libc.statx.run(dir, argument, flags, wanted, into.bytes));
}

/** Reads the attributes of the file of a descriptor, also one of `OpenFlag.Path`. statx(2). @param into is filled @returns 0 or a negative errno */
export const stat = (fd: number, into: FileStat): number => result(libc.statx.run(fd, '', AtFlag.EmptyPath, wanted, into.bytes));

/**
 * Asks whether the process may access an entry so, with its effective user and capabilities; a link is followed. faccessat(2).
 * @param mode bits of `AccessMode`
 * @returns 0 or a negative errno
 */
export function accessAt(dir: number, name: Name, mode: number): number {
  const argument = nameArgument(name);
  return typeof argument === 'number' ? argument : result(libc.faccessat.run(dir, argument, mode, effective));
}
/** AT_EACCESS */
const effective = 0x200;

/** The result of fstatfs(2). Sizes in bytes. */
export interface FileSystemStat {
  /** uapi/linux/magic.h: 0xef53 ext4, 0x01021994 tmpfs, 0x9123683e btrfs, 0x58465342 xfs, 0x794c7630 overlay, 0x6969 nfs. */
  readonly type: number;
  readonly blockSize: number;
  readonly total: number;
  readonly free: number;
  /** Free for users other than root. */
  readonly available: number;
  /** Its identifier; stable over a restart on most file systems. */
  readonly id: bigint;
  /** Maximum length of a name in bytes. */
  readonly longestName: number;
  /** ST_RDONLY. */
  readonly readOnly: boolean;
}

const fileSystem = new Uint8Array(128);
const fileSystemView = new DataView(fileSystem.buffer);

/** Reads the properties of a descriptor's file system. fstatfs(2). @returns them, or a negative errno */
export function fileSystemStat(fd: number): FileSystemStat | number {
  const answer = libc.fstatfs.run(fd, fileSystem);
  if (answer < 0) return result(answer);
  const view = fileSystemView;
  const block = number64(view, 72) || number64(view, 8);
  return {
    type: view.getUint32(0, true),
    blockSize: block,
    total: number64(view, 16) * block,
    free: number64(view, 24) * block,
    available: number64(view, 32) * block,
    id: view.getBigUint64(56, true),
    longestName: number64(view, 64),
    readOnly: (view.getUint32(80, true) & 1) !== 0,
  };
}

const utimeNow = 0x3fffffffn;
const utimeOmit = 0x3ffffffen;
const times = new BigInt64Array(4);

/** A time to set: nanoseconds since 1970, or the kernel's current time, which needs permission to write the data only; undefined leaves it unchanged. */
export type NewTime = bigint | 'now' | undefined;

/** `struct timespec`. */
function putTime(at: number, time: NewTime): void {
  if (typeof time !== 'bigint') {
    times[at] = 0n;
    times[at + 1] = time === 'now' ? utimeNow : utimeOmit;
    return;
  }
  const rest = ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n; // also correct before 1970
  times[at] = (time - rest) / 1_000_000_000n;
  times[at + 1] = rest;
}

/**
 * Sets times. utimensat(2). A file system limits the range: ext4 to the years 1901 to 2446.
 * @returns 0 or a negative errno
 */
export function setTimesAt(dir: number, name: Name, accessed: NewTime, modified: NewTime, flags: number = AtFlag.NoFollow): number {
  const argument = nameArgument(name);
  if (typeof argument === 'number') return argument;
  putTime(0, accessed);
  putTime(2, modified);
  return result(libc.utimensat.run(dir, argument, times, flags));
}

/** Sets the times of the file of a descriptor, also one of `OpenFlag.Path` (Linux 5.8). @returns 0 or a negative errno */
export const setTimes = (fd: number, accessed: NewTime, modified: NewTime): number =>
  setTimesAt(fd, '', accessed, modified, AtFlag.EmptyPath);

const handleBytes = 128; // MAX_HANDLE_SZ
const handle = Buffer.alloc(8 + handleBytes);
const handleView = new DataView(handle.buffer, handle.byteOffset, handle.length);
const mount = new Int32Array(1);

/**
 * The file system's handle of an entry: inode and generation, in the file system's layout. A file that reuses the inode later has another handle; the handle is
 * stable over a restart. name_to_handle_at(2).
 * @param dir a directory; or with an empty name the entry itself, also a descriptor of `OpenFlag.Path`
 * @returns the handle's type and bytes, as a new buffer; or a negative errno (`-EOPNOTSUPP`: not supported by the file system)
 */
export function fileHandle(dir: number, name: Name = ''): Buffer | number {
  const argument = nameArgument(name);
  if (typeof argument === 'number') return argument;
  handleView.setUint32(0, handleBytes, true);
  const answer = libc.handle.run(dir, argument, handle, mount, name.length === 0 ? AtFlag.EmptyPath : 0);
  return answer < 0 ? result(answer) : Buffer.from(handle.subarray(4, 8 + handleView.getUint32(0, true)));
}
