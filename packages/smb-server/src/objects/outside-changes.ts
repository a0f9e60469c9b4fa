import { type Clock, type Steps, type Timer, wait } from '@ring3/kit';
import { type Change, type Handle, isCode, type VfsCode, type Watch } from '@ring3/vfs';
import { type FileState, noOpen } from '../state/index.ts';

/** Maximum number of directories that all stores of a server watch for changes of others. */
const maxDirectories = 8192;
/** How long a directory is watched after the last open in it that needs that, ms: a client that opens the next file there needs no new watch. */
const lingerMs = 10_000;

/** The directories that all stores of a server watch. */
export interface WatchedCount {
  directories: number;
  /** Called if another one cannot be watched, so that nothing in it is cached. */
  readonly full: () => void;
}

/** An open (`Open`) that caches. */
export interface CachingOpen {
  readonly handle: Handle | undefined;
  /** Of a named stream: its file. */
  readonly base: Handle | undefined;
  readonly closed: boolean;
  /** The directory in which changes of others are watched for it. */
  watched: WatchedDirectory | undefined;
}

/** A directory that is watched for changes of others. */
export interface WatchedDirectory {
  readonly id: string;
  /** The opens that cache: of entries of the directory, or of the directory itself. */
  readonly opens: Set<CachingOpen>;
  watch: Watch | undefined;
  linger: Timer | undefined;
}

/**
 * The changes that others than the server make in one store: other programs, the store itself. They break what clients cache (MS-SMB2 3.3.1.4): the leases and oplocks
 * of a changed file, and the lease of its directory. A directory is watched while something in it is cached.
 */
export class OutsideChanges {
  readonly #directories = new Map<string, WatchedDirectory>();
  readonly #state: FileState;
  readonly #clock: Clock;
  readonly #count: WatchedCount;
  readonly #own: { readonly calls: number };

  /** @param own the server's calls in progress that change something: what the store reports meanwhile are their changes */
  constructor(state: FileState, clock: Clock, count: WatchedCount, own: { readonly calls: number }) {
    this.#state = state;
    this.#clock = clock;
    this.#count = count;
    this.#own = own;
  }

  /** Number of watched directories. */
  get size(): number {
    return this.#directories.size;
  }

  /**
   * Watches a directory.
   * @returns it; `unwatched` if the store reports no changes, so that there is nothing to miss; `full` if the server or the store watches as many as it can: nothing may
   * be cached then
   */
  *watch(directory: Handle): Steps<WatchedDirectory | 'unwatched' | 'full'> {
    const { fileId: id } = directory;
    const known = this.#directories.get(id);
    if (known !== undefined) {
      this.#directories.delete(id); // to the end: the one that was needed last is dropped last
      this.#directories.set(id, known);
      return known;
    }
    if (directory.watch === undefined) return 'unwatched';
    if (this.#count.directories >= maxDirectories && !this.#dropIdle()) return this.#full();
    const made: WatchedDirectory = { id, opens: new Set(), watch: undefined, linger: undefined };
    const listener = (change: Change): void => {
      if (made.watch?.others !== true && this.#own.calls > 0) return;
      this.#changed(made, change);
    };
    this.#count.directories++;
    let watch: Watch | VfsCode | undefined;
    try {
      watch = yield* wait(directory.watch({ recursive: false, others: true }, listener));
    } finally {
      if (typeof watch !== 'object') this.#count.directories--;
    }
    if (watch === undefined || isCode(watch)) return watch === 'EMFILE' || watch === 'ENOSPC' ? this.#full() : 'unwatched';
    const meanwhile = this.#directories.get(id);
    if (meanwhile !== undefined) {
      watch.close();
      this.#count.directories--;
      return meanwhile;
    }
    made.watch = watch;
    this.#directories.set(id, made);
    this.#release(made);
    return made;
  }

  /** An open caches something that changes in the directory invalidate. */
  use(directory: WatchedDirectory, open: CachingOpen): void {
    this.stop(open);
    if (open.closed) return; // while its oplock or lease was requested
    directory.opens.add(open);
    directory.linger?.clear();
    open.watched = directory;
  }

  /** An open is closed, or its file is in another directory now. */
  stop(open: CachingOpen): void {
    const { watched } = open;
    if (watched === undefined) return;
    open.watched = undefined;
    watched.opens.delete(open);
    this.#release(watched);
  }

  /** Ends all watches. */
  close(): void {
    for (const directory of [...this.#directories.values()]) this.#drop(directory);
  }

  #full(): 'full' {
    this.#count.full();
    return 'full';
  }

  #release(directory: WatchedDirectory): void {
    if (directory.opens.size > 0) return;
    directory.linger?.clear();
    directory.linger = this.#clock.after(lingerMs, () => this.#drop(directory));
  }

  #drop(directory: WatchedDirectory): void {
    directory.linger?.clear();
    if (this.#directories.get(directory.id) !== directory) return;
    this.#directories.delete(directory.id);
    this.#count.directories--;
    directory.watch?.close();
  }

  /** Ends the watch of the directory that nothing has needed for the longest time. @returns whether there was one */
  #dropIdle(): boolean {
    for (const directory of this.#directories.values()) {
      if (directory.opens.size > 0) continue;
      this.#drop(directory);
      return true;
    }
    return false;
  }

  #changed({ id, opens }: WatchedDirectory, change: Change): void {
    if (this.#state.knownGuard(id) !== undefined) this.#breakAll(id, 'childChange');
    for (const open of [...opens]) {
      const { fileId } = open.handle ?? {};
      if (fileId !== undefined && fileId !== id && concerns(change, open)) this.#breakAll(fileId, 'write');
    }
  }

  #breakAll(fileId: string, operation: 'childChange' | 'write'): void {
    void this.#state.submit(fileId, { kind: 'notice', operation, owner: noOpen });
  }
}

/** Whether a change in the directory of an open is of its file. */
function concerns(change: Change, { base, handle }: CachingOpen): boolean {
  if (change.what === 'overflow') return true;
  const name = (base ?? handle)?.name;
  return change.path[0] === name || (change.what === 'renamed' && change.from[0] === name);
}
