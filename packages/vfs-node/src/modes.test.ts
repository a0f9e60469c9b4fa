import { strictEqual } from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Handle, Identity, OpenHow } from '@ring3/vfs';
import { createNodeStore, type NodeStoreOptions } from './node-store.ts';

const who: Identity = { name: 'anna', sid: 'S-1-5-21-1-2-3-1000', groups: [], guest: false };

/** The permission bits of a new file and a new directory in a store. */
async function made(t: TestContext, modes: Pick<NodeStoreOptions, 'fileMode' | 'folderMode'>, above = 0o755): Promise<[number, number]> {
  const base = mkdtempSync(join(tmpdir(), 'ring3-modes-'));
  t.after(() => rmSync(base, { recursive: true }));
  const shared = mkdtempSync(join(base, 'shared-'));
  chmodSync(shared, above);
  const store = createNodeStore(shared, { state: join(base, 'state'), ...modes });
  const root = (await store.root(who)) as Handle;
  for (const kind of ['file', 'folder'] as const) {
    const how: OpenHow = { kind, disposition: 'create', access: 'read' };
    const handle = (await store.open(root, kind, how, who)) as Handle;
    await handle.close();
  }
  await root.close();
  await store.close?.();
  return [statSync(join(shared, 'file')).mode & 0o7777, statSync(join(shared, 'folder')).mode & 0o7777];
}

test('new files and directories have exactly the given bits, by default those that the umask permits; setgid is inherited', async (t) => {
  const umask = process.umask(0o027);
  try {
    strictEqual(`${await made(t, {})}`, `${[0o640, 0o750]}`);
    strictEqual(`${await made(t, { fileMode: 0o666, folderMode: 0o770 })}`, `${[0o666, 0o770]}`);
    strictEqual(`${await made(t, { fileMode: 0o400, folderMode: 0o700 })}`, `${[0o400, 0o700]}`);
    strictEqual(`${await made(t, { folderMode: 0o775 }, 0o2775)}`, `${[0o640, 0o2775]}`);
  } finally {
    process.umask(umask);
  }
});
