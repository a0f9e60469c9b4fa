import { createHash } from 'node:crypto';
import { join, relative } from 'node:path';
import { type Clock, type Log, silentLog, systemClock, type Timer } from '@ring3/kit';
import { locate } from '@ring3/linux';
import type { ShareOptions } from '@ring3/smb-server';
import { createMemoryStore, type Vfs, type VfsCode, type VfsError } from '@ring3/vfs';
import { createNodeStore, type NodeStoreOptions, type OpeningStore, openStoreInProcess } from '@ring3/vfs-node';
import { DirectorySnapshots } from './directory-snapshots.ts';
import { realPath } from './places.ts';

/** A shared directory of the host, or a store. Missing values are the defaults of the file server. */
export interface FolderShare extends Omit<ShareOptions, 'vfs' | 'snapshots'>, Pick<NodeStoreOptions, 'fileMode' | 'folderMode'> {
  readonly name: string;
  /** Whether access to its files is written to the audit file. */
  readonly audit?: boolean;
  /** Absolute path. */
  readonly path?: string;
  /** Absolute path of the directory of its snapshots. */
  readonly snapshots?: string;
  /** The store of a share without a path: `memory` is empty at first and is deleted with the share. */
  readonly store?: 'memory';
}

/** Dependencies of the shared directories. */
export interface SharedFoldersParts {
  /** Directory of metadata that the host file system cannot store. */
  readonly stateDir: string;
  readonly log?: Log;
  readonly clock?: Clock;
}

/** How long opening a directory may take before its share is offered without it, and the delay until a retry after an error; ms. */
const openMs = 2000;
const retryMs = 5000;
/** Errors of a file system whose far side is away for now, as a store reports them. */
const awayCodes: ReadonlySet<unknown> = new Set(['EIO', 'ESTALE', 'ETIMEDOUT']);
const isAway = (error: unknown): boolean => awayCodes.has((error as Partial<VfsError>).code);

/**
 * The stores of the shared directories: one for each directory and the modes of its new files, so that two shares of a directory see one
 * state of its files. A directory on a slow file system has a process of its own, and one that does not respond is waited for without
 * holding anything else: docs/decisions/0075-slow-stores.md.
 */
export class SharedFolders {
  readonly #stateDir: string;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #stores = new Map<string, Vfs>();
  /** Stores with a separate process, by path of their directory. */
  readonly #apart = new Map<string, Vfs>();
  readonly #snapshots = new Map<string, DirectorySnapshots>();
  readonly #opening = new Map<string, Promise<Vfs>>();
  /** Under which key the directory of a share was opened, by the text of the path and the modes: a link in the path may lead elsewhere by now. */
  readonly #openedAs = new Map<string, string>();
  /** Placeholders for directories that do not respond, by the text of the path and the modes. */
  readonly #waiting = new Map<string, Vfs>();
  readonly #responded: FolderShare[] = [];
  readonly #timers = new Set<Timer>();
  readonly #processes = new Set<OpeningStore>();
  #listener: ((share: FolderShare) => void) | undefined;
  #closed = false;

  constructor({ stateDir, log = silentLog, clock = systemClock }: SharedFoldersParts) {
    this.#stateDir = stateDir;
    this.#log = log;
    this.#clock = clock;
  }

  /** Calls the listener for each share whose directory responds again; its options have changed. */
  onResponse(listener: (share: FolderShare) => void): void {
    this.#listener = listener;
    for (const share of this.#responded.splice(0)) listener(share);
  }

  /**
   * The share as the file server takes it; its directory is opened unless it is open. One that does not respond in time has a store that
   * answers ETIMEDOUT until then.
   * @throws Error in one line, for what cannot be shared
   */
  async optionsOf(share: FolderShare): Promise<ShareOptions> {
    const {
      name: _name,
      path: _path,
      store: _store,
      fileMode: _fileMode,
      folderMode: _folderMode,
      audit: _audit,
      snapshots,
      ...how
    } = share;
    return { ...how, vfs: await this.#storeOf(share), ...(snapshots !== undefined && { snapshots: this.#snapshotsIn(snapshots) }) };
  }

  async #storeOf(share: FolderShare): Promise<Vfs> {
    if (share.path === undefined) return this.#memoryStore(share);
    const waiting = this.#waiting.get(placeOf(share));
    if (waiting !== undefined) return waiting;
    const opening = this.#open(share, share.path);
    let timer: Timer | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = this.#clock.after(openMs, () => resolve(undefined));
    });
    try {
      const store = await Promise.race([opening, late]);
      if (store !== undefined) return store;
    } catch (error) {
      if (locate(share.path).isLocal || !isAway(error)) throw error;
    } finally {
      timer?.clear();
    }
    return this.#wait(share, share.path, opening);
  }

  /** The snapshots in a directory: one object for each, also after a reload. */
  #snapshotsIn(directory: string): DirectorySnapshots {
    const open = async (path: string): Promise<Vfs> => {
      if (!locate(path).isLocal) return openStoreInProcess(path, (real) => this.#storeOptions({ name: '', path }, real)).store;
      return createNodeStore(path, this.#storeOptions({ name: '', path }, realPath(path)));
    };
    const known = this.#snapshots.get(directory) ?? new DirectorySnapshots(directory, open);
    this.#snapshots.set(directory, known);
    return known;
  }

  #memoryStore(share: FolderShare): Vfs {
    const key = keyOf(share);
    const store = this.#stores.get(key) ?? createMemoryStore();
    this.#stores.set(key, store);
    return store;
  }

  /** Opens a directory without a time limit. @throws Error; `isAway` distinguishes errors that may not occur later */
  async #open(share: FolderShare, path: string): Promise<Vfs> {
    const key = keyOf(share);
    this.#openedAs.set(placeOf(share), key);
    const known = this.#stores.get(key) ?? this.#opening.get(key);
    if (known !== undefined) return known;
    const opening = locate(path).isLocal ? this.#openHere(share, path) : this.#openApart(share, path);
    this.#opening.set(key, opening);
    try {
      const store = await opening;
      this.#stores.set(key, store);
      return store;
    } finally {
      this.#opening.delete(key);
    }
  }

  async #openHere(share: FolderShare, path: string): Promise<Vfs> {
    const store = createNodeStore(path, this.#storeOptions(share, realPath(path)));
    const root = store.root.bind(store);
    // the path is looked up at each tree connect: it may lead to a file system by now that this process must not wait for
    store.root = (who, signal, same) =>
      same !== undefined || locate(path).isLocal ? root(who, signal, same) : this.#moveApart(share, path, store);
    return store;
  }

  /**
   * The directory of a share is on a slow file system now: it is opened by a process. Clients that are connected keep the store that they
   * have.
   */
  #moveApart(share: FolderShare, path: string, store: Vfs): VfsCode {
    const key = keyOf(share);
    for (const [known, vfs] of [...this.#stores]) {
      if (vfs !== store) continue;
      this.#stores.delete(known);
      this.#stores.set(`before ${known}`, store); // closed when the last client has left it
    }
    if (!this.#waiting.has(placeOf(share)) && !this.#stores.has(key)) this.#wait(share, path, this.#open(share, path));
    return 'ETIMEDOUT';
  }

  /** Opens a directory on a file system that may not respond: in a process of its own, which also finds out where the path leads. */
  async #openApart(share: FolderShare, path: string): Promise<Vfs> {
    let place = '';
    const optionsOf = (real: string): NodeStoreOptions => {
      place = placeOf({ ...share, path: real });
      return this.#storeOptions(share, real);
    };
    const opening = openStoreInProcess(path, optionsOf, (lost) =>
      this.#log.error('the process of a share ended: another one has opened its files again', { share: share.name, path, lost }),
    );
    this.#processes.add(opening);
    try {
      const store = await opening.store;
      const other = this.#apart.get(place);
      if (other === undefined) {
        this.#apart.set(place, store);
        void opening.ended.then(() => this.#endedApart(share, path, store));
      } else await store.close?.(); // another share leads to the same directory by another path
      return other ?? store;
    } finally {
      this.#processes.delete(opening);
    }
  }

  /** The processes of a store have ended again and again: the directory is opened as a new store. Opens of the former one fail. */
  #endedApart(share: FolderShare, path: string, store: Vfs): void {
    for (const [place, vfs] of this.#apart) if (vfs === store) this.#apart.delete(place);
    if (this.#closed || ![...this.#stores.values()].includes(store)) return;
    this.#log.error('the process of a share ended repeatedly: its directory is opened again, and its open files are lost', {
      share: share.name,
      path,
    });
    this.#moveApart(share, path, store);
  }

  /** @throws Error in one line, if the state is inside the directory */
  #storeOptions({ path = '', fileMode, folderMode }: FolderShare, real: string): NodeStoreOptions {
    if (isStateInside(this.#stateDir, real)) throw new Error(stateInside(this.#stateDir, path));
    return {
      mayBeAbsent: true,
      state: join(this.#stateDir, 'folders', createHash('sha256').update(real).digest('hex').slice(0, 16)),
      ...(fileMode === undefined ? {} : { fileMode }),
      ...(folderMode === undefined ? {} : { folderMode }),
    };
  }

  /** Offers a store that says that it does not respond, until the directory is open. */
  #wait(share: FolderShare, path: string, opening: Promise<Vfs>): Vfs {
    const place = placeOf(share);
    const store = unresponsiveStore();
    this.#waiting.set(place, store);
    const waits = (): boolean => !this.#closed && this.#waiting.get(place) === store;
    const responded = (): void => {
      if (!waits()) return;
      this.#waiting.delete(place);
      this.#log.info('the directory of a share responds', { share: share.name, path });
      if (this.#listener === undefined) this.#responded.push(share);
      else this.#listener(share);
    };
    let reason = '';
    const failed = (error: Error): void => {
      if (!waits()) return;
      if (error.message !== reason)
        this.#log.warn('the directory of a share does not respond', { share: share.name, path, error: error.message });
      reason = error.message;
      const timer = this.#clock.after(retryMs, () => {
        this.#timers.delete(timer);
        if (waits()) this.#open(share, path).then(responded, failed);
      });
      this.#timers.add(timer);
    };
    this.#log.warn('the directory of a share does not respond: tree connects fail until it does', { share: share.name, path });
    opening.then(responded, failed);
    return store;
  }

  /** Closes the stores that nothing uses any more. @param used whether a client is connected to a share of this store */
  async retire(shares: readonly FolderShare[], used: (vfs: Vfs) => boolean): Promise<void> {
    const wanted = new Set(shares.map((share) => this.#openedAs.get(placeOf(share)) ?? keyOf(share)));
    const places = new Set(shares.map(placeOf));
    for (const place of this.#openedAs.keys()) if (!places.has(place)) this.#openedAs.delete(place);
    for (const place of this.#waiting.keys()) if (!places.has(place)) this.#waiting.delete(place);
    const unused = new Set<Vfs>();
    for (const [key, vfs] of this.#stores) {
      if (wanted.has(key) || used(vfs)) continue;
      this.#stores.delete(key);
      unused.add(vfs);
    }
    for (const vfs of this.#stores.values()) unused.delete(vfs);
    for (const [place, vfs] of this.#apart) if (unused.has(vfs)) this.#apart.delete(place);
    await Promise.all([...unused].map((vfs) => vfs.close?.()));
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) timer.clear();
    for (const opening of this.#processes) opening.abandon();
    await Promise.all([...this.#snapshots.values()].map((snapshots) => snapshots.close()));
    return this.retire([], () => false);
  }
}

/** Placeholder of a store that does not respond. */
const unresponsiveStore = (): Vfs => ({ features: new Set(), root: () => 'ETIMEDOUT', open: () => 'ETIMEDOUT' });

/** Key of a shared directory: the text of its path and its modes. */
const placeOf = ({ path = '', fileMode, folderMode }: FolderShare): string => JSON.stringify([path, fileMode, folderMode]);

/** Two paths to one directory give the same key. */
const keyOf = ({ name, path, fileMode, folderMode }: FolderShare): string =>
  path === undefined ? `memory ${name.toUpperCase()}` : JSON.stringify([realPath(path), fileMode, folderMode]);

/** Whether clients of a share could read the state, such as the hashes of users. */
export const isStateInside = (stateDir: string, shared: string): boolean =>
  !/^\.\.(\/|$)/.test(relative(realPath(shared), realPath(stateDir)));

/** The error message for such a share. */
export const stateInside = (stateDir: string, shared: string): string =>
  `the state directory ${stateDir} is inside the shared directory ${shared}, where clients would see it: choose another with --state-dir`;
