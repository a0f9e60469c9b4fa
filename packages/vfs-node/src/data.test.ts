import { ok, strictEqual } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Handle } from '@ring3/vfs';
import { createNodeStore } from './node-store.ts';

test('large reads of cached data are synchronous up to 8 MiB in a turn of the event loop; further ones run in the pool', async (t) => {
  const base = mkdtempSync(join(tmpdir(), 'ring3-data-'));
  const path = join(base, 'share');
  const who = { name: '', sid: '', groups: [], guest: false };
  mkdirSync(path);
  const store = createNodeStore(path, { state: join(base, 'state') });
  t.after(async () => {
    await store.close?.();
    rmSync(base, { recursive: true });
  });
  writeFileSync(join(path, 'file'), Buffer.alloc(2 ** 23, 1)); // just written: in the page cache
  const root = (await store.root(who)) as Handle;
  const file = (await store.open(root, 'file', { access: 'read', kind: 'file', disposition: 'open' }, who)) as Handle;
  const read = (length: number) => file.read(new Uint8Array(length), 0);
  if (read(1) instanceof Promise) {
    t.skip('the file system has no RWF_NOWAIT');
    return;
  }
  await nextTurn();
  for (const length of [3, 5]) strictEqual(read(length * 2 ** 20), length * 2 ** 20);
  const later = read(2 ** 21);
  ok(later instanceof Promise);
  strictEqual(read(2 ** 20), 2 ** 20, 'a small read was not synchronous');
  strictEqual(await later, 2 ** 21);
  await nextTurn();
  strictEqual(read(2 ** 23), 2 ** 23, 'a large read in the next turn was not synchronous');
  await file.close();
  await root.close();
});
