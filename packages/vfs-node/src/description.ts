import type { FileStat, XattrTarget } from '@ring3/linux';
import { isCode, type Stat } from '@ring3/vfs';
import type { Device } from './device.ts';
import type { Inode } from './inode.ts';
import { descriptionKey, type KeptValues } from './kept-values.ts';
import { kindOf } from './kind-of.ts';
import type { Description, Known } from './known.ts';

const none: Description = { attributes: undefined, birth: undefined, setChanged: undefined };

// flags u32, attributes u32, birth; if a change time was set, that time and the host's. A time is seconds since 1970 as i64 and nanoseconds
// as u32: 64 bits of nanoseconds end in 2262, before FILETIME does. Little-endian
const hasAttributes = 1;
const hasBirth = 2;
const timeSize = 12;
/** Bits that follow from the kind of the entry and cannot be set: DEVICE, NORMAL, DIRECTORY, REPARSE_POINT (MS-FSCC 2.6). */
const neverSet = 0x4d0;
const size = 8 + timeSize;
const sizeWithChanged = size + 2 * timeSize;
const second = 1_000_000_000n;
/** Storing the description moves the host's change time by a tick or two of its clock, ns. */
const ticks = 20_000_000n;

const getTime = (view: DataView, at: number): bigint => view.getBigInt64(at, true) * second + BigInt(view.getUint32(at + 8, true));

function setTime(view: DataView, at: number, time: bigint): void {
  const rest = ((time % second) + second) % second; // also before 1970
  view.setBigInt64(at, (time - rest) / second, true);
  view.setUint32(at + 8, Number(rest), true);
}

/** Reads attributes and times. Bytes of another length are ignored. */
export function readDescription(bytes: Uint8Array | undefined): Description {
  if (bytes === undefined || (bytes.length !== size && bytes.length !== sizeWithChanged)) return none;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const flags = view.getUint32(0, true);
  return {
    attributes: (flags & hasAttributes) !== 0 ? view.getUint32(4, true) : undefined,
    birth: (flags & hasBirth) !== 0 ? getTime(view, 8) : undefined,
    setChanged: bytes.length === size ? undefined : { reported: getTime(view, size), host: getTime(view, size + timeSize) },
  };
}

/** Returns the bytes of attributes and times. */
export function writeDescription({ attributes, birth, setChanged }: Description): Uint8Array {
  const bytes = new Uint8Array(setChanged === undefined ? size : sizeWithChanged);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, (attributes === undefined ? 0 : hasAttributes) | (birth === undefined ? 0 : hasBirth), true);
  view.setUint32(4, attributes ?? 0, true);
  setTime(view, 8, birth ?? 0n);
  if (setChanged !== undefined) {
    setTime(view, size, setChanged.reported);
    setTime(view, size + timeSize, setChanged.host);
  }
  return bytes;
}

/** Returns the metadata for which the host has no field. It is read on first use. */
export function describe(kept: KeptValues, known: Known, inode: Pick<Inode, 'device' | 'kind'>, target: XattrTarget): Description {
  if (known.description === undefined) {
    const bytes = kept.peek(known.fileId, inode, target, descriptionKey);
    // other programs can write the attribute too, so bits that are never set are cleared
    const { attributes, ...times } = readDescription(isCode(bytes) ? undefined : bytes);
    known.description = { attributes: attributes === undefined ? undefined : (attributes & ~neverSet) >>> 0, ...times };
  }
  return known.description;
}

const unsigned64 = (1n << 64n) - 1n;

/** An id for an inode that is not on the root's device. The root's inodes do not use it, and it differs between devices. */
const foreignNumber = (device: Device, inode: bigint): bigint =>
  (1n << 63n) | ((inode * 0x9e3779b97f4a7c15n + device.number * 0xc2b2ae3d27d4eb4fn) & (unsigned64 >> 1n));

/** Returns the stat of the contract for an entry. @param rootDevice the root's device */
export function statOf(found: FileStat, device: Device, rootDevice: Device, fileId: string, description: Description): Stat {
  const kind = kindOf(found) ?? 'file';
  const isDirectory = kind === 'folder';
  const links = found.links;
  return {
    kind,
    fileId,
    id64: device === rootDevice ? found.inode : foreignNumber(device, found.inode),
    ...(device === rootDevice ? undefined : { idHigh: device.number }),
    size: isDirectory ? 0 : found.size,
    allocated: isDirectory ? 0 : dataBytes(found),
    links: isDirectory && links > 1 ? 1 : links,
    birth: description.birth ?? found.birth ?? earliest(found),
    modified: found.modified,
    changed: changedOf(found, description),
    accessed: found.accessed,
    ...(description.attributes === undefined ? undefined : { attributes: description.attributes }),
    mode: found.mode & 0o7777,
  };
}

/** The change time: the one that was set, until another change. */
function changedOf({ changed }: FileStat, { setChanged }: Description): bigint {
  if (setChanged === undefined) return changed;
  const since = changed - setChanged.host;
  return since >= 0n && since <= ticks ? setChanged.reported : changed;
}

/** Space of the data. The single block of an empty file holds its attributes, so it does not count. */
const dataBytes = ({ size, allocated, blockSize }: FileStat): number => (size === 0 && allocated <= blockSize ? 0 : allocated);

/** A lower estimate if the host has no time of birth: the file existed at the earlier of its other times. */
function earliest({ modified, changed }: FileStat): bigint {
  return modified < changed ? modified : changed;
}
