import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Change, type Handle, isCode, type OpenHow, type Vfs, type VfsCode } from '@ring3/vfs';
import { tester } from '@ring3/vfs/contract';
import { openStoreInProcess } from './process-store.ts';

async function must<T>(answer: T | VfsCode | Promise<T | VfsCode>): Promise<T> {
  const result = await answer;
  ok(!isCode(result), String(result));
  return result as T;
}

/** The processes that this process started. */
const children = (): number[] =>
  readdirSync('/proc/self/task').flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
  );

async function stage(t: TestContext) {
  const base = mkdtempSync(join(tmpdir(), 'ring3-process-'));
  const share = join(base, 'share');
  mkdirSync(join(share, 'dir'), { recursive: true });
  const restarts: number[] = [];
  const before = new Set(children());
  const opening = openStoreInProcess(
    share,
    () => ({ state: join(base, 'state') }),
    (lost) => restarts.push(lost),
  );
  const vfs: Vfs = await opening.store;
  t.after(async () => {
    await vfs.close?.();
    await opening.ended;
    rmSync(base, { recursive: true });
  });
  const root = await must(vfs.root(tester));
  const open = (name: string, how: Partial<OpenHow> = {}, dir = root): Promise<Handle> =>
    must(vfs.open(dir, name, { access: 'readWrite', kind: 'file', disposition: 'open', ...how }, tester));
  /** Kills the process of the store. */
  const killProcess = (): void => {
    const pids = children().filter((pid) => !before.has(pid));
    ok(pids.length > 0);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
  };
  return { share, vfs, root, open, opening, restarts, killProcess };
}

const text = async (handle: Handle): Promise<string> => {
  const data = Buffer.alloc(100);
  return data.toString('latin1', 0, await must(handle.read(data, 0)));
};

test('handles are opened again by path and id after the process was killed; those of other files are lost', async (t) => {
  const { share, vfs, root, open, restarts, killProcess } = await stage(t);
  const create = { disposition: 'create' } as const;
  const dir = await open('dir', { kind: 'folder', access: 'read' });
  const file = await open('file', create, dir);
  strictEqual(await file.write([Buffer.from('data')], 0), 4);
  const stream = await must(file.openStream!('side', { access: 'readWrite', disposition: 'create' }));
  strictEqual(await stream.write([Buffer.alloc(5000, 's')], 0), 5000);
  await must(file.rename(root, 'renamed'));
  const below = await open('below', create, dir);
  await must(dir.rename(root, 'other'));
  const unlinked = await open('unlinked', create);
  await must(unlinked.unlink());
  const moved = await open('moved', create);
  const replaced = await open('replaced', create);
  writeFileSync(join(share, 'fresh'), 'not of the handle');
  renameSync(join(share, 'moved'), join(share, 'elsewhere'));
  renameSync(join(share, 'fresh'), join(share, 'replaced'));
  const closed = await open('renamed');
  await closed.close();
  const changes: Change[] = [];
  await must(root.watch!({ recursive: false }, (change) => changes.push(change)));
  const ids = [file, stream, below, dir, root].map(({ fileId }) => fileId);

  killProcess();
  // calls during the restart fail with EIO or wait for the new process
  for (let stat: unknown; stat === undefined; )
    stat = await Promise.resolve(root.stat()).then(
      (found) => (isCode(found) ? undefined : found),
      () => undefined,
    );
  strictEqual(await file.write([Buffer.from('D')], 0), 1);
  strictEqual(await text(file), 'Data');
  strictEqual((await must(stream.stat())).size, 5000);
  strictEqual(await stream.write([Buffer.from('S')], 0), 1);
  strictEqual(await below.write([Buffer.from('b')], 0), 1);
  strictEqual(readFileSync(join(share, 'other/below'), 'latin1'), 'b');
  deepStrictEqual(
    (await must(dir.list(undefined, { limit: 10, stat: false }))).entries.map(({ name }) => name),
    ['below'],
  );
  deepStrictEqual(await Promise.all([file, stream, below, dir, root].map(async (handle) => (await must(handle.stat())).fileId)), [
    ids[0],
    ids[0],
    ids[2],
    ids[3],
    ids[4],
  ]);
  for (const gone of [unlinked, moved, replaced]) {
    strictEqual(await gone.stat(), 'ESTALE');
    strictEqual(await gone.write([Buffer.from('x')], 0), 'ESTALE');
    strictEqual(await gone.close(), undefined);
  }
  strictEqual(readFileSync(join(share, 'replaced'), 'latin1'), 'not of the handle');
  deepStrictEqual(restarts, [3]);
  ok(changes.some(({ what }) => what === 'overflow'));
  writeFileSync(join(share, 'new'), '');
  while (!changes.some((change) => change.what === 'added' && change.path[0] === 'new')) await nextTurn();
  await must(vfs.open(root, 'after', { access: 'read', kind: 'file', disposition: 'create' }, tester));
});

test('a store whose processes exit again and again ends', async (t) => {
  const { root, opening, restarts, killProcess } = await stage(t);
  let ended = false;
  void opening.ended.then(() => {
    ended = true;
  });
  for (let seen = -1; !ended; ) {
    if (restarts.length !== seen) {
      seen = restarts.length;
      killProcess();
    }
    await Promise.resolve(root.stat()).catch(() => {});
    await nextTurn();
  }
  strictEqual(restarts.length, 3);
  strictEqual(await root.stat(), 'ESTALE');
});
