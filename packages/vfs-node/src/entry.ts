import { close, closeLater, type FileStat, type Name } from '@ring3/linux';
import { nameToBytes } from '@ring3/vfs';
import type { Device } from './device.ts';
import type { Inode } from './inode.ts';

/** A store's name as the host spells it: text where that is the same, else the bytes. */
export const hostName = (name: string): Name => (/[\uf080-\uf0ff]/.test(name) ? nameToBytes(name) : name);

/**
 * One name of one open inode. It holds the inode by a reference that opens nothing (`OpenFlag.Path`) and its folder by that one's entry, so a name is always
 * looked at relative to its folder, wherever that is by now.
 */
export class Entry {
  readonly inode: Inode;
  readonly fd: number;
  /** The folder; undefined for the root. */
  parent: Entry | undefined;
  name: string;
  host: Name;
  /** Whether this name was taken away. */
  gone = false;
  /** Entries in this folder that are open, by name. */
  readonly children = new Map<string, Entry>();
  /** The device of the share's root that it is below. */
  readonly home: Device;
  readonly #device: { readonly major: number; readonly minor: number };
  #references = 1;

  /** @param parent is held from now on */
  constructor(inode: Inode, fd: number, found: FileStat, parent: Entry | undefined, name: string, host: Name) {
    this.inode = inode.hold();
    this.fd = fd;
    this.#device = { major: found.deviceMajor, minor: found.deviceMinor };
    this.parent = parent?.hold();
    this.home = parent?.home ?? inode.device;
    this.name = name;
    this.host = host;
    parent?.children.set(name, this);
  }

  /** Whether a stat told of this very inode. */
  is(found: FileStat): boolean {
    return found.inode === this.inode.number && found.deviceMajor === this.#device.major && found.deviceMinor === this.#device.minor;
  }

  /** The root of the share that it is below. */
  get root(): Entry {
    let at: Entry = this;
    while (at.parent !== undefined) at = at.parent;
    return at;
  }

  /** Whether it is held: else its descriptor is closed. */
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
    if (this.inode.freesMuch) void this.inode.device.pool.run(() => closeLater(this.fd));
    else close(this.fd);
    this.inode.release();
  }

  /** Its folder no longer knows it by this name. */
  detach(): void {
    if (this.parent?.children.get(this.name) === this) this.parent.children.delete(this.name);
  }

  /** Its name was taken away. */
  vanish(): void {
    this.detach();
    this.gone = true;
  }

  /** It is elsewhere now. @param parent is held, the former folder let go */
  move(parent: Entry, name: string, host: Name): void {
    this.detach();
    const former = this.parent;
    this.parent = parent.hold();
    former?.release();
    this.name = name;
    this.host = host;
    this.gone = false;
    parent.children.set(name, this);
  }
}
