import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MaybePromise } from '@ring3/kit';
import type { Vfs } from '@ring3/vfs';
import { vfsContract } from '@ring3/vfs/contract';
import { createNodeStore, type NodeStoreOptions } from './node-store.ts';
import { openStoreInProcess } from './process/process-store.ts';

type Open = (folder: string, options: NodeStoreOptions) => MaybePromise<Vfs>;

/** Serves a new directory, which is removed with the store. */
async function make(where: string, options: Partial<NodeStoreOptions> = {}, open: Open = createNodeStore): Promise<Vfs> {
  const folder = mkdtempSync(join(where, 'ring3-vfs-'));
  const state = mkdtempSync(join(tmpdir(), 'ring3-state-'));
  const store = await open(folder, { state, ...options });
  const close = store.close!.bind(store);
  store.close = async () => {
    await close();
    for (const path of [folder, state]) rmSync(path, { recursive: true });
  };
  return store;
}

vfsContract('a host folder', () => make(tmpdir()));
vfsContract('a host folder without extended attributes', () => make(tmpdir(), { hostAttributes: false }));
vfsContract('a host folder in a process of its own', () =>
  make(tmpdir(), {}, (folder, options) => openStoreInProcess(folder, () => options).store),
);
