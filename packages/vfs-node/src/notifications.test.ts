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
