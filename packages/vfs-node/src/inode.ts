import { close, Errno, type FileStat, lockRecord, type Name, OpenFlag, openAt, RecordLock, reopen, stat } from '@ring3/linux';
import type { Kind, LockKind } from '@ring3/vfs';
import { trimData } from './data.ts';
import { Descriptor } from './descriptor.ts';
import type { Device } from './device.ts';
import type { OwnChanges } from './own-changes.ts';
import { scratch } from './scratch.ts';

const maxOffset = 2n ** 63n - 1n;
/** Above this size, releasing the space of an unlinked file takes long. */
const largeFile = 64 * 2 ** 20;

/** A name by which the data of an inode is opened. */
interface NameOfInode {
  /** A reference to the inode, `OpenFlag.Path`. */
  readonly fd: number;
  /** The directory of the name. */
  readonly parent: { readonly fd: number } | undefined;
  readonly host: Name;
  readonly isUnlinked: boolean;
  /** Whether a stat is of this inode. */
  is(found: FileStat): boolean;
}

/** One open file, directory or link of the host, with any number of names. All its handles share it. */
export class Inode {
  readonly device: Device;
  readonly number: bigint;
  readonly kind: Kind;
  readonly fileId: string;
  /** Called when a file without names is closed; until then it keeps its streams and values. */
  onLastClose: (() => void) | undefined;
  /** Of a directory in which changes of others are watched: the store's own changes. */
  ownChanges: OwnChanges | undefined;
  /** Whether space was reserved beyond its end. */
  reserved = false;
  /** Whether the last close releases much space. */
  closesSlowly = false;
  #entries = 0;
  #reading: Descriptor | undefined;
  #writing: Descriptor | undefined;
  /** The open file that holds the locks. Closing it releases them. */
  #locking: { readonly fd: number; readonly writable: boolean } | undefined;

  constructor(device: Device, found: FileStat, kind: Kind, fileId: string) {
    this.device = device;
    this.number = found.inode;
    this.kind = kind;
    this.fileId = fileId;
    device.inodes.set(this.number, this);
  }

  /** The open inode of a number; undefined if it is not open. */
  static opened({ inodes }: Device, number: bigint): Inode | undefined {
    const found = inodes.get(number);
    return found instanceof Inode ? found : undefined;
  }

  hold(): this {
    this.#entries++;
    return this;
  }

  release(): void {
    if (--this.#entries > 0) return;
    if (this.#locking !== undefined) close(this.#locking.fd);
    this.#locking = undefined;
    this.device.inodes.delete(this.number);
    this.onLastClose?.();
  }

  /** Whether its last name was removed. */
  get isUnlinked(): boolean {
    return this.onLastClose !== undefined;
  }

  /** Records that its last name was removed. */
  markUnlinked(found: FileStat, onLastClose: () => void): void {
    this.onLastClose = onLastClose;
    this.closesSlowly = found.size > largeFile;
  }

  /**
   * Opens its data. Callers that need the same access share one open file.
   * @returns the file, held for the caller; or a negative errno
   */
  open(entry: NameOfInode, writing: boolean): Descriptor | number {
    const shared = writing || this.#writing?.readable === true ? this.#writing : this.#reading;
    if (shared !== undefined) return shared.hold();
    let fd = this.#openSame(entry, writing ? OpenFlag.ReadWrite : OpenFlag.ReadOnly);
    let readable = true;
    if (fd === -Errno.EACCES && writing) {
      readable = false;
      fd = this.#openSame(entry, OpenFlag.WriteOnly);
    }
    return fd < 0 ? fd : this.#share(fd, writing, readable);
  }

  /**
   * Locks a range of its bytes against other programs. If the file is not writable, the lock is shared.
   * @returns 0 or a negative errno
   */
  lock(entry: NameOfInode, offset: bigint, length: bigint, how: LockKind): number {
    if (this.#locking === undefined) {
      let fd = this.#openSame(entry, OpenFlag.ReadWrite);
      const writable = fd >= 0;
      if (!writable) fd = this.#openSame(entry, OpenFlag.ReadOnly);
      if (fd < 0) return fd;
      this.#locking = { fd, writable };
    }
    const { fd, writable } = this.#locking;
    const kind = how === 'none' ? RecordLock.Unlock : how === 'exclusive' && writable ? RecordLock.Write : RecordLock.Read;
    return lockRecord(fd, kind, offset, offset + length > maxOffset ? 0n : length);
  }

  /**
   * Adopts an open file of its data that was opened for reading and writing at creation.
   * @returns the file, held for the caller
   */
  adopt(fd: number): Descriptor {
    return this.#share(fd, true, true);
  }

  #share(fd: number, writing: boolean, readable: boolean): Descriptor {
    const descriptor = new Descriptor(fd, readable, this.device.pool, () => {
      if (this.#writing === descriptor) {
        this.#writing = undefined;
        if (this.reserved && !this.isUnlinked) trimData(fd);
        this.reserved = false;
      }
      if (this.#reading === descriptor) this.#reading = undefined;
      return this.closesSlowly;
    });
    if (writing) this.#writing = descriptor;
    else this.#reading = descriptor;
    return descriptor;
  }

  /** Opens by name, which is faster, if the name still leads to this inode; otherwise by the entry's reference. Never blocks on a FIFO. */
  #openSame(entry: NameOfInode, flags: number): number {
    const quiet = flags | OpenFlag.NonBlock | OpenFlag.NoTerminal;
    if (entry.parent !== undefined && !entry.isUnlinked) {
      const named = openAt(entry.parent.fd, entry.host, quiet | OpenFlag.NoFollow);
      if (named >= 0) {
        if (stat(named, scratch) === 0 && entry.is(scratch)) return named;
        close(named);
      }
    }
    return reopen(entry.fd, quiet);
  }
}
