import { type FileStat, fileHandle, fileSystemStat } from '@ring3/linux';
import type { Known } from './known.ts';
import { PoolShare } from './pool-share.ts';

/** File systems in memory, which never block. uapi/linux/magic.h */
const inMemory: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]); // tmpfs, ramfs
/** Over a network or another program, so they may block: nfs, cifs, smb2, smb, fuse, 9p, ceph. */
const remote: ReadonlySet<number> = new Set([0x6969, 0xff534d42, 0xfe534d42, 0x517b, 0x65735546, 0x01021997, 0x00c36400]);

/** Maximum number of files per file system with cached information, about 20 MiB. */
const maxKnown = 65_536;

/** Thread pool shares by file system: the stores on one file system have one in common. */
const pools = new Map<string, PoolShare>();
function poolOf(key: string): PoolShare {
  const pool = pools.get(key) ?? new PoolShare();
  pools.set(key, pool);
  return pool;
}

/** One file system under the share. */
export class Device {
  /** Its identifier, as stable as the host's. */
  readonly id: string;
  readonly number: bigint;
  readonly inMemory: boolean;
  readonly remote: boolean;
  /** Its share of the thread pool. */
  readonly pool: PoolShare;
  /** Whether it has file handles (inode and generation). If not, inode and time of birth identify a file. */
  readonly hasHandles: boolean;
  /** Whether it stores `user.*` attributes; set to false after the first EOPNOTSUPP. */
  hasXattrs: boolean;
  /** Open inodes by number. The host does not reuse these numbers while they are open. */
  readonly inodes = new Map<bigint, { readonly fileId: string }>();
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

  /**
   * Returns the cached information about a file.
   * @param found its stat
   * @param dir the directory of `name`, or the file itself if `name` is empty
   */
  know(found: FileStat, dir: number, name: string | Uint8Array = ''): Known {
    const number = found.inode;
    const { changed, birth } = found;
    const before = this.#known.get(number);
    if (before !== undefined && before.changed === changed && before.birth === birth) return before;
    const fileId = this.inodes.get(number)?.fileId ?? this.#fileId(found, dir, name);
    const known: Known = { changed, birth, fileId, description: undefined, descriptor: undefined, xattrSizes: undefined };
    if (before === undefined && this.#known.size >= maxKnown) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(number, known);
    return known;
  }

  /** Invalidates the cached information, because the store changes the file. */
  forget(number: bigint): void {
    this.#known.delete(number);
  }

  /** The exact, permanent id of a file. */
  #fileId(found: FileStat, dir: number, name: string | Uint8Array): string {
    if (this.hasHandles) {
      const handle = fileHandle(dir, name);
      if (typeof handle !== 'number') return `${this.id}-${handle.toString('hex')}`;
    }
    return `${this.id}-${found.inode.toString(16)}-${(found.birth ?? 0n).toString(16)}`;
  }
}

/** The file systems of the entries opened so far. The share may contain mount points. */
export class Devices {
  readonly #known = new Map<number, Map<number, Device>>();
  readonly #hostAttributes: boolean;

  /** @param hostAttributes false stores everything in the sidecar */
  constructor(hostAttributes: boolean) {
    this.#hostAttributes = hostAttributes;
  }

  /** Removes the file systems without open inodes: another file system may have their numbers now. */
  forget(): void {
    for (const minors of this.#known.values()) for (const [minor, { inodes }] of minors) if (inodes.size === 0) minors.delete(minor);
  }

  /** The file system of an entry, if it is known. */
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
