import { type FileStat, fileHandle, fileSystemStat } from '@ring3/linux';
import type { Description } from './description.ts';
import type { Inode } from './inode.ts';
import { PoolShare } from './pool-share.ts';

/** uapi/linux/magic.h: file systems that live in memory, where nothing waits. */
const inMemory: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]); // tmpfs, ramfs
/** Those behind a network or another program, where everything may. */
const remote: ReadonlySet<number> = new Set([0x6969, 0xff534d42, 0xfe534d42, 0x517b, 0x65735546, 0x01021997, 0x00c36400]); // nfs, cifs, smb2, smb, fuse, 9p, ceph

/** Files that something is known about, of one file system: some 20 MiB. */
const mostKnown = 65_536;

/**
 * What was found out about a file, open or not. It holds as long as the host's change time stays, which moves with every change of attributes; the store's
 * own changes end it at once.
 */
export interface Known {
  readonly changed: bigint;
  readonly birth: bigint | undefined;
  readonly fileId: string;
  /** What the host keeps no field for, once it was read. */
  description: Description | undefined;
  /** The security descriptor, once it was read; null if it does not exist. */
  descriptor: Uint8Array | null | undefined;
}

/** The shares of the thread pool, by file system: stores on one file system have one. */
const pools = new Map<string, PoolShare>();
function poolOf(key: string): PoolShare {
  const pool = pools.get(key) ?? new PoolShare();
  pools.set(key, pool);
  return pool;
}

/** One file system under the share. */
export class Device {
  /** Its identifier, as stable as the host makes it. */
  readonly id: string;
  readonly number: bigint;
  readonly inMemory: boolean;
  readonly remote: boolean;
  /** Its share of the thread pool. */
  readonly pool: PoolShare;
  /** Whether it names its files exactly (inode and generation); where not, the time of birth stands in. */
  readonly hasHandles: boolean;
  /** Whether `user.*` attributes are kept; false once it was found that they are not. */
  hasXattrs: boolean;
  /** Inodes that are open, by number: none of these numbers can be given out again meanwhile. */
  readonly inodes = new Map<bigint, Inode>();
  readonly #known = new Map<bigint, Known>();

  constructor(key: string, fd: number, hostAttributes: boolean) {
    const found = fileSystemStat(fd);
    const type = typeof found === 'number' ? 0 : found.type;
    this.number = typeof found === 'number' ? 0n : found.id;
    this.id = this.number === 0n ? key : this.number.toString(16);
    this.inMemory = inMemory.has(type);
    this.remote = remote.has(type);
    this.pool = poolOf(key);
    this.hasHandles = typeof fileHandle(fd) !== 'number';
    this.hasXattrs = hostAttributes;
  }

  /** What is known about the file that a stat told of. @param dir with `name`, or the file itself with an empty one */
  know(found: FileStat, dir: number, name: string | Uint8Array = ''): Known {
    const number = found.inode;
    const { changed, birth } = found;
    const before = this.#known.get(number);
    if (before !== undefined && before.changed === changed && before.birth === birth) return before;
    const fileId = this.inodes.get(number)?.fileId ?? this.#fileId(found, dir, name);
    const known: Known = { changed, birth, fileId, description: undefined, descriptor: undefined };
    if (before === undefined && this.#known.size >= mostKnown) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(number, known);
    return known;
  }

  /** The store changes something about a file. */
  forget(number: bigint): void {
    this.#known.delete(number);
  }

  /** The exact and lasting name of a file. */
  #fileId(found: FileStat, dir: number, name: string | Uint8Array): string {
    if (this.hasHandles) {
      const handle = fileHandle(dir, name);
      if (typeof handle !== 'number') return `${this.id}-${handle.toString('hex')}`;
    }
    return `${this.id}-${found.inode.toString(16)}-${(found.birth ?? 0n).toString(16)}`;
  }
}

/** The file systems that were met. The share may hold mount points. */
export class Devices {
  readonly #known = new Map<number, Map<number, Device>>();
  readonly #hostAttributes: boolean;

  /** @param hostAttributes false keeps everything in the sidecar */
  constructor(hostAttributes: boolean) {
    this.#hostAttributes = hostAttributes;
  }

  /** Forgets the file systems that nothing is open on: another one may have their numbers by now. */
  forget(): void {
    for (const minors of this.#known.values()) for (const [minor, { inodes }] of minors) if (inodes.size === 0) minors.delete(minor);
  }

  /** The file system of an entry, if it was met before. */
  find(stat: FileStat): Device | undefined {
    return this.#known.get(stat.deviceMajor)?.get(stat.deviceMinor);
  }

  /** The file system of an entry. @param fd any descriptor that is on it */
  of(stat: FileStat, fd: number): Device {
    const known = this.find(stat);
    if (known !== undefined) return known;
    const device = new Device(`${stat.deviceMajor}:${stat.deviceMinor}`, fd, this.#hostAttributes);
    const minors = this.#known.get(stat.deviceMajor) ?? new Map<number, Device>();
    this.#known.set(stat.deviceMajor, minors.set(stat.deviceMinor, device));
    return device;
  }
}
