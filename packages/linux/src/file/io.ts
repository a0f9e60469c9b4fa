import { Errno } from '../errno.ts';
import { address, native, raw, result } from '../library.ts';

type Vector = BigUint64Array;

const libc = {
  preadv2: raw<[number, Vector, number, number, number, number]>('preadv2', ['int', 'const void *', 'size_t', 'int64', 'int64', 'int']),
  pwritev2: raw<[number, Vector, number, number, number, number]>('pwritev2', ['int', 'const void *', 'size_t', 'int64', 'int64', 'int']),
  lseek: native<[number, number, number]>('int64 lseek(int, int64, int)'),
  fallocate: native<[number, number, number, number]>('int fallocate(int, int, int64, int64)'),
  ftruncate: native<[number, number]>('int ftruncate(int, int64)'),
  fsync: native<[number]>('int fsync(int)'),
  fdatasync: native<[number]>('int fdatasync(int)'),
  copy: raw<[number, Vector, number, Vector, number, number]>('copy_file_range', ['int', 'void *', 'int', 'void *', 'size_t', 'uint']),
  advise: native<[number, number, number, number]>('int posix_fadvise(int, int64, int64, int)'),
  clone: native<[number, number, number]>('int ioctl(int, ulong, int)'),
  cloneRange: native<[number, number, Vector]>('int ioctl(int, ulong, void *)'),
};

/** Flags of preadv2 and pwritev2, uapi/linux/fs.h RWF_*. */
export const IoFlag = {
  DataSync: 0x2,
  Sync: 0x4,
  /** Reads only cached data: `-EAGAIN` if it is not in the cache, `-EOPNOTSUPP` if the file system does not support the flag, or fewer bytes. */
  NoWait: 0x8,
  Append: 0x10,
} as const;

/** Maximum number of buffers of one call, uapi/linux/uio.h UIO_MAXIOV. */
export const mostBuffers = 1024;

/** `struct iovec` for each buffer: address and length. */
function fillVector(vector: Vector, buffers: readonly Uint8Array[], count: number): void {
  for (let i = 0; i < count; i++) {
    vector[i * 2] = address(buffers[i]!);
    vector[i * 2 + 1] = BigInt(buffers[i]!.length);
  }
}

let shared: Vector = new BigUint64Array(2 * 16);
const one = new BigUint64Array(2);
const oneLength = new Uint32Array(one.buffer, 8, 2);

/** The vector of a synchronous call. */
function sharedVector(buffers: readonly Uint8Array[]): Vector {
  const count = Math.min(buffers.length, mostBuffers);
  if (shared.length < count * 2) shared = new BigUint64Array(count * 2);
  fillVector(shared, buffers, count);
  return shared;
}

function ownVector(buffers: readonly Uint8Array[]): Vector {
  const count = Math.min(buffers.length, mostBuffers);
  const vector = new BigUint64Array(count * 2);
  fillVector(vector, buffers, count);
  return vector;
}

/** The vector of one buffer, without a bigint for its length. */
function oneVector(buffer: Uint8Array): Vector {
  one[0] = address(buffer);
  oneLength[0] = buffer.length;
  oneLength[1] = buffer.length / 4294967296;
  return one;
}

const asList = (buffers: Uint8Array | readonly Uint8Array[]): readonly Uint8Array[] =>
  buffers instanceof Uint8Array ? [buffers] : buffers;

/**
 * Reads at an offset into one buffer or several, at most `mostBuffers`. preadv2(2).
 * @param offset 0 to 2^53-1
 * @param flags bits of `IoFlag`
 * @returns bytes read, 0 at the end of the file; or a negative errno
 */
export function readAt(fd: number, into: Uint8Array | readonly Uint8Array[], offset: number, flags = 0): number {
  if (offset < 0) return -Errno.EINVAL; // -1 would mean the current file offset
  return into instanceof Uint8Array
    ? result(libc.preadv2.run(fd, oneVector(into), 1, offset, 0, flags))
    : result(libc.preadv2.run(fd, sharedVector(into), Math.min(into.length, mostBuffers), offset, 0, flags));
}

/** `readAt` off the main thread. The buffers are referenced until it completes; do not use them before. */
export function readAtLater(fd: number, into: Uint8Array | readonly Uint8Array[], offset: number, flags = 0): Promise<number> {
  if (offset < 0) return Promise.resolve(-Errno.EINVAL);
  const vector = ownVector(asList(into));
  return libc.preadv2.later(into, fd, vector, vector.length / 2, offset, 0, flags);
}

/** Writes one buffer or several at an offset, as if they were one. pwritev2(2). @returns bytes written or a negative errno */
export function writeAt(fd: number, from: Uint8Array | readonly Uint8Array[], offset: number, flags = 0): number {
  if (offset < 0) return -Errno.EINVAL;
  return from instanceof Uint8Array
    ? result(libc.pwritev2.run(fd, oneVector(from), 1, offset, 0, flags))
    : result(libc.pwritev2.run(fd, sharedVector(from), Math.min(from.length, mostBuffers), offset, 0, flags));
}

/** `writeAt` off the main thread. The buffers are referenced until it completes; do not change them before. */
export function writeAtLater(fd: number, from: Uint8Array | readonly Uint8Array[], offset: number, flags = 0): Promise<number> {
  if (offset < 0) return Promise.resolve(-Errno.EINVAL);
  const vector = ownVector(asList(from));
  return libc.pwritev2.later(from, fd, vector, vector.length / 2, offset, 0, flags);
}

/** The next offset that holds data, at or after `offset`. lseek(2) SEEK_DATA. @returns it, or a negative errno (`-ENXIO`: only a hole follows, or the end) */
export const seekData = (fd: number, offset: number): number => result(libc.lseek.run(fd, offset, 3));

/** The next offset in a hole, at or after `offset`; the end of the file counts as one. lseek(2) SEEK_HOLE. @returns it, or a negative errno */
export const seekHole = (fd: number, offset: number): number => result(libc.lseek.run(fd, offset, 4));

/** Modes of fallocate, uapi/linux/falloc.h. 0 allocates and grows the file. */
export const AllocateMode = { KeepSize: 0x1, PunchHole: 0x2, CollapseRange: 0x8, ZeroRange: 0x10, InsertRange: 0x20 } as const;

/** Allocates or frees a range. fallocate(2). @param mode bits of `AllocateMode`; `PunchHole` requires `KeepSize` @returns 0 or a negative errno */
export const allocate = (fd: number, mode: number, offset: number, length: number): number =>
  result(libc.fallocate.run(fd, mode, offset, length));
/** `allocate` off the main thread. */
export const allocateLater = (fd: number, mode: number, offset: number, length: number): Promise<number> =>
  libc.fallocate.later(undefined, fd, mode, offset, length);

/** Sets the size. ftruncate(2). @returns 0 or a negative errno */
export const truncate = (fd: number, size: number): number => result(libc.ftruncate.run(fd, size));
/** `truncate` off the main thread: for large files. */
export const truncateLater = (fd: number, size: number): Promise<number> => libc.ftruncate.later(undefined, fd, size);

/** Writes data and metadata to the device, off the main thread. fsync(2). @returns 0 or a negative errno */
export const syncLater = (fd: number): Promise<number> => libc.fsync.later(undefined, fd);
/** Writes data, and the metadata required to read it, to the device, off the main thread. fdatasync(2). @returns 0 or a negative errno */
export const syncDataLater = (fd: number): Promise<number> => libc.fdatasync.later(undefined, fd);
/** Writes data and metadata to the device synchronously: for programs without an event loop to serve. fsync(2). @returns 0 or a negative errno */
export const sync = (fd: number): number => result(libc.fsync.run(fd));

/**
 * Copies a range inside the kernel, sharing blocks if possible, off the main thread. copy_file_range(2).
 * @returns bytes copied, 0 at the source's end; or a negative errno (`-EXDEV`, `-EOPNOTSUPP`: read and write instead; `-EINVAL` also for overlapping
 *   ranges of one file)
 */
export function copyRangeLater(source: number, sourceOffset: number, target: number, offset: number, length: number): Promise<number> {
  const from = new BigUint64Array([BigInt(sourceOffset)]);
  const to = new BigUint64Array([BigInt(offset)]);
  return libc.copy.later(undefined, source, from, target, to, length, 0);
}

/** Advice for posix_fadvise(2). `DontNeed` removes written data from the cache. */
export const Advice = { Normal: 0, Random: 1, Sequential: 2, WillNeed: 3, DontNeed: 4 } as const;

/** Tells the kernel how a range will be used. @param length 0: to the end @returns 0 or a negative errno */
export const advise = (fd: number, offset: number, length: number, advice: number): number => {
  const answer = libc.advise.run(fd, offset, length, advice);
  return answer > 0 ? -answer : answer; // only this call returns the errno itself
};

const FICLONE = 0x40049409;
const FICLONERANGE = 0x4020940d;

/** Makes one file share all blocks of another. ioctl_ficlone(2). @returns 0 or a negative errno (`-EOPNOTSUPP`, `-EXDEV`) */
export const clone = (source: number, target: number): number => result(libc.clone.run(target, FICLONE, source));
/** `clone` off the main thread. @returns 0 or a negative errno (`-EOPNOTSUPP`, `-EXDEV`) */
export const cloneLater = (source: number, target: number): Promise<number> => libc.clone.later(undefined, target, FICLONE, source);

/**
 * Makes a range share the blocks of another. ioctl_ficlonerange(2).
 * @param length 0: to the source's end
 * @returns 0 or a negative errno (`-EINVAL`: not aligned to blocks; `-EOPNOTSUPP`: not supported by the file system; `-EXDEV`)
 */
export function cloneRangeLater(source: number, sourceOffset: number, target: number, offset: number, length: number): Promise<number> {
  if (source < 0) return Promise.resolve(-Errno.EBADF);
  const range = new BigUint64Array([BigInt(source), BigInt(sourceOffset), BigInt(length), BigInt(offset)]);
  return libc.cloneRange.later(undefined, target, FICLONERANGE, range);
}
