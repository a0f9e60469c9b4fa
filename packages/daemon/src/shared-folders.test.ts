import { notStrictEqual, rejects, strictEqual } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isStateInside, SharedFolders } from './shared-folders.ts';

const place = (t: TestContext) => {
  const base = mkdtempSync(join(tmpdir(), 'ring3-folders-'));
  t.after(() => rmSync(base, { recursive: true }));
  for (const name of ['a', 'b', 'state']) mkdirSync(join(base, name));
  symlinkSync('a', join(base, 'link'));
  return { base, folders: new SharedFolders({ stateDir: join(base, 'state') }) };
};

test('two shares of one folder have one store, by whatever way they lead there', async (t) => {
  const { base, folders } = place(t);
  const { vfs } = await folders.optionsOf({ name: 'one', path: join(base, 'a') });
  strictEqual((await folders.optionsOf({ name: 'two', path: join(base, 'link'), readOnly: true })).vfs, vfs);
  notStrictEqual((await folders.optionsOf({ name: 'three', path: join(base, 'b') })).vfs, vfs);
  await folders.close();
});

test('a memory store is a share’s own, and stays as long as the share does', async (t) => {
  const { folders } = place(t);
  const { vfs } = await folders.optionsOf({ name: 'scratch', store: 'memory' });
  strictEqual((await folders.optionsOf({ name: 'SCRATCH', store: 'memory', readOnly: true })).vfs, vfs);
  notStrictEqual((await folders.optionsOf({ name: 'other', store: 'memory' })).vfs, vfs);
  await folders.retire([{ name: 'scratch', store: 'memory' }], () => false);
  strictEqual((await folders.optionsOf({ name: 'scratch', store: 'memory' })).vfs, vfs);
  await folders.retire([], () => false);
  notStrictEqual((await folders.optionsOf({ name: 'scratch', store: 'memory' })).vfs, vfs);
  await folders.close();
});

test('a folder that the state is in, or is, is not shared', async (t) => {
  const { base, folders } = place(t);
  for (const path of [base, join(base, 'state')])
    await rejects(() => folders.optionsOf({ name: 'x', path }), /^Error: the state directory \S+ is inside the shared directory/);
  strictEqual(isStateInside(join(base, '..state'), base), true, 'a name that begins as the way out does');
});

test('a directory that is missing is shared when it is there', async (t) => {
  const { base, folders } = place(t);
  const { vfs } = await folders.optionsOf({ name: 'x', path: join(base, 'none') });
  const nobody = { name: '', sid: 'S-1-5-7', groups: [], guest: false };
  strictEqual(await vfs.root(nobody), 'ENOENT');
  mkdirSync(join(base, 'none'));
  notStrictEqual(await vfs.root(nobody), 'ENOENT');
  await folders.close();
});

test('a store in use is not closed if a link in the path of its share leads elsewhere, or nowhere, by now', async (t) => {
  const { base, folders } = place(t);
  const share = { name: 'x', path: join(base, 'link') };
  const { vfs } = await folders.optionsOf(share);
  const nobody = { name: '', sid: 'S-1-5-7', groups: [], guest: false };
  for (const [target, root] of [
    ['none', 'ENOENT'],
    ['b', undefined],
  ] as const) {
    unlinkSync(share.path);
    symlinkSync(target, share.path);
    await folders.retire([share], () => false);
    const found = await vfs.root(nobody);
    strictEqual(typeof found === 'string' ? found : undefined, root, target);
  }
  await folders.close();
  strictEqual(await vfs.root(nobody), 'ESTALE');
});
