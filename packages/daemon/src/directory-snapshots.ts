import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isSnapshotToken, type Snapshots } from '@ring3/smb-server';
import type { Vfs } from '@ring3/vfs';

/** Maximum number of snapshots that are open. */
const maxOpen = 256;

/**
 * The snapshots in a directory of the host: each is a directory that is named by its time, such as `@GMT-2026.11.30-08.00.00` (in UTC). A
 * snapshot is opened when a client uses it for the first time.
 */
export class DirectorySnapshots implements Snapshots {
  readonly #directory: string;
  readonly #openStore: (path: string) => Promise<Vfs>;
  readonly #stores = new Map<string, Promise<Vfs>>();

  /** @param openStore opens a directory */
  constructor(directory: string, openStore: (path: string) => Promise<Vfs>) {
    this.#directory = directory;
    this.#openStore = openStore;
  }

  /** @returns no token if the directory cannot be read */
  async list(): Promise<readonly string[]> {
    try {
      const entries = await readdir(this.#directory, { withFileTypes: true });
      return entries.filter((entry) => entry.isDirectory() && isSnapshotToken(entry.name)).map(({ name }) => name);
    } catch {
      return [];
    }
  }

  async open(token: string): Promise<Vfs | undefined> {
    const path = join(this.#directory, token);
    const known = this.#stores.get(token);
    if (known !== undefined) return known;
    if (this.#stores.size >= maxOpen) return undefined;
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory() !== true) return undefined;
    const opening = this.#stores.get(token) ?? this.#openStore(path);
    this.#stores.set(token, opening);
    try {
      return await opening;
    } catch {
      this.#stores.delete(token);
      return undefined;
    }
  }

  /** Closes the stores that were opened. */
  async close(): Promise<void> {
    const stores = await Promise.allSettled(this.#stores.values());
    this.#stores.clear();
    for (const store of stores) if (store.status === 'fulfilled') await store.value.close?.();
  }
}
