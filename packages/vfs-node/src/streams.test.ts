import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Access, type Handle, isCode, type VfsCode } from '@ring3/vfs';
import { tester } from '@ring3/vfs/contract';
import { createNodeStore } from './node-store.ts';

/** A result that is not a code. */
async function ok<T>(answer: T | VfsCode | Promise<T | VfsCode>): Promise<T> {
  const value = await answer;
  assert.ok(!isCode(value), String(value));
  return value as T;
}

test('a stream keeps its data if the process is killed while the stream is moved to a file', async () => {
  const base = mkdtempSync(join(tmpdir(), 'ring3-streams-'));
  const [share, state] = [join(base, 'share'), join(base, 'state')];
  mkdirSync(share);
  /** Opens a store, uses its file, and closes the store. */
  const using = async (use: (file: Handle) => Promise<void>): Promise<void> => {
    const store = createNodeStore(share, { state });
    try {
      const root = await ok(store.root(tester));
      const there = await store.open(root, 'file', { access: 'readWrite', kind: 'file', disposition: 'open' }, tester);
      const create = { access: 'readWrite', kind: 'file', disposition: 'create' } as const;
      const file = isCode(there) ? await ok(store.open(root, 'file', create, tester)) : there;
      await use(file);
      await file.close();
      await root.close();
    } finally {
      store.close?.();
    }
  };
  try {
    await using(async (file) => {
      for (const [name, length] of [
        ['short', 5],
        ['long', 5000],
      ] as const) {
        const stream = await ok(file.openStream!(name, { access: 'readWrite', disposition: 'create' }));
        assert.equal(await stream.write([Buffer.alloc(length, name)], 0), length);
        await stream.close();
      }
    });
    const [folder] = readdirSync(join(state, 'streams'));
    const own = join(state, 'streams', String(folder));
    writeFileSync(join(own, 'unfinished-0123abcd'), 'sh');
    await using(async (file) => {
      const streams = (await ok(file.streams!())).map(({ name, size }) => [name, size]);
      assert.deepEqual(streams.sort(), [
        ['long', 5000],
        ['short', 5],
      ]);
      const stream = await ok(file.openStream!('short', { access: 'readWrite', disposition: 'open' }));
      assert.equal(await stream.write([Buffer.from('er')], 5), 2);
      const data = Buffer.alloc(100);
      assert.equal(data.toString('latin1', 0, await ok(stream.read(data, 0))), 'shorter');
      await stream.close();
    });
    assert.ok(!readdirSync(own).some((name) => name.startsWith('unfinished')));
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
});

test('the permissions of a file apply to its streams, as to its extended attributes (xattr(7))', async () => {
  const base = mkdtempSync(join(tmpdir(), 'ring3-streams-'));
  const [share, state] = [join(base, 'share'), join(base, 'state')];
  const isRoot = process.geteuid?.() === 0;
  for (const directory of [share, state]) mkdirSync(directory);
  if (isRoot) {
    chmodSync(base, 0o755);
    for (const directory of [share, state]) chownSync(directory, other, other);
    process.seteuid?.(other);
  }
  try {
    const store = createNodeStore(share, { state });
    const root = await ok(store.root(tester));
    const file = await ok(store.open(root, 'file', { access: 'readWrite', kind: 'file', disposition: 'create' }, tester));
    const opening = async (name: string, access: Access, disposition: 'open' | 'create') =>
      file.openStream?.(name, { access, disposition });
    const opened = async (...how: Parameters<typeof opening>): Promise<Handle> => ok(await opening(...how)) as Promise<Handle>;
    const stream = await opened('there', 'readWrite', 'create');
    await stream.write([Buffer.alloc(5000)], 0);
    await stream.close();
    chmodSync(join(share, 'file'), 0o444);
    assert.equal(await opening('new', 'readWrite', 'create'), 'EACCES');
    assert.equal(await opening('there', 'readWrite', 'open'), 'EACCES');
    await (await opened('there', 'read', 'open')).close();
    const looked = await opened('there', 'metadata', 'open');
    assert.deepEqual(
      [await looked.reopen?.('write'), await looked.checkUnlink?.(), await looked.unlink(), await looked.rename?.(file, 'other')],
      ['EACCES', 'EACCES', 'EACCES', 'EACCES'],
    );
    assert.equal(await looked.reopen?.('read'), undefined);
    chmodSync(join(share, 'file'), 0);
    assert.equal(await looked.reopen?.('read'), 'EACCES');
    await looked.close();
    await file.close();
    await root.close();
    store.close?.();
  } finally {
    if (isRoot) process.seteuid?.(0);
    rmSync(base, { recursive: true, force: true });
  }
});
/** A user without files who is not root. */
const other = 65_534;

test('the old data and times of a file are restored if the process is killed while a stream replaces it', async () => {
  const base = mkdtempSync(join(tmpdir(), 'ring3-streams-'));
  const [share, state] = [join(base, 'share'), join(base, 'state')];
  mkdirSync(share);
  writeFileSync(join(share, 'file'), 'old data');
  const how = { access: 'readWrite', kind: 'file', disposition: 'open' } as const;
  const temporary = { access: 'readWrite', disposition: 'temporary' } as const;
  try {
    const killed = createNodeStore(share, { state });
    const file = await ok(killed.open(await ok(killed.root(tester)), 'file', how, tester));
    const times = { modified: 1_000_000_000_000_000_100n, accessed: 2_000_000_000_000_000_200n, changed: -3_000_000_000_300n };
    await file.setStat!({ ...times, attributes: 2 });
    const backup = await ok(file.openStream!('', temporary));
    assert.equal(await backup.write([Buffer.from('old data')], 0), 8);
    const incomplete = await ok(file.openStream!('', temporary));
    assert.equal(await incomplete.write([Buffer.from('new')], 0), 3);
    assert.equal(await backup.rename(file, ''), undefined);
    assert.equal(await file.truncate(0), undefined);
    assert.equal(await file.write([Buffer.from('new')], 0), 3);
    await killed.close?.();

    const next = createNodeStore(share, { state });
    const root = await ok(next.root(tester));
    const looked = await ok(next.open(root, 'file', { ...how, access: 'metadata' }, tester));
    const { modified, accessed, changed, attributes, size } = await ok(looked.stat());
    assert.deepEqual({ modified, accessed, changed, attributes, size }, { ...times, attributes: 2, size: 8 }, 'before the data is opened');
    const again = await ok(next.open(root, 'file', how, tester));
    const data = Buffer.alloc(100);
    assert.equal(data.toString('latin1', 0, await ok(again.read(data, 0))), 'old data');
    assert.deepEqual(await ok(again.streams!()), []);
    assert.deepEqual(readdirSync(join(state, 'streams')), []);
    await next.close?.();
  } finally {
    rmSync(base, { recursive: true });
  }
});

test('a backup without times, of an earlier version, restores the data', async () => {
  const base = mkdtempSync(join(tmpdir(), 'ring3-streams-'));
  const [share, state] = [join(base, 'share'), join(base, 'state')];
  mkdirSync(share);
  writeFileSync(join(share, 'file'), 'ne');
  const how = { access: 'read', kind: 'file', disposition: 'open' } as const;
  try {
    const before = createNodeStore(share, { state });
    const { fileId } = await ok(before.open(await ok(before.root(tester)), 'file', how, tester));
    await before.close?.();
    mkdirSync(join(state, 'streams', fileId), { recursive: true });
    writeFileSync(join(state, 'streams', fileId, 'backup-0123abcd'), 'old data');
    const next = createNodeStore(share, { state });
    const file = await ok(next.open(await ok(next.root(tester)), 'file', how, tester));
    const data = Buffer.alloc(100);
    assert.equal(data.toString('latin1', 0, await ok(file.read(data, 0))), 'old data');
    await next.close?.();
    assert.deepEqual(readdirSync(join(state, 'streams')), []);
  } finally {
    rmSync(base, { recursive: true });
  }
});

test('a stream that replaces another one has its data and its own id; after a restart there is one of them', async () => {
  const base = mkdtempSync(join(tmpdir(), 'ring3-streams-'));
  const [share, state] = [join(base, 'share'), join(base, 'state')];
  mkdirSync(share);
  writeFileSync(join(share, 'file'), '');
  const open = { access: 'readWrite', kind: 'file', disposition: 'open' } as const;
  try {
    for (const length of [5, 5000]) {
      const store = createNodeStore(share, { state });
      const file = await ok(store.open(await ok(store.root(tester)), 'file', open, tester));
      const make = async (name: string): Promise<Handle> => {
        const stream = await ok(file.openStream!(name, { access: 'readWrite', disposition: 'create' }));
        assert.equal(await stream.write([Buffer.alloc(length, name)], 0), length);
        return stream;
      };
      const [from, to] = [await make('from'), await make('to')];
      await to.close();
      const { fileId } = from;
      assert.equal(await from.rename(file, 'TO'), 'EEXIST');
      assert.equal(await from.rename(file, 'TO', { replace: true }), undefined);
      assert.equal(from.fileId, fileId);
      await from.close();
      store.close?.();
      const next = createNodeStore(share, { state });
      const again = await ok(next.open(await ok(next.root(tester)), 'file', open, tester));
      assert.deepEqual(
        (await ok(again.streams!())).map(({ name, size }) => [name, size]),
        [['TO', length]],
      );
      const stream = await ok(again.openStream!('to', { access: 'readWrite', disposition: 'open' }));
      const data = Buffer.alloc(length);
      assert.equal(await stream.read(data, 0), length);
      assert.equal(data.toString('latin1'), Buffer.alloc(length, 'from').toString('latin1'));
      assert.equal(await stream.unlink(), undefined);
      await next.close?.();
    }
  } finally {
    rmSync(base, { recursive: true });
  }
});
