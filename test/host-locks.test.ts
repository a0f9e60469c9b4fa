/** Byte-range locks of clients against record locks of programs of the host (docs/decisions/0073-locks-of-the-host.md). */
import assert from 'node:assert/strict';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FakeClock, fakeRandom } from '@ring3/kit';
import { lockRecord, RecordLock } from '@ring3/linux';
import { Connection, type Open, type TreeConnect } from '@ring3/smb-client';
import { LockFlags, NtStatus, StatusError } from '@ring3/smb-proto';
import { connectMemory, createSmbServer } from '@ring3/smb-server';
import { createNodeStore } from '@ring3/vfs-node';

const { SharedLock, ExclusiveLock, FailImmediately, Unlock } = LockFlags;
const notGranted = (error: unknown): boolean => error instanceof StatusError && error.status === NtStatus.LockNotGranted;

async function stage(t: TestContext, posixLocks?: boolean) {
  const base = mkdtempSync(join(tmpdir(), 'ring3-host-locks-'));
  const path = join(base, 'share', 'file');
  mkdirSync(join(base, 'share'));
  writeFileSync(path, 'content');
  const vfs = createNodeStore(join(base, 'share'), { state: join(base, 'state') });
  const clock = new FakeClock();
  const server = await createSmbServer({
    shares: { share: { vfs, ...(posixLocks !== undefined && { posixLocks }) } },
    users: { user: 'password' },
    listen: false,
    clock,
  });
  const connection = await Connection.open(connectMemory(server), { random: fakeRandom(5) });
  const tree: TreeConnect = await (await connection.logon({ user: 'user', password: 'password' })).connect('share');
  /** A program of the host with its own open file description. */
  const fd = openSync(path, 'r+');
  t.after(async () => {
    closeSync(fd);
    await server.close();
    await vfs.close?.();
    rmSync(base, { recursive: true });
  });
  const host = (kind: number, start: bigint, length: bigint): boolean => lockRecord(fd, kind, start, length) === 0;
  /** The lock of a byte as seen by the host: none, shared or exclusive. */
  const seen = (at: bigint): string => {
    const how = host(RecordLock.Write, at, 1n) ? 'free' : host(RecordLock.Read, at, 1n) ? 'shared' : 'exclusive';
    host(RecordLock.Unlock, at, 1n);
    return how;
  };
  return { tree, host, seen, clock };
}

const lock = (open: Open, offset: bigint, length: bigint, flags: number): Promise<void> => open.lock([{ offset, length, flags }]);

test('programs of the host see the union of the clients’ locks; unlocking and closing release them', async (t) => {
  const { tree, seen } = await stage(t);
  const [one, two] = [await tree.create({ name: 'file' }), await tree.create({ name: 'file' })];
  await lock(one, 0n, 10n, SharedLock | FailImmediately);
  await lock(two, 5n, 10n, SharedLock | FailImmediately);
  await lock(one, 20n, 5n, ExclusiveLock | FailImmediately);
  await lock(one, 20n, 2n, SharedLock | FailImmediately);
  await lock(one, 2n ** 63n - 2n, 1n, ExclusiveLock | FailImmediately);
  await lock(two, 2n ** 63n + 5n, 1n, ExclusiveLock | FailImmediately);
  assert.deepEqual([0n, 7n, 14n, 15n, 20n, 24n, 25n, 2n ** 63n - 2n].map(seen), ['shared', 'shared', 'shared', 'free', 'exclusive', 'exclusive', 'free', 'exclusive']); // biome-ignore format: one line for each
  await lock(one, 0n, 10n, Unlock);
  assert.deepEqual([0n, 7n, 14n].map(seen), ['free', 'shared', 'shared']);
  await lock(one, 20n, 5n, Unlock);
  assert.deepEqual([20n, 22n].map(seen), ['shared', 'free']);
  await two.close();
  assert.deepEqual([7n, 20n].map(seen), ['free', 'shared']);
  await one.close();
  assert.equal(seen(20n), 'free');
});

test('a lock that conflicts with a program of the host is not granted; a request is granted completely or not at all', async (t) => {
  const { tree, host, seen } = await stage(t);
  const open = await tree.create({ name: 'file' });
  assert.ok(host(RecordLock.Read, 100n, 10n));
  await assert.rejects(lock(open, 105n, 1n, ExclusiveLock | FailImmediately), notGranted);
  await lock(open, 105n, 1n, SharedLock | FailImmediately);
  const both = [
    { offset: 0n, length: 1n, flags: ExclusiveLock | FailImmediately },
    { offset: 109n, length: 5n, flags: ExclusiveLock | FailImmediately },
  ];
  await assert.rejects(open.lock(both), notGranted);
  assert.equal(seen(0n), 'free');
  await assert.rejects(lock(open, 0n, 1n, Unlock), (error) => error instanceof StatusError && error.status === NtStatus.RangeNotLocked);
  host(RecordLock.Unlock, 100n, 10n);
  await open.lock(both);
  assert.deepEqual([0n, 113n].map(seen), ['exclusive', 'exclusive']);
});

test('a waiting lock is granted when the program of the host releases its lock', async (t) => {
  const { tree, host, seen, clock } = await stage(t);
  const open = await tree.create({ name: 'file' });
  assert.ok(host(RecordLock.Write, 0n, 1n));
  const { reply } = open.lockExchange([{ offset: 0n, length: 1n, flags: ExclusiveLock }]);
  let granted = false;
  void reply.then(() => {
    granted = true;
  });
  await tree.create({ name: 'file' }); // after another response
  clock.advance(1000);
  await tree.create({ name: 'file' });
  assert.equal(granted, false);
  host(RecordLock.Unlock, 0n, 1n);
  clock.advance(1000);
  await reply;
  assert.equal(seen(0n), 'exclusive');
});

test('without `posixLocks` neither side sees the locks of the other', async (t) => {
  const { tree, host, seen } = await stage(t, false);
  const open = await tree.create({ name: 'file' });
  assert.ok(host(RecordLock.Write, 0n, 1n));
  await lock(open, 0n, 5n, ExclusiveLock | FailImmediately);
  assert.equal(seen(3n), 'free');
});
