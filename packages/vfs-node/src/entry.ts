import { close, closeLater, type FileStat, type Name } from '@ring3/linux';
import { hasOwnBytes, nameToBytes } from '@ring3/vfs';
import type { Device } from './device.ts';
import type { Inode } from './inode.ts';

/** A store's name in the spelling of the host: text if that is the same, otherwise bytes. */
export const hostName = (name: string): Name => (hasOwnBytes(name) ? nameToBytes(name) : name);

/**
 * One name of one open inode. It refers to the inode by an `OpenFlag.Path` descriptor and to its directory by that directory's entry, so
 * the name is resolved relative to the directory, even after a move.
 */
export class Entry {
  readonly inode: Inode;
  readonly fd: number;
  /** The directory; undefined for the root. */
  parent: Entry | undefined;
  name: string;
  host: Name;
  /** Whether this name was removed. */
  isUnlinked = false;
  /** Open entries in this directory, by name. */
  readonly children = new Map<string, Entry>();
  /** The device of the share's root above it. */
  readonly rootDevice: Device;
  readonly #device: { readonly major: number; readonly minor: number };
  #references = 1;

  /** @param parent the new entry holds it */
  constructor(inode: Inode, fd: number, found: FileStat, parent: Entry | undefined, name: string, host: Name) {
    this.inode = inode.hold();
    this.fd = fd;
    this.#device = { major: found.deviceMajor, minor: found.deviceMinor };
    this.parent = parent?.hold();
    this.rootDevice = parent?.rootDevice ?? inode.device;
    this.name = name;
    this.host = host;
    parent?.children.set(name, this);
  }

  /** Whether a stat is of this inode. */
  is(found: FileStat): boolean {
    return found.inode === this.inode.number && found.deviceMajor === this.#device.major && found.deviceMinor === this.#device.minor;
  }

  /** The share's root above it. */
  get root(): Entry {
    let at: Entry = this;
    while (at.parent !== undefined) at = at.parent;
    return at;
  }

  /** Whether it has references. If not, its descriptor is closed. */
  get isOpen(): boolean {
    return this.#references > 0;
  }

  hold(): this {
    this.#references++;
    return this;
  }

  release(): void {
    if (--this.#references > 0) return;
    this.detach();
    this.parent?.release();
    if (this.inode.closesSlowly) void this.inode.device.pool.run(() => closeLater(this.fd));
    else close(this.fd);
    this.inode.release();
  }

  /** Removes it from the children of its directory. */
  detach(): void {
    if (this.parent?.children.get(this.name) === this) this.parent.children.delete(this.name);
  }

  /** Records that its name was removed. */
  markUnlinked(): void {
    this.detach();
    this.isUnlinked = true;
  }

  /** Records that it was moved. It holds the new parent and releases the former one. */
  move(parent: Entry, name: string, host: Name): void {
    this.detach();
    const former = this.parent;
    this.parent = parent.hold();
    former?.release();
    this.name = name;
    this.host = host;
    this.isUnlinked = false;
    parent.children.set(name, this);
  }
}
