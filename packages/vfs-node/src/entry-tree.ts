import { andThen, isPromise, type MaybePromise } from '@ring3/kit';
import { close, currentFolder, descriptorPath, Errno, OpenFlag, openAt, readLink, stat, statAt } from '@ring3/linux';
import { checkName, isCode, nameFromBytes, type VfsCode } from '@ring3/vfs';
import { Devices } from './device.ts';
import { Entry, hostName } from './entry.ts';
import { errorCode } from './error-code.ts';
import { FoldedNames } from './folded-names.ts';
import { Inode, kindOf } from './inode.ts';
import { scratch } from './scratch.ts';

const mostLinks = 40;
const slash = 0x2f;

/**
 * The open entries below the share's root. Every step is one component, relative to the descriptor of its folder, and follows no link of the host: so no name,
 * no link and no race leads out. Links are read and walked here; `..` goes to the folder that is held, never above the root.
 */
export class EntryTree {
  readonly #folder: string;
  readonly #mayBe: (folder: string) => boolean;
  /** The root that was opened last. Only handles hold it: a disk that no client uses can be unmounted. */
  #root: Entry | undefined;
  readonly devices: Devices;
  readonly names = new FoldedNames();

  /** @param mayBe whether a directory may be the root: asked when the path leads to another one than before */
  constructor(folder: string, hostAttributes: boolean, mayBe: (folder: string) => boolean) {
    this.#folder = folder;
    this.#mayBe = mayBe;
    this.devices = new Devices(hostAttributes);
  }

  /**
   * The share's root: the directory that its path leads to now. Another program may have replaced it, mounted a file system over it, or removed it; entries that
   * are open stay below the root that they were opened under.
   * @returns it, held for the caller; or a negative errno
   */
  openRoot(): Entry | number {
    const fd = openAt(currentFolder, this.#folder, OpenFlag.Path | OpenFlag.Directory);
    if (fd < 0) return fd;
    const answer = stat(fd, scratch);
    const isSame = answer === 0 && this.#root?.is(scratch) === true;
    if (isSame && this.#root?.isOpen === true) {
      close(fd);
      return this.#root.hold();
    }
    if (answer < 0 || !this.#mayBe(this.#folder)) {
      close(fd);
      return answer < 0 ? answer : -Errno.EACCES;
    }
    if (!isSame) this.devices.forget();
    this.#root = new Entry(this.#inode(fd)!, fd, scratch, undefined, '', '');
    return this.#root;
  }

  /**
   * An entry by the very name that the host has.
   * @returns it, held for the caller; or a negative errno (`-EACCES` for what is never served)
   */
  child(folder: Entry, name: string): Entry | number {
    const known = folder.children.get(name);
    if (known !== undefined) {
      const answer = statAt(folder.fd, known.host, scratch);
      if (answer === 0 && known.is(scratch)) return known.hold();
      known.detach(); // another program put something else there
      if (answer < 0) return answer;
    }
    const host = hostName(name);
    const fd = openAt(folder.fd, host, OpenFlag.Path | OpenFlag.NoFollow);
    if (fd < 0) return fd;
    const answer = stat(fd, scratch);
    const inode = answer < 0 ? undefined : this.#inode(fd);
    if (inode !== undefined) return new Entry(inode, fd, scratch, folder, typeof host === 'string' ? name : nameFromBytes(host), host);
    close(fd);
    return answer < 0 ? answer : -Errno.EACCES;
  }

  /** An entry by its name, in any case. @returns it, held for the caller; or a code */
  find(folder: Entry, name: string): MaybePromise<Entry | VfsCode> {
    const exact = this.child(folder, name);
    if (typeof exact !== 'number') return exact;
    if (exact !== -Errno.ENOENT) return errorCode(exact);
    return andThen(this.names.lookup(folder, name), (spelling) => {
      if (spelling === undefined) return 'ENOENT';
      const found = this.child(folder, spelling);
      return typeof found === 'number' ? errorCode(found) : found;
    });
  }

  /** Where a link leads in the end. @returns the entry, held for the caller; or a code: EACCES where it leads out of the share */
  follow(link: Entry): MaybePromise<Entry | VfsCode> {
    const folder = this.#folderOf(link);
    if (isCode(folder)) return folder;
    const rest: string[] = [];
    const bad = pushTarget(link, rest);
    if (bad === undefined) return this.#walk(folder, rest, { links: 1 });
    folder.release();
    return bad;
  }

  /**
   * Makes sure that an entry's folder and name are where it is; another program may have renamed it.
   * @returns whether it is anywhere below the root
   */
  locate(entry: Entry): boolean {
    if (entry.parent === undefined) return true;
    if (statAt(entry.parent.fd, entry.host, scratch) === 0 && entry.is(scratch)) return true;
    return this.#relocate(entry);
  }

  /** Walks on from `at`, which it lets go of. */
  #walk(at: Entry, rest: string[], count: { links: number }): MaybePromise<Entry | VfsCode> {
    for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
      if (name === '' || name === '.') continue;
      const step = this.#step(at, name, rest, count);
      if (isPromise(step)) return step.then((next) => (isCode(next) ? next : this.#walk(next, rest, count)));
      if (isCode(step)) return step;
      at = step;
    }
    return at;
  }

  /** One component of a link's target: from `at`, which it lets go of, to the next. */
  #step(at: Entry, name: string, rest: string[], count: { links: number }): MaybePromise<Entry | VfsCode> {
    if (at.inode.kind !== 'folder') {
      at.release();
      return 'ENOTDIR';
    }
    if (name === '..') {
      const up = this.#folderOf(at);
      at.release();
      return up;
    }
    return andThen(checkName(name) ?? this.find(at, name), (found) => {
      if (isCode(found) || found.inode.kind !== 'link') {
        at.release();
        return found;
      }
      const bad = ++count.links > mostLinks ? 'ELOOP' : pushTarget(found, rest);
      found.release();
      if (bad === undefined) return at;
      at.release();
      return bad;
    });
  }

  /** The folder that an entry is in now, held. EACCES where that is outside. */
  #folderOf(entry: Entry): Entry | VfsCode {
    if (entry.parent === undefined) return 'EACCES';
    if (entry.inode.kind !== 'folder') return this.locate(entry) ? entry.parent.hold() : 'ENOENT';
    const above = (): boolean => statAt(entry.fd, '..', scratch) === 0 && entry.parent!.is(scratch);
    return above() || (this.#relocate(entry) && above()) ? entry.parent.hold() : 'EACCES';
  }

  /** Finds where another program put an entry, by the path that the host knows. */
  #relocate(entry: Entry): boolean {
    const { root: base } = entry;
    const root = readLink(currentFolder, descriptorPath(base.fd));
    const path = readLink(currentFolder, descriptorPath(entry.fd));
    if (typeof root === 'number' || typeof path === 'number') return false;
    const start = root.length === 1 ? 0 : root.length; // the root of the host is `/`
    if (path.length <= start + 1 || path[start] !== slash || !path.subarray(0, start).equals(root.subarray(0, start))) return false;
    const names = path
      .toString('latin1', start + 1)
      .split('/')
      .map((name) => nameFromBytes(Buffer.from(name, 'latin1')));
    let folder = base.hold();
    for (const name of names.slice(0, -1)) {
      const next = this.child(folder, name);
      folder.release();
      if (typeof next === 'number') return false;
      folder = next;
    }
    const name = names.at(-1)!;
    const host = hostName(name);
    const found = statAt(folder.fd, host, scratch) === 0 && entry.is(scratch);
    if (found) entry.move(folder, name, host);
    folder.release();
    return found;
  }

  /** The inode that `scratch` and `fd` are of; undefined for what is never served. */
  #inode(fd: number): Inode | undefined {
    const kind = kindOf(scratch);
    if (kind === undefined) return undefined;
    const device = this.devices.of(scratch, fd);
    return device.inodes.get(scratch.inode) ?? new Inode(device, scratch, kind, device.know(scratch, fd).fileId);
  }
}

/** Puts where a link leads before what is left to walk. */
function pushTarget(link: Entry, rest: string[]): VfsCode | undefined {
  const target = readLink(link.fd, '');
  if (typeof target === 'number') return errorCode(target);
  if (target[0] === slash) return 'EACCES';
  const parts = target.toString('latin1').split('/');
  rest.push(...parts.map((part) => nameFromBytes(Buffer.from(part, 'latin1'))).reverse());
  return undefined;
}
