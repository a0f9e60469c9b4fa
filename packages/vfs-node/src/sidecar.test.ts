import { deepStrictEqual, ok, strictEqual, throws } from 'node:assert/strict';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { nextTurn } from '@ring3/kit';
import { type Handle, VfsError } from '@ring3/vfs';
import { createNodeStore, type NodeStore } from './node-store.ts';
import { Sidecar } from './sidecar.ts';

const place = (t: TestContext) => {
  const base = mkdtempSync(join(tmpdir(), 'ring3-sidecar-'));
  t.after(() => rmSync(base, { recursive: true }));
  mkdirSync(join(base, 'shared'));
  return { state: join(base, 'state'), shared: join(base, 'shared') };
};

test('values survive a restart; the database is created with the first value', (t) => {
  const { state } = place(t);
  const sidecar = new Sidecar(state);
  sidecar.load();
  strictEqual(sidecar.get('1', 'a'), undefined);
  throws(() => readdirSync(state));
  strictEqual(sidecar.set('1', 'a', new Uint8Array([7])), true);
  strictEqual(sidecar.set('1', 'b', new Uint8Array(0x10001)), false);
  sidecar.close();
  deepStrictEqual(readdirSync(state), ['sidecar.sqlite']);
  const again = new Sidecar(state);
  deepStrictEqual(again.keys('1', ''), ['a']);
  again.forget('1');
  strictEqual(again.get('1', 'a'), undefined);
  again.close();
});

test('a database truncated at any length is reported when the directory is opened, and is not modified', (t) => {
  const { state, shared } = place(t);
  const sidecar = new Sidecar(state);
  for (let i = 0; i < 40; i++) sidecar.set(`${i}`, 'key', new Uint8Array(1000).fill(i));
  sidecar.close();
  const path = join(state, 'sidecar.sqlite');
  const whole = readFileSync(path);
  ok(whole.length > 40_000);
  for (let length = 0; length < whole.length; length += length % 4096 === 0 ? 1 : 4095) {
    writeFileSync(path, whole.subarray(0, length));
    throws(
      () => createNodeStore(shared, { state }),
      (error) =>
        error instanceof VfsError &&
        error.code === 'EIO' &&
        /sidecar\.sqlite is damaged \([^\n]+\): restore a copy, or move it away/.test(error.message),
      `${length} bytes`,
    );
    strictEqual(readFileSync(path).length, length);
  }
  writeFileSync(path, 'anything '.repeat(1000));
  throws(() => createNodeStore(shared, { state }), /is damaged/);
  writeFileSync(path, whole);
  createNodeStore(shared, { state }).close?.();
});

test('a flush writes the values since the last flush to the medium, and costs nothing without changes', async (t) => {
  const { state } = place(t);
  const sidecar = new Sidecar(state);
  sidecar.load();
  strictEqual(sidecar.flush(), undefined);
  sidecar.set('1', 'a', new Uint8Array(5000));
  const flushing = sidecar.flush();
  ok(flushing instanceof Promise);
  strictEqual(await flushing, undefined);
  strictEqual(sidecar.flush(), undefined);
  sidecar.remove('1', 'a');
  strictEqual(await sidecar.flush(), undefined);
  sidecar.close();
});

test('FLUSH and a write-through also flush a security descriptor that the host cannot store with the file', async (t) => {
  const { state, shared } = place(t);
  const store = createNodeStore(shared, { state, hostAttributes: false });
  t.after(() => store.close?.());
  const who = { name: '', sid: '', groups: [], guest: false };
  const root = (await store.root(who)) as Handle;
  const file = (await store.open(root, 'f', { access: 'readWrite', kind: 'file', disposition: 'create' }, who)) as Handle;
  const synced = (): unknown => (store as NodeStore).kept.flush();
  await file.setDescriptor!(new Uint8Array(100));
  ok(synced() instanceof Promise, 'the descriptor is not on the medium yet');
  await file.setDescriptor!(new Uint8Array(101));
  await file.flush!();
  strictEqual(synced(), undefined);
  await file.setDescriptor!(new Uint8Array(102));
  strictEqual(await file.write([new Uint8Array(3)], 0, { through: true }), 3);
  strictEqual(synced(), undefined);
});

test('a checkpoint runs off the main thread when the log has grown', async (t) => {
  const { state } = place(t);
  const sidecar = new Sidecar(state);
  const size = (): number => statSync(join(state, 'sidecar.sqlite')).size;
  sidecar.set('0', 'a', new Uint8Array(100));
  const before = size();
  for (let i = 1; i <= 1000; i++) sidecar.set(`${i}`, 'a', new Uint8Array(100));
  strictEqual(size(), before, 'not by a commit');
  while (size() === before) await nextTurn();
  strictEqual(sidecar.get('500', 'a')?.length, 100);
  sidecar.close();
});

test('errors of the directory of streams are returned as codes', async (t) => {
  const { state, shared } = place(t);
  const store = createNodeStore(shared, { state });
  t.after(() => store.close?.());
  const who = { name: '', sid: '', groups: [], guest: false };
  const root = (await store.root(who)) as Handle;
  const file = (await store.open(root, 'f', { access: 'readWrite', kind: 'file', disposition: 'create' }, who)) as Handle;
  mkdirSync(state, { recursive: true });
  writeFileSync(join(state, 'streams'), 'no directory');
  strictEqual(await file.openStream!('s', { access: 'readWrite', disposition: 'create' }), 'ENOTDIR');
});

test('an object id survives a restart and a rename, and stays that of one file', async (t) => {
  const { state, shared } = place(t);
  const who = { name: '', sid: '', groups: [], guest: false };
  const objectId = new Uint8Array(64).fill(9);
  const openIn = async (store: ReturnType<typeof createNodeStore>, name: string, disposition: 'open' | 'create'): Promise<Handle> => {
    const root = (await store.root(who)) as Handle;
    const handle = (await store.open(root, name, { access: 'readWrite', kind: 'file', disposition }, who)) as Handle;
    await root.close();
    return handle;
  };
  const first = createNodeStore(shared, { state });
  const file = await openIn(first, 'before', 'create');
  strictEqual(await file.setObjectId?.(objectId), undefined);
  await file.close();
  await first.close?.();
  renameSync(join(shared, 'before'), join(shared, 'after'));
  const again = createNodeStore(shared, { state });
  const renamed = await openIn(again, 'after', 'open');
  deepStrictEqual(Buffer.from((await renamed.getObjectId?.()) as Uint8Array), Buffer.from(objectId));
  copyFileSync(join(shared, 'after'), join(shared, 'copy'));
  const other = await openIn(again, 'copy', 'open');
  strictEqual(await other.getObjectId?.(), 'ENODATA');
  strictEqual(await other.setObjectId?.(objectId), 'EEXIST');
  await Promise.all([renamed.close(), other.close()]);
  await again.close?.();
});

test('a large database is not read as a whole: values are found, listed, replaced and removed by queries', () => {
  const directory = mkdtempSync(join(tmpdir(), 'ring3-sidecar-'));
  try {
    const first = new Sidecar(directory);
    for (let i = 0; i < 100; i++) ok(first.set(`file${i}`, 'key', new Uint8Array(30_000).fill(i)));
    first.close();
    const checkpointed = new DatabaseSync(join(directory, 'sidecar.sqlite'));
    checkpointed.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    checkpointed.close();
    ok(statSync(join(directory, 'sidecar.sqlite')).size > 2 ** 20);
    const sidecar = new Sidecar(directory);
    sidecar.load();
    strictEqual(sidecar.get('file7', 'key')?.[0], 7);
    strictEqual(sidecar.get('file7', 'other'), undefined);
    strictEqual(sidecar.get('none', 'key'), undefined);
    deepStrictEqual([sidecar.keys('file8', ''), sidecar.keys('none', '')], [['key'], []]);
    ok(sidecar.set('file7', 'other', Uint8Array.of(1)));
    ok(sidecar.set('file7', 'key', Uint8Array.of(2)));
    deepStrictEqual([sidecar.get('file7', 'key'), sidecar.keys('file7', '').sort()], [Uint8Array.of(2), ['key', 'other']]);
    sidecar.remove('file7', 'key');
    sidecar.remove('none', 'key');
    deepStrictEqual(sidecar.keys('file7', ''), ['other']);
    sidecar.forget('file7');
    deepStrictEqual(sidecar.keys('file7', ''), []);
    sidecar.close();
    const path = join(directory, 'sidecar.sqlite');
    truncateSync(path, statSync(path).size - 4096 * 10);
    throws(() => new Sidecar(directory).load(), /is damaged \(it is shorter than its header says\)/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('the values of a deleted file stay if they cannot be removed, and its close does not fail', () => {
  const directory = mkdtempSync(join(tmpdir(), 'ring3-sidecar-'));
  try {
    const sidecar = new Sidecar(directory);
    ok(sidecar.set('file', 'key', Uint8Array.of(1)));
    const other = new DatabaseSync(join(directory, 'sidecar.sqlite'));
    other.exec('DROP TABLE kept'); // as a failing disk does, every statement fails
    throws(() => sidecar.get('file', 'key'), VfsError);
    sidecar.forget('file');
    other.close();
    sidecar.close();
  } finally {
    rmSync(directory, { recursive: true });
  }
});
