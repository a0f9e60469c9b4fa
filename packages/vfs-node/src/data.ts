import { nextTurn, runSteps, type Steps, Turn, wait } from '@ring3/kit';
import {
  AllocateMode,
  allocateLater,
  copyRangeLater,
  Errno,
  fileSystemStat,
  IoFlag,
  readAt,
  readAtLater,
  seekData,
  seekHole,
  setTimes,
  stat,
  truncate,
  truncateLater,
  writeAt,
  writeAtLater,
} from '@ring3/linux';
import type { Answer, Range, VfsCode } from '@ring3/vfs';
import type { Descriptor } from './descriptor.ts';
import type { Device } from './device.ts';
import { errorCode } from './error-code.ts';
import { scratch } from './scratch.ts';

/** Larger writes run in the pool, so that they overlap with the network. Bytes. */
const maxSyncWrite = 0x20000;
/** Reads up to this size block the event loop only briefly. Bytes. */
const smallRead = 2 ** 20;
/** Maximum bytes of larger reads that are synchronous in one turn of the event loop: reading 8 MiB into new memory takes 2 ms. */
const largeReadsInTurn = 2 ** 23;
/** A truncation that removes more bytes runs in the pool. */
const maxSyncTruncation = 2 ** 20;
const copyPiece = 2 ** 20;
/** Maximum bytes of one copy: the client requests the rest. */
const maxCopied = 2 ** 28;

/** Reads data: synchronously if it is cached and the turn of the event loop has time for it, otherwise in the pool. */
export function readData(file: Descriptor, device: Device, target: Uint8Array, offset: number): Answer<number> {
  if (target.length === 0) return 0;
  if (target.length > smallRead && !hasTurn(target.length)) return file.runInPool(() => readRest(file.fd, target, offset, 0));
  const found = readAt(file.fd, target, offset, device.inMemory ? 0 : IoFlag.NoWait);
  if (found === target.length) return found;
  if (found >= 0) {
    // a short read: the end of the file, or of the cached part
    if (stat(file.fd, scratch) === 0 && offset + found >= scratch.size) return found;
    return file.runInPool(() => readRest(file.fd, target, offset, found));
  }
  if (found !== -Errno.EAGAIN && found !== -Errno.EOPNOTSUPP) return errorCode(found);
  return file.runInPool(() => readRest(file.fd, target, offset, 0));
}

let largeReads = 0;

/**
 * Whether a large read may be synchronous in this turn of the event loop. This is faster for a single client; without a maximum, the reads
 * of many clients would block all others.
 */
function hasTurn(length: number): boolean {
  if (largeReads + length > largeReadsInTurn) return false;
  if (largeReads === 0) setImmediate(() => (largeReads = 0));
  largeReads += length;
  return true;
}

async function readRest(fd: number, target: Uint8Array, offset: number, done: number): Promise<Awaited<Answer<number>>> {
  while (done < target.length) {
    const read = await readAtLater(fd, target.subarray(done), offset + done);
    if (read < 0) return done > 0 ? done : errorCode(read);
    if (read === 0) break;
    done += read;
  }
  return done;
}

const lengthOf = (chunks: readonly Uint8Array[]): number => {
  let sum = 0;
  for (const chunk of chunks) sum += chunk.length;
  return sum;
};

/** The chunks after the first `done` bytes. */
function rest(chunks: readonly Uint8Array[], done: number): readonly Uint8Array[] {
  let first = 0;
  while (first < chunks.length && done >= chunks[first]!.length) done -= chunks[first++]!.length;
  const left = chunks.slice(first);
  if (done > 0) left[0] = left[0]!.subarray(done);
  return left;
}

/** Writes data: synchronously if it is small; in the pool if it is large or must reach the medium. */
export function writeData(
  file: Descriptor,
  device: Device,
  chunks: readonly Uint8Array[],
  offset: number,
  through: boolean,
): Answer<number> {
  const total = lengthOf(chunks);
  if (total === 0) return 0;
  if (offset + total > Number.MAX_SAFE_INTEGER) return 'EFBIG';
  if (through || total > maxSyncWrite || device.remote) {
    return file.runInPool(() => writeInPool(file.fd, chunks, total, offset, through ? IoFlag.DataSync : 0));
  }
  for (let done = 0; ; ) {
    const left = done === 0 ? chunks : rest(chunks, done);
    const written = writeAt(file.fd, left.length === 1 ? left[0]! : left, offset + done);
    if (written <= 0) return done > 0 ? done : errorCode(written || -Errno.EIO);
    done += written;
    if (done >= total) return done;
  }
}

async function writeInPool(
  fd: number,
  chunks: readonly Uint8Array[],
  total: number,
  offset: number,
  flags: number,
): Promise<Awaited<Answer<number>>> {
  for (let done = 0; ; ) {
    const written = await writeAtLater(fd, done === 0 ? chunks : rest(chunks, done), offset + done, flags);
    if (written <= 0) return done > 0 ? done : errorCode(written || -Errno.EIO);
    done += written;
    if (done >= total) return done;
  }
}

const done = (answer: number): Awaited<Answer<void>> => (answer < 0 ? errorCode(answer) : undefined);

/** Sets the size: synchronously, unless many bytes are removed. */
export function truncateData(file: Descriptor, device: Device, size: number): Answer<void> {
  const found = stat(file.fd, scratch);
  if (found < 0) return errorCode(found);
  if (device.remote || scratch.size - size > maxSyncTruncation) return file.runInPool(() => truncateLater(file.fd, size)).then(done);
  return done(truncate(file.fd, size));
}

/** Reserves space, in the pool: all of it or none. */
export function allocateData(file: Descriptor, size: number): Answer<void> {
  if (size === 0) return undefined;
  const found = stat(file.fd, scratch);
  if (found < 0) return errorCode(found);
  const volume = fileSystemStat(file.fd);
  if (typeof volume === 'number') return errorCode(volume);
  // ext4 allocates all free space before it returns ENOSPC
  const available = process.geteuid?.() === 0 ? volume.free : volume.available;
  if (size - scratch.allocated > available) return 'ENOSPC';
  return file
    .runInPool(() => allocateLater(file.fd, AllocateMode.KeepSize, 0, size))
    .then((answer) => {
      if (answer < 0) trimData(file.fd);
      return done(answer);
    });
}

/** Releases the space that is reserved beyond the end of a file and keeps its times. The last close does this, MS-FSCC 2.4.4. */
export function trimData(fd: number): void {
  if (stat(fd, scratch) < 0) return;
  const { size, allocated, blockSize, modified } = scratch;
  if (allocated < size + 2 * blockSize) return;
  if (truncate(fd, size) === 0) setTimes(fd, undefined, modified);
}

/** Zeroes a range, in the pool; writes the zeros if the host cannot punch holes. */
export async function punchData(file: Descriptor, device: Device, offset: number, length: number): Promise<Awaited<Answer<void>>> {
  if (length === 0) return undefined;
  const punched = await file.runInPool(() => allocateLater(file.fd, AllocateMode.PunchHole | AllocateMode.KeepSize, offset, length));
  if (punched !== -Errno.EOPNOTSUPP) return done(punched);
  if (stat(file.fd, scratch) < 0) return 'EIO';
  const end = Math.min(offset + length, scratch.size);
  const zeros = Buffer.alloc(copyPiece);
  for (let at = offset; at < end; ) {
    const written = await writeData(file, device, [zeros.subarray(0, Math.min(copyPiece, end - at))], at, false);
    if (typeof written === 'string') return written;
    at += written;
  }
  return undefined;
}

/**
 * Returns the parts of a range that hold data, in several turns of the event loop if there are many.
 * @param limit maximum number of parts
 */
export function dataRanges(file: Descriptor, offset: number, length: number, limit: number): Answer<readonly Range[]> {
  return runSteps(rangeSteps(file, offset, Math.min(offset + length, Number.MAX_SAFE_INTEGER), limit));
}

function* rangeSteps(file: Descriptor, offset: number, end: number, limit: number): Steps<readonly Range[] | VfsCode> {
  const ranges: Range[] = [];
  const turn = new Turn();
  for (let at = offset; at < end && ranges.length < limit; ) {
    const start = seekData(file.fd, at);
    if (start === -Errno.ENXIO || start >= end) break;
    if (start < 0) return errorCode(start);
    const stop = seekHole(file.fd, start);
    if (stop < 0) return errorCode(stop);
    ranges.push({ offset: start, length: Math.min(stop, end) - start });
    at = stop;
    if (!turn.over) continue;
    yield* wait(file.holdUntil(nextTurn()));
    turn.begin();
  }
  return ranges;
}

/** Copies inside the host, in the pool; through a buffer if the host cannot, or if the ranges overlap. */
export async function copyData(
  source: Descriptor,
  sourceOffset: number,
  target: Descriptor,
  offset: number,
  length: number,
  sameFile: boolean,
): Promise<Awaited<Answer<number>>> {
  if (stat(source.fd, scratch) < 0) return 'EIO';
  const total = Math.min(length, maxCopied, scratch.size - sourceOffset);
  if (total <= 0) return 0;
  if (offset + total > Number.MAX_SAFE_INTEGER) return 'EFBIG';
  const overlap = sameFile && Math.abs(offset - sourceOffset) < total;
  if (!overlap) {
    const copied = await source.holdUntil(target.runInPool(() => copyRangeLater(source.fd, sourceOffset, target.fd, offset, total)));
    if (copied >= 0) return copied;
    const cannot = [Errno.EXDEV, Errno.EOPNOTSUPP, Errno.EINVAL, Errno.ENOSYS, Errno.EPERM].includes(-copied as never);
    if (!cannot) return errorCode(copied);
  }
  return await source.holdUntil(
    target.runInPool(() => copyThroughBuffer(source.fd, sourceOffset, target.fd, offset, total, overlap && offset > sourceOffset)),
  );
}

/** Copies in pieces, from the last one if the target is after its source, so that no piece is overwritten before it is read. */
async function copyThroughBuffer(
  from: number,
  fromOffset: number,
  to: number,
  toOffset: number,
  total: number,
  backwards: boolean,
): Promise<Awaited<Answer<number>>> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(copyPiece, total));
  for (let copied = 0; copied < total; ) {
    const part = buffer.subarray(0, Math.min(buffer.length, total - copied));
    const at = backwards ? total - copied - part.length : copied;
    const read = await readRest(from, part, fromOffset + at, 0);
    if (typeof read === 'string') return backwards || copied === 0 ? read : copied;
    if (read === 0) return copied;
    const piece = part.subarray(0, read);
    const written = await writeInPool(to, [piece], piece.length, toOffset + at, 0);
    if (typeof written === 'string') return backwards || copied === 0 ? written : copied;
    copied += written;
    if (written < piece.length || read < part.length) return backwards ? 'ENOSPC' : copied;
  }
  return total;
}
