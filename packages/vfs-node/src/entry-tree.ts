import { andThen, isPromise, type MaybePromise } from '@ring3/kit';
import { close, currentFolder, descriptorPath, Errno, OpenFlag, openAt, readLink, stat, statAt } from '@ring3/linux';
import { checkName, isCode, nameFromBytes, type VfsCode } from '@ring3/vfs';
import { Devices } from './device.ts';
import { Entry, hostName } from './entry.ts';
import { errorCode } from './error-code.ts';
import { FoldedNames } from './folded-names.ts';
import { Inode } from './inode.ts';
import { kindOf } from './kind-of.ts';
import { scratch } from './scratch.ts';

const maxLinks = 40;
const slash = 0x2f;

/**
 * The open entries below the share's root. Every step resolves one component relative to the descriptor of its directory and follows no
 * link of the host, so no name, link or race leads out of the share. The store reads and resolves links itself; `..` leads to the parent
 * entry, never above the root.
 */
export class EntryTree {
  readonly #directory: string;
  readonly #isAllowed: (directory: string) => boolean;
  /** The last opened root. Only handles hold it, so that an unused disk can be unmounted. */
  #root: Entry | undefined;
  readonly devices: Devices;
  readonly names = new FoldedNames();

  /** @param isAllowed whether a directory may be the root; called when the path leads to a different directory than before */
  constructor(directory: string, hostAttributes: boolean, isAllowed: (directory: string) => boolean) {
    this.#directory = directory;
    this.#isAllowed = isAllowed;
    this.devices = new Devices(hostAttributes);
  }

  /**
   * Opens the share's root: the directory to which its path leads now. Another program may have replaced it, mounted a file system over it,
   * or removed it. Open entries stay below the root under which they were opened.
   * @returns the root, held for the caller; or a negative errno
   */
  openRoot(): Entry | number {
    const fd = openAt(currentFolder, this.#directory, OpenFlag.Path | OpenFlag.Directory);
    if (fd < 0) return fd;
    const answer = stat(fd, scratch);
    const isSame = answer === 0 && this.#root?.is(scratch) === true;
    if (isSame && this.#root?.isOpen === true) {
      close(fd);
      return this.#root.hold();
    }
    if (answer < 0 || !this.#isAllowed(this.#directory)) {
      close(fd);
      return answer < 0 ? answer : -Errno.EACCES;
    }
    if (!isSame) this.devices.forget();
    this.#root = new Entry(this.#inode(fd)!, fd, scratch, undefined, '', '');
    return this.#root;
  }

  /**
   * Opens an entry by its exact name on the host.
   * @returns the entry, held for the caller; or a negative errno (`-EACCES` for a kind that is never served)
   */
  child(directory: Entry, name: string): Entry | number {
    const known = directory.children.get(name);
    if (known !== undefined) {
      const answer = statAt(directory.fd, known.host, scratch);
      if (answer === 0 && known.is(scratch)) return known.hold();
      known.detach(); // another program put a different entry there
      if (answer < 0) return answer;
    }
    const host = hostName(name);
    const fd = openAt(directory.fd, host, OpenFlag.Path | OpenFlag.NoFollow);
    if (fd < 0) return fd;
    const answer = stat(fd, scratch);
    const inode = answer < 0 ? undefined : this.#inode(fd);
    if (inode !== undefined) return new Entry(inode, fd, scratch, directory, typeof host === 'string' ? name : nameFromBytes(host), host);
    close(fd);
    return answer < 0 ? answer : -Errno.EACCES;
  }

  /** Opens an entry by its name, in any case. @returns the entry, held for the caller; or a code */
  find(directory: Entry, name: string): MaybePromise<Entry | VfsCode> {
    const exact = this.child(directory, name);
    if (typeof exact !== 'number') return exact;
    if (exact !== -Errno.ENOENT) return errorCode(exact);
    return andThen(this.names.lookup(directory, name), (spelling) => {
      if (spelling === undefined) return 'ENOENT';
      const found = this.child(directory, spelling);
      return typeof found === 'number' ? errorCode(found) : found;
    });
  }

  /** Resolves a link to its final target. @returns the entry, held for the caller; or a code: EACCES if it leads out of the share */
  follow(link: Entry): MaybePromise<Entry | VfsCode> {
    const directory = this.#directoryOf(link);
    if (isCode(directory)) return directory;
    const rest: string[] = [];
    const bad = pushTarget(link, rest);
    if (bad === undefined) return this.#walk(directory, rest, { links: 1 });
    directory.release();
    return bad;
  }

  /**
   * Updates the directory and name of an entry if another program renamed it.
   * @returns whether it is below the root
   */
  locate(entry: Entry): boolean {
    if (entry.parent === undefined) return true;
    if (statAt(entry.parent.fd, entry.host, scratch) === 0 && entry.is(scratch)) return true;
    return this.#relocate(entry);
  }

  /** The names from the root to a directory, as the host reports them; undefined if it was removed or moved out of the share. */
  pathOf(directory: Entry): string[] | undefined {
    const names = namesBelow(directory.root, directory);
    return names?.at(-1)?.endsWith(deleted) === true ? undefined : names;
  }

  /** Resolves the remaining components from `at`, which it releases. */
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

  /** Resolves one component of a link's target from `at`, which it releases. */
  #step(at: Entry, name: string, rest: string[], count: { links: number }): MaybePromise<Entry | VfsCode> {
    if (at.inode.kind !== 'folder') {
      at.release();
      return 'ENOTDIR';
    }
    if (name === '..') {
      const up = this.#directoryOf(at);
      at.release();
      return up;
    }
    return andThen(checkName(name) ?? this.find(at, name), (found) => {
      if (isCode(found) || found.inode.kind !== 'link') {
        at.release();
        return found;
      }
      const bad = ++count.links > maxLinks ? 'ELOOP' : pushTarget(found, rest);
      found.release();
      if (bad === undefined) return at;
      at.release();
      return bad;
    });
  }

  /** The current directory of an entry, held. EACCES if it is outside the share. */
  #directoryOf(entry: Entry): Entry | VfsCode {
    if (entry.parent === undefined) return 'EACCES';
    if (entry.inode.kind !== 'folder') return this.locate(entry) ? entry.parent.hold() : 'ENOENT';
    const isInParent = (): boolean => statAt(entry.fd, '..', scratch) === 0 && entry.parent!.is(scratch);
    return isInParent() || (this.#relocate(entry) && isInParent()) ? entry.parent.hold() : 'EACCES';
  }

  /** Finds an entry that another program moved, by the path that the host reports. */
  #relocate(entry: Entry): boolean {
    const { root: base } = entry;
    const names = namesBelow(base, entry);
    if (names === undefined || names.length === 0) return false;
    let directory = base.hold();
    for (const name of names.slice(0, -1)) {
      const next = this.child(directory, name);
      directory.release();
      if (typeof next === 'number') return false;
      directory = next;
    }
    const name = names.at(-1)!;
    const host = hostName(name);
    const found = statAt(directory.fd, host, scratch) === 0 && entry.is(scratch);
    if (found) entry.move(directory, name, host);
    directory.release();
    return found;
  }

  /** The inode of `scratch` and `fd`; undefined for a kind that is never served. */
  #inode(fd: number): Inode | undefined {
    const kind = kindOf(scratch);
    if (kind === undefined) return undefined;
    const device = this.devices.of(scratch, fd);
    return Inode.opened(device, scratch.inode) ?? new Inode(device, scratch, kind, device.know(scratch, fd).fileId);
  }
}

/** What the kernel appends to the path of a removed directory. proc_pid_fd(5) */
const deleted = ' (deleted)';

/** The names from the root to an entry, as the host reports them; undefined if it is not below it. */
function namesBelow(base: Entry, entry: Entry): string[] | undefined {
  const root = readLink(currentFolder, descriptorPath(base.fd));
  const path = readLink(currentFolder, descriptorPath(entry.fd));
  if (typeof root === 'number' || typeof path === 'number') return undefined;
  if (path.equals(root)) return [];
  const start = root.length === 1 ? 0 : root.length; // the host's root is `/`
  if (path.length <= start + 1 || path[start] !== slash || !path.subarray(0, start).equals(root.subarray(0, start))) return undefined;
  return path
    .toString('latin1', start + 1)
    .split('/')
    .map((name) => nameFromBytes(Buffer.from(name, 'latin1')));
}

/** Adds the components of a link's target before the remaining ones. */
function pushTarget(link: Entry, rest: string[]): VfsCode | undefined {
  const target = readLink(link.fd, '');
  if (typeof target === 'number') return errorCode(target);
  if (target[0] === slash) return 'EACCES';
  const parts = target.toString('latin1').split('/');
  rest.push(...parts.map((part) => nameFromBytes(Buffer.from(part, 'latin1'))).reverse());
  return undefined;
}
