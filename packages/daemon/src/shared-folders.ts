import { createHash } from 'node:crypto';
import { join, relative } from 'node:path';
import type { ShareOptions } from '@ring3/smb-server';
import { createMemoryStore, type Vfs } from '@ring3/vfs';
import { createNodeStore, type NodeStoreOptions } from '@ring3/vfs-node';
import { realPath } from './places.ts';

/** A folder of the host that is shared, or a store. What is left out is the file server's default. */
export interface FolderShare extends Omit<ShareOptions, 'vfs'>, Pick<NodeStoreOptions, 'fileMode' | 'folderMode'> {
  readonly name: string;
  /** Whether what is done to its files is written to the audit file. */
  readonly audit?: boolean;
  /** Absolute path. */
  readonly path?: string;
  /** What is shared where there is no path: `memory` is empty at first, and gone when the share is. */
  readonly store?: 'memory';
}

/** The stores behind the shared folders: one for each folder and the modes of its new files, so that two shares of a folder see one state of its files. */
export class SharedFolders {
  readonly #stateDir: string;
  readonly #stores = new Map<string, Vfs>();

  /** @param stateDir what the host cannot keep beside a file lies there, for each folder */
  constructor(stateDir: string) {
    this.#stateDir = stateDir;
  }

  /** The share as the file server takes it; its folder is opened unless it is. @throws Error in one line, for what cannot be shared */
  optionsOf(share: FolderShare): ShareOptions {
    const { name: _name, path: _path, store: _store, fileMode: _fileMode, folderMode: _folderMode, audit: _audit, ...how } = share;
    const key = keyOf(share);
    const vfs = this.#stores.get(key) ?? this.#openStore(share);
    this.#stores.set(key, vfs);
    return { ...how, vfs };
  }

  #openStore({ path, fileMode, folderMode }: FolderShare): Vfs {
    if (path === undefined) return createMemoryStore();
    if (isStateInside(this.#stateDir, path)) throw new Error(stateInside(this.#stateDir, path));
    return createNodeStore(path, {
      mayBeAbsent: true,
      state: join(this.#stateDir, 'folders', createHash('sha256').update(realPath(path)).digest('hex').slice(0, 16)),
      ...(fileMode === undefined ? {} : { fileMode }),
      ...(folderMode === undefined ? {} : { folderMode }),
    });
  }

  /** Lets go of the folders that nothing uses any more. @param used whether somebody is connected to a share of this store */
  async retire(shares: readonly FolderShare[], used: (vfs: Vfs) => boolean): Promise<void> {
    const wanted = new Set(shares.map(keyOf));
    for (const [key, vfs] of this.#stores) {
      if (wanted.has(key) || used(vfs)) continue;
      this.#stores.delete(key);
      await vfs.close?.();
    }
  }

  close(): Promise<void> {
    return this.retire([], () => false);
  }
}

/** Two ways to one folder are one. */
const keyOf = ({ name, path, fileMode, folderMode }: FolderShare): string =>
  path === undefined ? `memory ${name.toUpperCase()}` : JSON.stringify([realPath(path), fileMode, folderMode]);

/** Whether clients of a share would see the state, the users' hashes among it. */
export const isStateInside = (stateDir: string, shared: string): boolean =>
  !/^\.\.(\/|$)/.test(relative(realPath(shared), realPath(stateDir)));

/** What is said of such a share. */
export const stateInside = (stateDir: string, shared: string): string =>
  `the state directory ${stateDir} lies inside the shared folder ${shared}, where clients would see it: give another with --state-dir`;
