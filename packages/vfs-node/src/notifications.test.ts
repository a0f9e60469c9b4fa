import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { check, close, currentFolder, makeFolder, OpenFlag, openAt } from '@ring3/linux';
import type { Change, Handle, Vfs } from '@ring3/vfs';
import { createNodeStore } from './node-store.ts';

const who = { name: '', sid: '', groups: [], guest: false };

function serve(t: TestContext): { folder: string; store: Vfs; root: Handle } {
  const base = mkdtempSync(join(tmpdir(), 'ring3-watch-'));
  const folder = join(base, 'share');
  mkdirSync(folder);
  const store = createNodeStore(folder, { state: join(base, 'state') });
  t.after(async () => {
    await store.close?.();
    rmSync(base, { recursive: true });
  });
  return { folder, store, root: store.root(who) as Handle };
}

/** Creates a chain of directories that is longer than the maximum path. @returns a descriptor of the last one */
function chain(folder: string, depth: number): number {
  let fd = check(openAt(currentFolder, folder, OpenFlag.Path | OpenFlag.Directory), 'openat');
  for (let level = 0; level < depth; level++) {
    check(makeFolder(fd, 'd'), 'mkdirat');
    const below = check(openAt(fd, 'd', OpenFlag.Path | OpenFlag.Directory), 'openat');
    close(fd);
    fd = below;
  }
  return fd;
}

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

test('all levels of a tree of 2,000 levels are watched, with a bounded number of descriptors, which are released', async (t) => {
  const { folder, root } = serve(t);
  const depth = 2000;
  const last = chain(folder, depth);
  const before = openDescriptors();
  const changes: Change[] = [];
  let maxOpen = 0;
  const starting = Promise.resolve(root.watch!({ recursive: true }, (change) => changes.push(change)));
  let started = false;
  void starting.then(() => (started = true));
  let turns = 0;
  for (; !started; turns++) {
    maxOpen = Math.max(maxOpen, openDescriptors());
    await nextTurn();
  }
  ok(turns > 1, 'no turn for other work');
  ok(maxOpen - before < 40, `${maxOpen - before} descriptors`);
  const watch = await starting;
  ok(typeof watch === 'object');
  strictEqual(makeFolder(last, 'new'), 0);
  while (changes.length === 0) await nextTurn();
  const [change] = changes;
  ok(change !== undefined && change.what === 'added');
  strictEqual(change.path.length, depth + 1);
  watch.close();
  while (openDescriptors() > before) await nextTurn(); // inotify's is closed in the pool
  close(last);
});

test('a watch that is closed while its directories are being registered releases everything', async (t) => {
  const { folder, store, root } = serve(t);
  close(chain(folder, 2000));
  const before = openDescriptors();
  const starting = root.watch!({ recursive: true }, () => {});
  ok(starting instanceof Promise);
  await store.close?.();
  ok(typeof (await starting) === 'string');
  while (openDescriptors() > before) await nextTurn();
});

test('a large directory that is moved into a watched one is reported and then watched', async (t) => {
  const { folder, root } = serve(t);
  const changes: Change[] = [];
  const watch = await root.watch!({ recursive: true }, (change) => changes.push(change));
  ok(typeof watch === 'object');
  mkdirSync(join(folder, 'a/b/c'), { recursive: true });
  writeFileSync(join(folder, 'a/b/c/file'), '');
  const seen = (path: string): boolean => changes.some((change) => 'path' in change && change.path.join('/') === path);
  for (const path of ['a', 'a/b', 'a/b/c', 'a/b/c/file']) while (!seen(path)) await nextTurn();
  changes.length = 0;
  writeFileSync(join(folder, 'a/b/c/other'), '');
  while (!seen('a/b/c/other')) await nextTurn();
  watch.close();
  deepStrictEqual(changes[0], { what: 'added', kind: 'file', path: ['a', 'b', 'c', 'other'] });
});

test('a move out of the tree is reported even if the turn ends right after its event', async (t) => {
  const { folder, root } = serve(t);
  writeFileSync(join(folder, 'file'), '');
  const changes: Change[] = [];
  const watch = await root.watch!({ recursive: false }, (change) => changes.push(change));
  ok(typeof watch === 'object');
  let now = 0;
  const slow = t.mock.method(performance, 'now', () => (now += 10)); // each reading of the clock ends a turn
  renameSync(join(folder, 'file'), join(folder, '..', 'outside'));
  for (let turn = 0; changes.length === 0; turn++) {
    ok(turn < 100_000, 'reported without another change');
    await nextTurn();
  }
  slow.mock.restore();
  deepStrictEqual(changes, [{ what: 'removed', kind: 'file', path: ['file'] }]);
  watch.close();
});

/** Each kind of change that a handle of the store makes of an entry. */
async function changeByHandles(store: Vfs, root: Handle): Promise<void> {
  const make = async (name: string): Promise<Handle> =>
    (await store.open(root, name, { access: 'readWrite', kind: 'file', disposition: 'create', initial: { attributes: 2 } }, who)) as Handle;
  const [file, other] = [await make('own'), await make('other')];
  const large = Buffer.alloc(1 << 20, 'x');
  const changes: (() => unknown)[] = [
    () => file.write([Buffer.from('data')], 0),
    () => file.write([large], 0),
    () => file.truncate(10),
    () => file.allocate?.(1 << 16),
    () => file.punch?.(0, 4),
    () => other.copyRange?.(file, 0, 0, 4),
    () => file.setStat?.({ modified: 1n, attributes: 1, changed: 5n }),
    () => file.setXattr?.('user.a', Buffer.from('x')),
    () => file.setXattr?.('user.a', undefined),
    () => file.setDescriptor?.(Buffer.from('x')),
    () => file.rename(root, 'renamed'),
    () => file.link?.(root, 'linked'),
    () => other.rename(root, 'renamed', { replace: true }),
    () => file.close(),
    () => other.unlink(),
    () => other.close(),
  ];
  for (const change of changes) {
    const answer = await change();
    ok(typeof answer !== 'string', `${change}: ${answer}`);
  }
}

test('a watch of the changes of others reports those of programs, and none that handles of the store make', async (t) => {
  const { folder, store, root } = serve(t);
  const changes: Change[] = [];
  const watch = (await root.watch!({ recursive: false, others: true }, (change) => changes.push(change))) as { close(): void };
  const what = (): string[] => changes.map((change) => `${change.what} ${'path' in change ? change.path.join('/') : ''}`);
  await changeByHandles(store, root);
  writeFileSync(join(folder, 'foreign'), 'data');
  while (!what().includes('data foreign')) await nextTurn();
  deepStrictEqual([...new Set(what())], ['added foreign', 'data foreign'], 'of the program only');

  const file = (await store.open(root, 'foreign', { access: 'readWrite', kind: 'file', disposition: 'open' }, who)) as Handle;
  changes.length = 0;
  await file.write([Buffer.from('own')], 0);
  writeFileSync(join(folder, 'mark'), '');
  while (!what().includes('added mark')) await nextTurn();
  ok(!what().includes('data foreign'));

  const stream = (await file.openStream!('stream', { access: 'readWrite', disposition: 'create' })) as Handle;
  await stream.write([Buffer.from('own')], 0);
  for (let i = 0; i < 5; i++) await nextTurn(); // the events of the host so far are read
  changes.length = 0;
  await stream.close(); // which keeps it with its file
  writeFileSync(join(folder, 'second mark'), '');
  while (!what().includes('added second mark')) await nextTurn();
  deepStrictEqual(
    what().filter((change) => change.endsWith('foreign')),
    [],
  );
  writeFileSync(join(folder, 'foreign'), 'more');
  while (!what().includes('data foreign')) await nextTurn();
  renameSync(join(folder, 'foreign'), join(folder, 'moved'));
  while (!what().includes('renamed moved')) await nextTurn();
  await file.close();
  watch.close();
  strictEqual(await root.watch!({ recursive: true, others: true }, () => {}), 'EINVAL');
});
