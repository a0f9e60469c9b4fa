import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bench, entries, names, ok, refuses, tester, text } from './contract/bench.ts';
import { createMemoryStore } from './memory/memory-store.ts';
import { readOnly } from './read-only.ts';
import { featureCalls, type Handle } from './vfs.ts';

/** A store with something in it, and the same read-only. */
async function filled(): Promise<{ inside: Bench; bench: Bench }> {
  const vfs = createMemoryStore();
  const inside = new Bench(vfs, await ok(vfs.root(tester)));
  const folder = await inside.folder('folder');
  const file = await inside.file('File', 'content', folder, { initial: { attributes: 0x02, descriptor: Buffer.from('sd') } });
  await inside.stream(file, 'side', 'beside');
  await inside.link('link', 'folder/file');
  const outside = readOnly(vfs);
  return { inside, bench: new Bench(outside, await ok(outside.root(tester))) };
}

test('a read-only store reads as the store that it wraps', async () => {
  const { bench } = await filled();
  assert.deepEqual(await names(bench.root), ['folder', 'link']);
  const folder = await bench.open('FOLDER', { kind: 'folder' });
  const file = await bench.open('file', { access: 'read' }, folder);
  assert.equal(file.name, 'File');
  assert.equal(file.kind, 'file');
  assert.equal(await text(file), 'content');
  assert.equal(await text(await bench.open('link', { access: 'read' })), 'content');
  assert.equal((await ok(file.stat())).attributes, 0x02);
  assert.deepEqual(Buffer.from(await ok(file.getDescriptor!())), Buffer.from('sd'));
  assert.deepEqual(await ok(file.path!()), ['folder', 'File']);
  assert.equal(await text(await bench.stream(file, 'SIDE', '', { access: 'read', disposition: 'open' })), 'beside');
  assert.equal((await entries(folder, 10, true))[0]?.stat?.fileId, file.fileId);
  assert.ok((await ok(bench.root.space!())).total > 0);
  await ok(file.flush!());
  await ok(file.reopen!('read'));
  await bench.close();
});

test('whatever would change it answers EROFS', async () => {
  const { inside, bench } = await filled();
  const folder = await bench.open('folder', { kind: 'folder' });
  const file = await bench.open('file', { access: 'read' }, folder);
  await refuses(bench.tryOpen('file', { access: 'write' }, folder), 'EROFS');
  await refuses(bench.tryOpen('file', { access: 'readWrite' }, folder), 'EROFS');
  await refuses(bench.tryCreate('new'), 'EROFS');
  await refuses(bench.tryCreate('new', 'folder', folder), 'EROFS');
  const attempts: Record<string, () => unknown> = {
    write: () => file.write([Buffer.from('x')], 0),
    truncate: () => file.truncate(0),
    rename: () => file.rename(bench.root, 'x'),
    unlink: () => file.unlink(),
    setStat: () => file.setStat!({ attributes: 1 }),
    link: () => file.link!(bench.root, 'x'),
    openStream: () => file.openStream!('new', { access: 'read', disposition: 'create' }),
    'openStream to write': () => file.openStream!('side', { access: 'write', disposition: 'open' }),
    setXattr: () => file.setXattr!('X', Buffer.from('x')),
    setDescriptor: () => file.setDescriptor!(Buffer.alloc(20)),
    allocate: () => file.allocate!(100),
    punch: () => file.punch!(0, 1),
    copyRange: () => file.copyRange!(file, 0, 0, 1),
    cloneRange: () => file.cloneRange!(file, 0, 0, 1),
    reopen: () => file.reopen!('readWrite'),
  };
  for (const [call, attempt] of Object.entries(attempts)) assert.equal(await attempt(), 'EROFS', call);
  assert.equal(await text(await inside.open('file', {}, await inside.open('folder', { kind: 'folder' }))), 'content');
  await bench.close();
});

test('it has the features of the store, and readOnly; and the calls of the features', async () => {
  const { inside, bench } = await filled();
  assert.deepEqual([...bench.vfs.features].sort(), [...inside.vfs.features, 'readOnly'].sort());
  const calls = [...inside.vfs.features].flatMap((feature) => featureCalls[feature].handle) as (keyof Handle)[];
  assert.ok(calls.length > 0);
  for (const call of calls) assert.equal(typeof bench.root[call], 'function', call);
  await bench.close();
});
