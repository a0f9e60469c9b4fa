import { andThen, type MaybePromise } from '@ring3/kit';
import {
  addNotify,
  close,
  closeLater,
  descriptorPath,
  Errno,
  FileStat,
  Notify,
  type NotifyEvent,
  openNotify,
  Ready,
  readiness,
  readNotify,
  removeNotify,
  statAt,
  type Watch as Waiting,
} from '@ring3/linux';
import { type Answer, type Change, type Kind, nameFromBytes, type StreamChange, type VfsCode, type Watch } from '@ring3/vfs';
import { type Entry, hostName } from './entry.ts';
import { errorCode } from './error-code.ts';
import { type Path, reopened, type WalkVisitor, walkFolders } from './folder-walk.ts';
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
/** Directories that are watched at a time. */
const maxFolders = 65_536;
/** Names in the paths of all watched directories, over all watches: some 32 MiB. */
const maxNames = 4_194_304;
/** How long a turn of the event loop registers or releases directories, ms; and how many steps pass between two looks at the clock. */
const turnMs = 2;
const stepsAtOnce = 16;
/** Buffers of changes that are reported at a time. */
const maxRounds = 64;
/** How often a registration starts again because a directory was renamed meanwhile. */
const maxRestarts = 3;

const startsWith = (path: Path, start: Path): boolean => path.length >= start.length && start.every((name, i) => path[i] === name);

/** One client's watch. */
class Watcher implements Watch {
  readonly folder: Entry;
  readonly recursive: boolean;
  readonly listener: (change: Change) => void;
  /** Directories were renamed while those below were being registered. */
  disturbed = false;
  readonly #owner: Notifications;
  #closed = false;

  constructor(owner: Notifications, folder: Entry, recursive: boolean, listener: (change: Change) => void) {
    this.#owner = owner;
    this.folder = folder.hold();
    this.recursive = recursive;
    this.listener = listener;
  }

  get closed(): boolean {
    return this.#closed;
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

/** Work that is done in pieces: it yields between them and returns 0 or a negative errno. */
type Job = Generator<undefined, number, undefined>;

/** Works until a time. @returns what the job returned; undefined if there is more */
function advance(job: Job, until: number): number | undefined {
  do {
    for (let steps = 0; steps < stepsAtOnce; steps++) {
      const { done, value } = job.next();
      if (done === true) return value;
    }
  } while (performance.now() < until);
  return undefined;
}

/** Names that a registration holds. */
const nameCount = (path: Path | undefined): number => (path === undefined ? 0 : path.length + 1);

const found = new FileStat();

/** Changes below the share, whoever makes them: one inotify descriptor, waited for on the event loop, there while a client watches. */
export class Notifications {
  readonly #folders = new Map<number, Watchers>();
  readonly #watchers = new Set<Watcher>();
  readonly #buffer = Buffer.alloc(8192);
  #fd = -1;
  #waiting: Waiting | undefined;
  #leaving: Leaving | undefined;
  /** Names in all paths of `#folders`. */
  #names = 0;
  /** Work that has begun and waits for its next turn, each with what is called at its end. */
  #scheduled = false;
  readonly #jobs = new Map<Job, (answer: number) => void>();

  /**
   * Reports the changes in a directory, or below it, from now on. Directories below are registered in pieces, between other work.
   * @returns the watch; or EMFILE if the host, or this store, watches no more
   */
  watch(folder: Entry, recursive: boolean, listener: (change: Change) => void): Answer<Watch> {
    const bad = this.#open();
    if (bad !== undefined) return bad;
    this.#drain(Number.POSITIVE_INFINITY); // what happened before is not for this one
    const watcher = new Watcher(this, folder, recursive, listener);
    this.#watchers.add(watcher);
    return andThen(this.#start(this.#register(watcher)), (answer) => {
      if (answer === 0) return watcher;
      watcher.close();
      return answer === -Errno.ENOSPC ? 'EMFILE' : errorCode(answer);
    });
  }

  /** Ends a watch, and the host's watches that were for it only. */
  forget(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    if (this.#watchers.size === 0) this.#end();
    else void this.#start(this.#release(watcher));
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
    for (const job of this.#jobs.keys()) job.return(0);
    for (const done of this.#jobs.values()) done(-Errno.ESTALE);
    this.#jobs.clear();
    this.#folders.clear();
    this.#names = 0;
    this.#leaving = undefined;
    this.#waiting?.close();
    this.#waiting = undefined;
    if (this.#fd >= 0) void closeLater(this.#fd); // the kernel releases every watch on it
    this.#fd = -1;
  }

  /** Does work in pieces of `turnMs`. @returns what it returns: at once if that is enough */
  #start(job: Job): MaybePromise<number> {
    const answer = advance(job, performance.now() + turnMs);
    if (answer !== undefined) return answer;
    return new Promise((done) => {
      this.#jobs.set(job, done);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled || this.#jobs.size === 0) return;
    this.#scheduled = true;
    setImmediate(() => this.#work());
  }

  /** One piece of the work that has begun, each job in its turn. */
  #work(): void {
    this.#scheduled = false;
    const until = performance.now() + turnMs;
    for (const [job, done] of this.#jobs) {
      this.#jobs.delete(job);
      const answer = advance(job, until);
      if (answer === undefined) this.#jobs.set(job, done);
      else done(answer);
      if (performance.now() >= until) break;
    }
    this.#schedule();
  }

  /** Registers the directory of a watcher, and those below it if that is wanted. @returns 0 or a negative errno */
  *#register(watcher: Watcher): Job {
    if (!watcher.recursive) return this.#add(watcher.folder.fd, watcher, []);
    for (let restarts = 0; ; restarts++) {
      watcher.disturbed = false;
      const answer = yield* walkFolders(watcher.folder.fd, [], this.#visitor(watcher));
      if (answer !== 0 || !watcher.disturbed) return answer;
      if (restarts >= maxRestarts) {
        watcher.tell({ what: 'overflow' });
        return 0;
      }
    }
  }

  /** What a walk for a watcher calls. @param entry is told what is found */
  #visitor(watcher: Watcher, entry?: (path: Path, kind: Kind) => void): WalkVisitor {
    return { folder: (fd, path) => this.#add(fd, watcher, path), entry, ended: () => watcher.closed };
  }

  /** Takes a watcher that was closed off its directories. */
  *#release(watcher: Watcher): Job {
    for (const [number, watchers] of this.#folders) {
      this.#drop(number, watchers, watcher);
      yield;
    }
    return 0;
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

  /** Registers one directory for a watcher. @returns 0 or a negative errno */
  #add(fd: number, watcher: Watcher, path: Path): number {
    if (this.#folders.size >= maxFolders || this.#names + path.length > maxNames) return -Errno.ENOSPC;
    const number = addNotify(this.#fd, descriptorPath(fd), wanted);
    if (number < 0) return number;
    const watchers = this.#folders.get(number) ?? new Map<Watcher, Path>();
    this.#names += path.length + 1 - nameCount(watchers.get(watcher));
    this.#folders.set(number, watchers.set(watcher, path));
    return 0;
  }

  #drop(number: number, watchers: Watchers, watcher: Watcher): void {
    this.#names -= nameCount(watchers.get(watcher));
    watchers.delete(watcher);
    if (watchers.size > 0) return;
    this.#folders.delete(number);
    if (this.#fd >= 0) removeNotify(this.#fd, number);
  }

  /** Reports the changes that wait. @param ms for so long; the event loop calls again for the rest */
  #drain(ms = turnMs): void {
    const until = performance.now() + ms;
    for (let rounds = 0; rounds < maxRounds && this.#fd >= 0 && (rounds === 0 || performance.now() < until); rounds++) {
      const events = readNotify(this.#fd, this.#buffer);
      if (typeof events === 'number') {
        this.#left();
        return;
      }
      for (const event of events) if (this.#fd >= 0) this.#tell(event);
    }
    // the turn is over, and the event loop calls again only if there are more events: then a departure would wait for the next change
    if (this.#leaving !== undefined && this.#fd >= 0) setImmediate(() => this.#drain());
  }

  #tell(event: NotifyEvent): void {
    const { events, cookie } = event;
    if ((events & Notify.MovedTo) === 0 || cookie !== this.#leaving?.cookie) this.#left();
    if ((events & Notify.Overflow) !== 0) for (const watcher of [...this.#watchers]) watcher.tell({ what: 'overflow' });
    if ((events & Notify.Ignored) !== 0) this.#removed(event.watch);
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

  /** The host no longer watches a directory: it is gone. */
  #removed(number: number): void {
    for (const path of this.#folders.get(number)?.values() ?? []) this.#names -= nameCount(path);
    this.#folders.delete(number);
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
      watcher.disturbed = true;
      for (const [number, watchers] of this.#folders) {
        const below = watchers.get(watcher);
        if (below !== undefined && startsWith(below, path)) this.#drop(number, watchers, watcher);
      }
    }
    watcher.tell({ what: 'removed', kind, path });
  }

  /** The folders that a watcher knows below one path are below another now. */
  #respell(watcher: Watcher, from: Path, to: Path): void {
    watcher.disturbed = true;
    for (const watchers of this.#folders.values()) {
      const path = watchers.get(watcher);
      if (path === undefined || !startsWith(path, from)) continue;
      watchers.set(watcher, [...to, ...path.slice(from.length)]);
      this.#names += to.length - from.length;
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
      const fd = reopened(watcher.folder.fd, path);
      if (fd < 0) continue;
      // what was made before the watch was there would else never be told; what is made meanwhile may be told twice
      const each = isNew ? (below: Path, belowKind: Kind) => watcher.tell({ what: 'added', kind: belowKind, path: below }) : undefined;
      void andThen(this.#start(this.#follow(fd, path, watcher, each)), (answer) => {
        if (answer < 0 && answer !== -Errno.ENOENT && answer !== -Errno.EACCES) watcher.tell({ what: 'overflow' });
      });
    }
  }

  /** Registers a directory that a watched one has now, and those below it. @param fd is closed */
  *#follow(fd: number, path: Path, watcher: Watcher, each: ((path: Path, kind: Kind) => void) | undefined): Job {
    try {
      return yield* walkFolders(fd, path, this.#visitor(watcher, each));
    } finally {
      close(fd);
    }
  }

  /** What a new name leads to, if it is anything that is served. */
  #kindOf(watchers: Watchers, name: string): Kind | undefined {
    for (const [watcher, path] of watchers) {
      const dir = reopened(watcher.folder.fd, path);
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
