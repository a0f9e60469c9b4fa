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
  type Watch as ReadinessWatch,
  Ready,
  readiness,
  readNotify,
  removeNotify,
  statAt,
} from '@ring3/linux';
import {
  type Answer,
  type Change,
  type DescriptionChange,
  type DescriptionField,
  type Kind,
  nameFromBytes,
  type StreamChange,
  type VfsCode,
  type Watch,
  type WatchWant,
} from '@ring3/vfs';
import { type Path, reopened, type WalkVisitor, walkDirectories } from './directory-walk.ts';
import { type Entry, hostName } from './entry.ts';
import { errorCode } from './error-code.ts';
import { kindOf } from './kind-of.ts';
import { OwnChanges } from './own-changes.ts';
import { isTemporaryName } from './temporary-names.ts';

const eventMask =
  Notify.Create |
  Notify.Delete |
  Notify.MovedFrom |
  Notify.MovedTo |
  Notify.Modify |
  Notify.Attributes |
  Notify.OnlyFolder |
  Notify.ExcludeUnlinked;
/** Maximum number of watched directories. */
const maxDirectories = 65_536;
/** Maximum number of names in the paths of all watched directories: about 32 MiB. */
const maxNames = 4_194_304;
/** Time per turn of the event loop for registering and releasing directories, ms, and steps between two readings of the clock. */
const turnMs = 2;
const stepsAtOnce = 16;
/** Maximum number of event buffers that one turn reports. */
const maxRounds = 64;
/** How often a registration restarts because a directory was renamed meanwhile. */
const maxRestarts = 3;

const startsWith = (path: Path, start: Path): boolean => path.length >= start.length && start.every((name, i) => path[i] === name);

/** One client's watch. */
class Watcher implements Watch {
  readonly directory: Entry;
  readonly recursive: boolean;
  /** Whether the store's own changes are left out. */
  readonly others: boolean;
  readonly listener: (change: Change) => void;
  /** The number of the host watch of its own directory; -1 before it is registered. */
  number = -1;
  /** Whether directories were renamed while the subdirectories were being registered. */
  mustRestart = false;
  readonly #owner: Notifications;
  #closed = false;

  constructor(owner: Notifications, directory: Entry, { recursive, others = false }: WatchWant, listener: (change: Change) => void) {
    this.#owner = owner;
    this.directory = directory.hold();
    this.recursive = recursive;
    this.others = others;
    if (others) (directory.inode.ownChanges ??= new OwnChanges(owner.unreported, owner.readSoon)).watches++;
    this.listener = listener;
  }

  get closed(): boolean {
    return this.#closed;
  }

  emit(change: Change): void {
    if (!this.#closed) this.listener(change);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { inode } = this.directory;
    if (this.others && inode.ownChanges !== undefined && --inode.ownChanges.watches === 0) inode.ownChanges = undefined;
    this.#owner.forget(this);
    this.directory.release();
  }
}

/** The watchers of one host directory, each with the path from its own directory. */
type Watchers = Map<Watcher, Path>;

/** The first event of a rename, until the second one arrives. */
interface PendingRename {
  readonly cookie: number;
  readonly watchers: Watchers;
  readonly name: string;
  readonly kind: Kind;
}

/** Work in steps: it yields between them and returns 0 or a negative errno. */
type Job = Generator<undefined, number, undefined>;

/** Runs a job until a point in time. @returns the result of the job; undefined if it is not finished */
function advance(job: Job, until: number): number | undefined {
  do {
    for (let steps = 0; steps < stepsAtOnce; steps++) {
      const { done, value } = job.next();
      if (done === true) return value;
    }
  } while (performance.now() < until);
  return undefined;
}

/** Number of names that a registration holds. */
const nameCount = (path: Path | undefined): number => (path === undefined ? 0 : path.length + 1);

const found = new FileStat();

/** Changes below the share by any program. One inotify descriptor, polled on the event loop, exists while a client watches. */
export class Notifications {
  readonly #directories = new Map<number, Watchers>();
  readonly #watchers = new Set<Watcher>();
  /** Of them, those of the changes of others. */
  #others = 0;
  readonly #buffer = Buffer.alloc(8192);
  /** The store's own changes that the host may not have reported yet. */
  readonly unreported = new Set<OwnChanges>();
  #readsSoon = false;
  /** Reads the queue in the next turn of the event loop. */
  readonly readSoon = (): void => {
    if (this.#readsSoon) return;
    this.#readsSoon = true;
    setImmediate(() => {
      this.#readsSoon = false;
      if (this.#fd >= 0) this.#drain();
    });
  };
  #fd = -1;
  #readinessWatch: ReadinessWatch | undefined;
  #pendingRename: PendingRename | undefined;
  /** The fields that metadata changes are of, while `explain` reads them. */
  #explained: readonly DescriptionField[] | undefined;
  /** Number of metadata changes that were read since `explainChange` began. */
  #described = 0;
  /** Number of names in all paths of `#directories`. */
  #names = 0;
  /** Unfinished work that waits for its next turn, each with a callback for its result. */
  #scheduled = false;
  readonly #jobs = new Map<Job, (answer: number) => void>();

  /**
   * Reports changes in a directory, or below it, from now on. The subdirectories are registered in steps between other work.
   * @returns the watch; or EMFILE if the host or this store has reached its maximum
   */
  watch(directory: Entry, want: WatchWant, listener: (change: Change) => void): Answer<Watch> {
    if (want.recursive && want.others === true) return 'EINVAL';
    const bad = this.#open();
    if (bad !== undefined) return bad;
    this.#drain(Number.POSITIVE_INFINITY); // earlier changes are not for this watch
    const watcher = new Watcher(this, directory, want, listener);
    this.#watchers.add(watcher);
    if (watcher.others) this.#others++;
    return andThen(this.#start(this.#register(watcher)), (answer) => {
      if (answer === 0) return watcher;
      watcher.close();
      return answer === -Errno.ENOSPC ? 'EMFILE' : errorCode(answer);
    });
  }

  /** Closes a watch and the host watches that only this one used. */
  forget(watcher: Watcher): void {
    if (this.#watchers.delete(watcher) && watcher.others) this.#others--;
    if (this.#watchers.size === 0) this.#end();
    else if (watcher.recursive) void this.#start(this.#release(watcher));
    else {
      const watchers = this.#directories.get(watcher.number);
      if (watchers?.has(watcher) === true) this.#drop(watcher.number, watchers, watcher);
    }
  }

  /**
   * Runs a synchronous call of this process that changes metadata: the changes that the host reports meanwhile are of these fields, and are
   * not reported at all if there are none (the initial metadata of a new entry).
   */
  explain<T>(fields: readonly DescriptionField[], run: () => T): T {
    if (!this.#reportsOwn || this.#explained !== undefined) return run();
    this.#drain(Number.POSITIVE_INFINITY); // report earlier changes first
    this.#explained = fields;
    try {
      const result = run();
      this.#drain(Number.POSITIVE_INFINITY);
      return result;
    } finally {
      this.#explained = undefined;
    }
  }

  /** As `explain`, for one entry: reported as well if the host reports nothing, because the values are in the state directory. */
  explainChange(entry: Entry, fields: readonly DescriptionField[], run: () => VfsCode | undefined): VfsCode | undefined {
    if (this.#explained !== undefined || !this.#reportsOwn) return run();
    this.#described = 0;
    const failure = this.explain(fields, run);
    if (failure === undefined && this.#described === 0) this.#emitFor(entry, { what: 'description', fields });
    return failure;
  }

  /** Reports a change of a named stream. inotify does not see it, because streams are not in a watched directory. */
  changedStream(entry: Entry, what: StreamChange['what'], stream: string): void {
    if (!this.#reportsOwn) return;
    this.#drain(); // report earlier changes first
    this.#emitFor(entry, { what, stream });
  }

  /** Reports a change of an entry to the watches that cover it and report the store's own changes. */
  #emitFor(entry: Entry, change: Pick<StreamChange, 'what' | 'stream'> | Pick<DescriptionChange, 'what' | 'fields'>): void {
    const { kind } = entry.inode;
    for (const watcher of [...this.#watchers]) {
      const path = pathBelow(watcher.directory, entry);
      if (path !== undefined && !watcher.others && (watcher.recursive || path.length === 1)) watcher.emit({ ...change, kind, path });
    }
  }

  /** Whether a watch reports the store's own changes. */
  get #reportsOwn(): boolean {
    return this.#watchers.size > this.#others;
  }

  /** Closes all watches. */
  close(): void {
    for (const watcher of [...this.#watchers]) watcher.close();
    this.#end();
  }

  #end(): void {
    for (const job of this.#jobs.keys()) job.return(0);
    for (const done of this.#jobs.values()) done(-Errno.ESTALE);
    this.#jobs.clear();
    this.#directories.clear();
    this.unreported.clear();
    this.#names = 0;
    this.#pendingRename = undefined;
    this.#readinessWatch?.close();
    this.#readinessWatch = undefined;
    if (this.#fd >= 0) void closeLater(this.#fd); // the kernel releases all watches on it
    this.#fd = -1;
  }

  /** Runs a job in steps of `turnMs`. @returns its result, synchronously if one step is sufficient */
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

  /** Runs one step of the unfinished work, one job after the other. */
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

  /**
   * Registers a watcher's directory and, if the watch is recursive, its subdirectories.
   * @returns 0 or a negative errno
   */
  *#register(watcher: Watcher): Job {
    if (!watcher.recursive) return this.#add(watcher.directory.fd, watcher, []);
    for (let restarts = 0; ; restarts++) {
      watcher.mustRestart = false;
      const answer = yield* walkDirectories(watcher.directory.fd, [], this.#visitor(watcher));
      if (answer !== 0 || !watcher.mustRestart) return answer;
      if (restarts >= maxRestarts) {
        watcher.emit({ what: 'overflow' });
        return 0;
      }
    }
  }

  /** The callbacks of a watcher's walk. @param entry called for each entry found */
  #visitor(watcher: Watcher, entry?: (path: Path, kind: Kind) => void): WalkVisitor {
    return { directory: (fd, path) => this.#add(fd, watcher, path), entry, ended: () => watcher.closed };
  }

  /** Removes a closed watcher from its directories. */
  *#release(watcher: Watcher): Job {
    for (const [number, watchers] of this.#directories) {
      this.#drop(number, watchers, watcher);
      yield;
    }
    return 0;
  }

  #open(): VfsCode | undefined {
    if (this.#fd >= 0) return undefined;
    const fd = openNotify();
    if (fd < 0) return errorCode(fd);
    const readinessWatch = readiness.watch(fd, Ready.Readable, () => this.#drain());
    if (typeof readinessWatch === 'number') {
      close(fd);
      return errorCode(readinessWatch);
    }
    this.#fd = fd;
    this.#readinessWatch = readinessWatch.unref();
    return undefined;
  }

  /** Registers one directory for a watcher. @returns 0 or a negative errno */
  #add(fd: number, watcher: Watcher, path: Path): number {
    if (this.#directories.size >= maxDirectories || this.#names + path.length > maxNames) return -Errno.ENOSPC;
    const number = addNotify(this.#fd, descriptorPath(fd), eventMask);
    if (number < 0) return number;
    if (path.length === 0) watcher.number = number;
    const watchers = this.#directories.get(number) ?? new Map<Watcher, Path>();
    this.#names += path.length + 1 - nameCount(watchers.get(watcher));
    this.#directories.set(number, watchers.set(watcher, path));
    return 0;
  }

  #drop(number: number, watchers: Watchers, watcher: Watcher): void {
    this.#names -= nameCount(watchers.get(watcher));
    watchers.delete(watcher);
    if (watchers.size > 0) return;
    this.#directories.delete(number);
    if (this.#fd >= 0) removeNotify(this.#fd, number);
  }

  /** Reports pending changes. @param ms maximum time; the event loop calls again for the rest */
  #drain(ms = turnMs): void {
    const until = performance.now() + ms;
    for (let rounds = 0; rounds < maxRounds && this.#fd >= 0 && (rounds === 0 || performance.now() < until); rounds++) {
      const events = readNotify(this.#fd, this.#buffer);
      if (typeof events === 'number') {
        this.#endPendingRename();
        this.#ownReported();
        return;
      }
      for (const event of events) if (this.#fd >= 0) this.#report(event);
      if (leftSpace(events, this.#buffer.length)) this.#ownReported();
    }
    // the event loop calls again only for new events: without this call a pending rename would wait for the next change
    if ((this.#pendingRename !== undefined || this.unreported.size > 0) && this.#fd >= 0) setImmediate(() => this.#drain());
  }

  /** Every event of the store's own changes that have ended was read. */
  #ownReported(): void {
    for (const own of this.unreported) own.reported();
  }

  #report(event: NotifyEvent): void {
    const { events, cookie } = event;
    if ((events & Notify.MovedTo) === 0 || cookie !== this.#pendingRename?.cookie) this.#endPendingRename();
    if ((events & Notify.Overflow) !== 0) for (const watcher of [...this.#watchers]) watcher.emit({ what: 'overflow' });
    if ((events & Notify.Ignored) !== 0) this.#removed(event.watch);
    const all = this.#directories.get(event.watch);
    if (all === undefined || event.name.length === 0) return; // its parent directory reports changes of the directory itself
    const name = nameFromBytes(event.name);
    const watchers = withoutOwn(all, name);
    if (isTemporaryName(name)) {
      this.#endPendingRename(); // renamed to a temporary name: removed
      return;
    }
    const isDirectory = (events & Notify.IsFolder) !== 0;
    if ((events & (Notify.Create | Notify.MovedTo)) !== 0) {
      const kind = isDirectory ? 'folder' : this.#kindOf(watchers, name);
      if (kind === undefined) this.#endPendingRename();
      else if ((events & Notify.Create) !== 0) this.#reportAdded(watchers, name, kind, true);
      else this.#finishRename(watchers, name, kind);
      return;
    }
    const kind = isDirectory ? 'folder' : 'file';
    if ((events & Notify.MovedFrom) !== 0) this.#pendingRename = { cookie, watchers: new Map(watchers), name, kind };
    else {
      const what = (events & Notify.Delete) !== 0 ? 'removed' : (events & Notify.Modify) !== 0 ? 'data' : 'description';
      for (const [watcher, path] of [...watchers]) {
        if (what === 'description') this.#describe(watcher, kind, [...path, name]);
        else watcher.emit({ what, kind, path: [...path, name] });
      }
    }
  }

  #describe(watcher: Watcher, kind: Kind, path: Path): void {
    this.#described++;
    const fields = this.#explained;
    if (fields === undefined || watcher.others) watcher.emit({ what: 'description', kind, path });
    else if (fields.length > 0) watcher.emit({ what: 'description', kind, path, fields });
  }

  /** Handles the end of a host watch: the directory was deleted. */
  #removed(number: number): void {
    for (const path of this.#directories.get(number)?.values() ?? []) this.#names -= nameCount(path);
    this.#directories.delete(number);
  }

  /** Handles the second event of a rename. */
  #finishRename(watchers: Watchers, name: string, kind: Kind): void {
    const pending = this.#pendingRename;
    this.#pendingRename = undefined;
    const fresh: Watchers = new Map(watchers);
    for (const [watcher, path] of pending?.watchers ?? []) {
      const from = [...path, pending!.name];
      const directory = watchers.get(watcher);
      if (directory === undefined) this.#reportRemoved(watcher, from, kind);
      else {
        fresh.delete(watcher);
        const to = [...directory, name];
        if (kind === 'folder') this.#updatePaths(watcher, from, to);
        watcher.emit({ what: 'renamed', kind, path: to, from });
      }
    }
    this.#reportAdded(fresh, name, kind, false);
  }

  /** Reports a pending rename without a second event as a removal: the entry was moved out of the watched directories. */
  #endPendingRename(): void {
    const pending = this.#pendingRename;
    this.#pendingRename = undefined;
    for (const [watcher, path] of pending?.watchers ?? []) this.#reportRemoved(watcher, [...path, pending!.name], pending!.kind);
  }

  /** Reports an entry that was moved out of the watch. */
  #reportRemoved(watcher: Watcher, path: Path, kind: Kind): void {
    if (kind === 'folder') {
      watcher.mustRestart = true;
      for (const [number, watchers] of this.#directories) {
        const below = watchers.get(watcher);
        if (below !== undefined && startsWith(below, path)) this.#drop(number, watchers, watcher);
      }
    }
    watcher.emit({ what: 'removed', kind, path });
  }

  /** Updates the paths of a watcher's directories after a rename. */
  #updatePaths(watcher: Watcher, from: Path, to: Path): void {
    watcher.mustRestart = true;
    for (const watchers of this.#directories.values()) {
      const path = watchers.get(watcher);
      if (path === undefined || !startsWith(path, from)) continue;
      watchers.set(watcher, [...to, ...path.slice(from.length)]);
      this.#names += to.length - from.length;
    }
  }

  /** Reports a new entry. @param isNew whether the entries of a new directory are reported as new; those of a moved directory are not */
  #reportAdded(watchers: Watchers, name: string, kind: Kind, isNew: boolean): void {
    for (const [watcher, directory] of [...watchers]) {
      const path = [...directory, name];
      watcher.emit({ what: 'added', kind, path });
      if (kind !== 'folder' || !watcher.recursive || this.#fd < 0) continue;
      const fd = reopened(watcher.directory.fd, path);
      if (fd < 0) continue;
      // entries that were created before the watch was registered have no event; those created meanwhile may be reported twice
      const each = isNew ? (below: Path, belowKind: Kind) => watcher.emit({ what: 'added', kind: belowKind, path: below }) : undefined;
      void andThen(this.#start(this.#follow(fd, path, watcher, each)), (answer) => {
        if (answer < 0 && answer !== -Errno.ENOENT && answer !== -Errno.EACCES) watcher.emit({ what: 'overflow' });
      });
    }
  }

  /**
   * Registers a new subdirectory of a watched directory, and the directories below it.
   * @param fd is closed at the end
   */
  *#follow(fd: number, path: Path, watcher: Watcher, each: ((path: Path, kind: Kind) => void) | undefined): Job {
    try {
      return yield* walkDirectories(fd, path, this.#visitor(watcher, each));
    } finally {
      close(fd);
    }
  }

  /** The kind of a new entry; undefined if it is never served. */
  #kindOf(watchers: Watchers, name: string): Kind | undefined {
    for (const [watcher, path] of watchers) {
      const dir = reopened(watcher.directory.fd, path);
      if (dir < 0) continue;
      const answer = statAt(dir, hostName(name), found);
      close(dir);
      return answer < 0 ? 'file' : kindOf(found); // already removed: most entries are files
    }
    return 'file';
  }
}

/** Whether another event would have fitted into the buffer: then no other was queued. The host pads a name to the size of the event, 16 bytes. */
function leftSpace(events: readonly NotifyEvent[], size: number): boolean {
  let used = 0;
  for (const { name } of events) used += 16 + ((name.length + 16) & ~15);
  return used + 16 + 256 <= size;
}

/** The watchers that an event of a name is for: watchers of the changes of others do not see the store's own. */
function withoutOwn(watchers: Watchers, name: string): Watchers {
  let left = watchers;
  for (const { others, directory } of watchers.keys()) {
    if (!others || directory.inode.ownChanges?.has(name) !== true) continue;
    left = new Map([...watchers].filter(([watcher]) => !watcher.others));
    break;
  }
  return left;
}

/** The path of an entry below a directory; undefined if it is not below it. */
function pathBelow(directory: Entry, entry: Entry): Path | undefined {
  const path: string[] = [];
  for (let at = entry; at.parent !== undefined; at = at.parent) {
    path.unshift(at.name);
    if (at.parent.inode === directory.inode) return path;
  }
  return undefined;
}
