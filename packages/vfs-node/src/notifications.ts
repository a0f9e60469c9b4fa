import {
  addNotify,
  close,
  descriptorPath,
  Errno,
  FileStat,
  FolderReader,
  Notify,
  type NotifyEvent,
  OpenFlag,
  openAt,
  openNotify,
  Ready,
  readiness,
  readNotify,
  removeNotify,
  statAt,
  type Watch as Waiting,
} from '@ring3/linux';
import { type Change, type Kind, nameFromBytes, type StreamChange, type VfsCode, type Watch } from '@ring3/vfs';
import { type Entry, hostName } from './entry.ts';
import { errorCode } from './error-code.ts';
import { kindOf } from './inode.ts';

const wanted =
  Notify.Create |
  Notify.Delete |
  Notify.MovedFrom |
  Notify.MovedTo |
  Notify.Modify |
  Notify.Attributes |
  Notify.OnlyFolder |
  Notify.ExcludeUnlinked;
/** Folders that are watched at a time. */
const mostFolders = 65_536;

type Path = readonly string[];
const startsWith = (path: Path, start: Path): boolean => path.length >= start.length && start.every((name, i) => path[i] === name);

/** One client's watch. */
class Watcher implements Watch {
  readonly folder: Entry;
  readonly recursive: boolean;
  readonly listener: (change: Change) => void;
  readonly #owner: Notifications;
  #closed = false;

  constructor(owner: Notifications, folder: Entry, recursive: boolean, listener: (change: Change) => void) {
    this.#owner = owner;
    this.folder = folder.hold();
    this.recursive = recursive;
    this.listener = listener;
  }

  tell(change: Change): void {
    if (!this.#closed) this.listener(change);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#owner.forget(this);
    this.folder.release();
  }
}

/** Who watches one folder of the host, each by the path from its own folder. */
type Watchers = Map<Watcher, Path>;

/** The first half of a rename, which waits for the second. */
interface Leaving {
  readonly cookie: number;
  readonly watchers: Watchers;
  readonly name: string;
  readonly kind: Kind;
}

const found = new FileStat();

/** Changes below the share, whoever makes them: one inotify descriptor, waited for on the event loop, there while a client watches. */
export class Notifications {
  readonly #folders = new Map<number, Watchers>();
  readonly #watchers = new Set<Watcher>();
  readonly #buffer = Buffer.alloc(65_536);
  #fd = -1;
  #waiting: Waiting | undefined;
  #leaving: Leaving | undefined;

  /** Tells the changes in a folder, or below it, from now on. @returns the watch; or EMFILE where the host watches no more */
  watch(folder: Entry, recursive: boolean, listener: (change: Change) => void): Watch | VfsCode {
    const bad = this.#open();
    if (bad !== undefined) return bad;
    this.#drain(); // what happened before is not for this one
    const watcher = new Watcher(this, folder, recursive, listener);
    this.#watchers.add(watcher);
    const answer = this.#add(folder.fd, watcher, []);
    if (answer === 0) return watcher;
    watcher.close();
    return answer === -Errno.ENOSPC ? 'EMFILE' : errorCode(answer);
  }

  /** Ends a watch, and the host's watches that were for it alone. */
  forget(watcher: Watcher): void {
    for (const [number, watchers] of this.#folders) this.#drop(number, watchers, watcher);
    this.#watchers.delete(watcher);
    if (this.#watchers.size === 0) this.#end();
  }

  /** Reports a change of a named stream. inotify does not see it: this store keeps streams where no watch is. */
  changedStream(entry: Entry, what: StreamChange['what'], stream: string): void {
    if (this.#watchers.size === 0) return;
    this.#drain(); // what happened before comes first
    const { kind } = entry.inode;
    for (const watcher of [...this.#watchers]) {
      const path = pathBelow(watcher.folder, entry);
      if (path !== undefined && (watcher.recursive || path.length === 1)) watcher.tell({ what, kind, path, stream });
    }
  }

  /** Ends all watches. */
  close(): void {
    for (const watcher of [...this.#watchers]) watcher.close();
    this.#end();
  }

  #end(): void {
    this.#folders.clear();
    this.#leaving = undefined;
    this.#waiting?.close();
    this.#waiting = undefined;
    if (this.#fd >= 0) close(this.#fd);
    this.#fd = -1;
  }

  #open(): VfsCode | undefined {
    if (this.#fd >= 0) return undefined;
    const fd = openNotify();
    if (fd < 0) return errorCode(fd);
    const waiting = readiness.watch(fd, Ready.Readable, () => this.#drain());
    if (typeof waiting === 'number') {
      close(fd);
      return errorCode(waiting);
    }
    this.#fd = fd;
    this.#waiting = waiting.unref();
    return undefined;
  }

  /** Watches a folder for a watcher, and those below it where that is wanted. @returns 0 or a negative errno */
  #add(fd: number, watcher: Watcher, path: Path, each?: (path: Path, kind: Kind) => void): number {
    if (this.#folders.size >= mostFolders) return -Errno.ENOSPC;
    const number = addNotify(this.#fd, descriptorPath(fd), wanted);
    if (number < 0) return number;
    const watchers = this.#folders.get(number) ?? new Map<Watcher, Path>();
    this.#folders.set(number, watchers.set(watcher, path));
    return watcher.recursive ? this.#addBelow(fd, watcher, path, each) : 0;
  }

  /** Goes through a folder that is watched recursively. @param each is told what is in it */
  #addBelow(fd: number, watcher: Watcher, path: Path, each: ((path: Path, kind: Kind) => void) | undefined): number {
    const folder = openAt(fd, '.', OpenFlag.ReadOnly | OpenFlag.Directory);
    if (folder < 0) return 0; // gone meanwhile, or not to be read: nothing below can be told
    const reader = new FolderReader(folder);
    let failed = 0;
    while (failed === 0 && reader.next() === 1) {
      const host = Buffer.from(reader.name);
      if (statAt(folder, host, found) < 0) continue;
      const kind = kindOf(found);
      if (kind === undefined) continue;
      const below = [...path, nameFromBytes(host)];
      each?.(below, kind);
      if (kind === 'folder') failed = this.#addOne(folder, host, watcher, below, each);
    }
    close(folder);
    return failed;
  }

  #addOne(dir: number, host: Buffer, watcher: Watcher, path: Path, each: ((path: Path, kind: Kind) => void) | undefined): number {
    const fd = openAt(dir, host, OpenFlag.Path | OpenFlag.Directory | OpenFlag.NoFollow);
    if (fd < 0) return 0;
    const answer = this.#add(fd, watcher, path, each);
    close(fd);
    return answer === -Errno.EACCES || answer === -Errno.ENOENT ? 0 : answer;
  }

  #drop(number: number, watchers: Watchers, watcher: Watcher): void {
    watchers.delete(watcher);
    if (watchers.size > 0) return;
    this.#folders.delete(number);
    if (this.#fd >= 0) removeNotify(this.#fd, number);
  }

  /** Tells what waits; what is left after some rounds, in the next turn. */
  #drain(): void {
    for (let rounds = 0; rounds < 8 && this.#fd >= 0; rounds++) {
      const events = readNotify(this.#fd, this.#buffer);
      if (typeof events === 'number') {
        this.#left();
        return;
      }
      for (const event of events) if (this.#fd >= 0) this.#tell(event);
    }
  }

  #tell(event: NotifyEvent): void {
    const { events, cookie } = event;
    if ((events & Notify.MovedTo) === 0 || cookie !== this.#leaving?.cookie) this.#left();
    if ((events & Notify.Overflow) !== 0) for (const watcher of [...this.#watchers]) watcher.tell({ what: 'overflow' });
    if ((events & Notify.Ignored) !== 0) this.#folders.delete(event.watch);
    const watchers = this.#folders.get(event.watch);
    if (watchers === undefined || event.name.length === 0) return; // of the folder itself its own folder tells
    const name = nameFromBytes(event.name);
    const isFolder = (events & Notify.IsFolder) !== 0;
    if ((events & (Notify.Create | Notify.MovedTo)) !== 0) {
      const kind = isFolder ? 'folder' : this.#kindOf(watchers, name);
      if (kind === undefined) this.#left();
      else if ((events & Notify.Create) !== 0) this.#came(watchers, name, kind, true);
      else this.#arrived(watchers, name, kind);
      return;
    }
    const kind = isFolder ? 'folder' : 'file';
    if ((events & Notify.MovedFrom) !== 0) this.#leaving = { cookie, watchers: new Map(watchers), name, kind };
    else {
      const what = (events & Notify.Delete) !== 0 ? 'removed' : (events & Notify.Modify) !== 0 ? 'data' : 'description';
      for (const [watcher, path] of [...watchers]) watcher.tell({ what, kind, path: [...path, name] });
    }
  }

  /** The second half of a rename. */
  #arrived(watchers: Watchers, name: string, kind: Kind): void {
    const leaving = this.#leaving;
    this.#leaving = undefined;
    const fresh: Watchers = new Map(watchers);
    for (const [watcher, path] of leaving?.watchers ?? []) {
      const from = [...path, leaving!.name];
      const folder = watchers.get(watcher);
      if (folder === undefined) this.#gone(watcher, from, kind);
      else {
        fresh.delete(watcher);
        const to = [...folder, name];
        if (kind === 'folder') this.#respell(watcher, from, to);
        watcher.tell({ what: 'renamed', kind, path: to, from });
      }
    }
    this.#came(fresh, name, kind, false);
  }

  /** A rename whose second half did not come: it went where nobody watches. */
  #left(): void {
    const leaving = this.#leaving;
    this.#leaving = undefined;
    for (const [watcher, path] of leaving?.watchers ?? []) this.#gone(watcher, [...path, leaving!.name], leaving!.kind);
  }

  /** Something moved out of sight. */
  #gone(watcher: Watcher, path: Path, kind: Kind): void {
    if (kind === 'folder') {
      for (const [number, watchers] of this.#folders) {
        const below = watchers.get(watcher);
        if (below !== undefined && startsWith(below, path)) this.#drop(number, watchers, watcher);
      }
    }
    watcher.tell({ what: 'removed', kind, path });
  }

  /** The folders that a watcher knows below one path are below another now. */
  #respell(watcher: Watcher, from: Path, to: Path): void {
    for (const watchers of this.#folders.values()) {
      const path = watchers.get(watcher);
      if (path !== undefined && startsWith(path, from)) watchers.set(watcher, [...to, ...path.slice(from.length)]);
    }
  }

  /**
   * Something is there that was not.
   * @param isNew what is in a new folder is new as well; what is in one that was moved here is not
   */
  #came(watchers: Watchers, name: string, kind: Kind, isNew: boolean): void {
    for (const [watcher, folder] of [...watchers]) {
      const path = [...folder, name];
      watcher.tell({ what: 'added', kind, path });
      if (kind !== 'folder' || !watcher.recursive || this.#fd < 0) continue;
      const dir = openPath(watcher.folder.fd, folder);
      if (dir < 0) continue;
      // what was made before the watch was there would else never be told; what is made meanwhile may be told twice
      const each = isNew ? (below: Path, belowKind: Kind) => watcher.tell({ what: 'added', kind: belowKind, path: below }) : undefined;
      const answer = this.#addOne(dir, Buffer.from(hostName(name)), watcher, path, each);
      close(dir);
      if (answer < 0) watcher.tell({ what: 'overflow' });
    }
  }

  /** What a new name leads to, if it is anything that is served. */
  #kindOf(watchers: Watchers, name: string): Kind | undefined {
    for (const [watcher, path] of watchers) {
      const dir = openPath(watcher.folder.fd, path);
      if (dir < 0) continue;
      const answer = statAt(dir, hostName(name), found);
      close(dir);
      return answer < 0 ? 'file' : kindOf(found); // gone again: most entries are files
    }
    return 'file';
  }
}

/** The path of an entry below a directory; undefined if it is not below it. */
function pathBelow(folder: Entry, entry: Entry): Path | undefined {
  const path: string[] = [];
  for (let at = entry; at.parent !== undefined; at = at.parent) {
    path.unshift(at.name);
    if (at.parent.inode === folder.inode) return path;
  }
  return undefined;
}

/** A reference to a folder, walked to without following a link. @returns the descriptor or a negative errno */
function openPath(from: number, path: Path): number {
  let fd = openAt(from, '.', OpenFlag.Path | OpenFlag.Directory);
  for (const name of path) {
    if (fd < 0) return fd;
    const next = openAt(fd, hostName(name), OpenFlag.Path | OpenFlag.Directory | OpenFlag.NoFollow);
    close(fd);
    fd = next;
  }
  return fd;
}
