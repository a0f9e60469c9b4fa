import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AccessMask,
  CancelRequest,
  CloseRequest,
  Command,
  CreateOptions,
  Dialect,
  HeaderFlags,
  LockFlags,
  LockRequest,
  LogoffRequest,
  NtStatus,
  TreeDisconnectRequest,
} from '@ring3/smb-proto';
import { idsOf } from '../testing/elements.ts';
import { type Answer, type Element, RawClient, testServer } from '../testing/raw-client.ts';

type Ids = { persistentFileId: number; volatileFileId: number };
const { SharedLock, ExclusiveLock, Unlock, FailImmediately } = LockFlags;
const now = ExclusiveLock | FailImmediately;
const top = (1n << 64n) - 1n;

const locking = (open: Ids, locks: readonly (readonly [offset: bigint, length: bigint, flags: number])[], lockSequence = 0): Element => ({
  command: Command.Lock,
  body: LockRequest.encode({ ...open, lockSequence, locks: locks.map(([offset, length, flags]) => ({ offset, length, flags })) }),
});
const closing = (open: Ids): Element => ({ command: Command.Close, body: CloseRequest.encode({ flags: 0, ...open }) });

/** Two opens of a file, each of another client. */
async function stage(): Promise<{ first: RawClient; second: RawClient; a: Ids; b: Ids }> {
  const server = testServer();
  const first = await RawClient.at(server);
  const second = await RawClient.at(server, 'share', 'bob', 'word');
  const a = idsOf(await first.create('file'));
  const b = idsOf(await second.create('file'));
  return { first, second, a, b };
}

const statusOf = async (client: RawClient, element: Element): Promise<number> => (await client.ask(element)).status;
const next = async (client: RawClient): Promise<Answer> => ((await client.next()) as Answer[])[0] as Answer;

test('LOCK without elements, of a directory, or without the right to read or write fails (3.3.5.14)', async () => {
  const { first, a } = await stage();
  assert.equal(await statusOf(first, locking(a, [])), NtStatus.InvalidParameter);
  const folder = idsOf(await first.create('folder', { createOptions: CreateOptions.DirectoryFile }));
  assert.equal(await statusOf(first, locking(folder, [[0n, 1n, now]])), NtStatus.InvalidParameter);
  const look = idsOf(await first.create('file', { desiredAccess: AccessMask.FileReadAttributes }));
  assert.equal(await statusOf(first, locking(look, [[0n, 1n, now]])), NtStatus.AccessDenied);
});

test('only the listed combinations of flags are accepted (2.2.26.1)', async () => {
  const { first, a } = await stage();
  const allowed = [SharedLock, ExclusiveLock, Unlock, SharedLock | FailImmediately, now];
  for (let flags = 0; flags < 64; flags++) {
    const status = await statusOf(first, locking(a, [[BigInt(flags), 1n, flags]]));
    if (!allowed.includes(flags)) assert.equal(status, NtStatus.InvalidParameter, `flags ${flags}`);
    else assert.equal(status, flags === Unlock ? NtStatus.RangeNotLocked : NtStatus.Success, `flags ${flags}`);
  }
});

test('offsets and lengths are exact up to 2^64; a range beyond it is an invalid lock range (MS-FSA 2.1.5.8)', async () => {
  const { first, second, a, b } = await stage();
  assert.equal(await statusOf(first, locking(a, [[top - 1n, 1n, now]])), NtStatus.Success);
  assert.equal(await statusOf(second, locking(b, [[top, 1n, now]])), NtStatus.Success);
  assert.equal(await statusOf(second, locking(b, [[top - 1n, 1n, now]])), NtStatus.LockNotGranted);
  assert.equal(await statusOf(second, locking(b, [[top, 2n, now]])), NtStatus.InvalidLockRange);
});

test('several locks are taken together or not at all, and none of them may wait (3.3.5.14.2)', async () => {
  const { first, second, a, b } = await stage();
  await first.ask(locking(a, [[10n, 1n, now]]));
  const several = [0n, 10n, 20n].map((at) => [at, 1n, now] as const);
  assert.equal(await statusOf(second, locking(b, several)), NtStatus.LockNotGranted);
  assert.equal(await statusOf(second, locking(b, [[0n, 1n, Unlock]])), NtStatus.RangeNotLocked, 'the first was undone');
  assert.equal(
    await statusOf(
      second,
      locking(b, [
        [0n, 1n, ExclusiveLock],
        [5n, 1n, now],
      ]),
    ),
    NtStatus.InvalidParameter,
  );
  assert.equal(
    await statusOf(
      second,
      locking(b, [
        [0n, 1n, now],
        [5n, 1n, Unlock],
      ]),
    ),
    NtStatus.InvalidParameter,
  );
});

test('ranges that were unlocked before an invalid element stay unlocked (3.3.5.14.1)', async () => {
  const { first, second, a, b } = await stage();
  await first.ask(
    locking(a, [
      [0n, 1n, now],
      [5n, 1n, now],
    ]),
  );
  assert.equal(
    await statusOf(
      first,
      locking(a, [
        [0n, 1n, Unlock],
        [9n, 1n, Unlock],
        [5n, 1n, Unlock],
      ]),
    ),
    NtStatus.RangeNotLocked,
  );
  assert.equal(await statusOf(second, locking(b, [[0n, 1n, now]])), NtStatus.Success);
  assert.equal(await statusOf(second, locking(b, [[5n, 1n, now]])), NtStatus.LockNotGranted);
});

test('a lock that may wait gets an interim response, and the final one when the range is free (3.3.4.2, 3.3.5.14.2)', async () => {
  const { first, second, a, b } = await stage();
  await first.ask(locking(a, [[0n, 10n, now]]));
  const interim = await second.ask(locking(b, [[5n, 1n, ExclusiveLock]]));
  assert.equal(interim.status, NtStatus.Pending);
  assert.equal(await statusOf(first, locking(a, [[0n, 10n, Unlock]])), NtStatus.Success);
  const final = await next(second);
  assert.equal(final.status, NtStatus.Success);
  assert.equal(final.header.messageId, interim.header.messageId);
  assert.equal(await statusOf(first, locking(a, [[5n, 1n, now]])), NtStatus.LockNotGranted);
});

test('a lock that waits can be cancelled, and is then not taken (3.3.5.16)', async () => {
  const { first, second, a, b } = await stage();
  await first.ask(locking(a, [[0n, 10n, now]]));
  const { header } = await second.ask(locking(b, [[5n, 1n, ExclusiveLock]]));
  const byAsyncId = { flags: HeaderFlags.AsyncCommand, processId: header.processId, treeId: header.treeId };
  second.sendFrame(second.encode([{ command: Command.Cancel, body: CancelRequest.encode({}), header: byAsyncId }]));
  assert.equal((await next(second)).status, NtStatus.Cancelled);
  await first.ask(locking(a, [[0n, 10n, Unlock]]));
  assert.equal(await statusOf(first, locking(a, [[5n, 1n, now]])), NtStatus.Success);
});

test('a lock that waits when its open, tree connect or session ends fails with RANGE_NOT_LOCKED', async () => {
  const endings: ((ids: Ids) => Element)[] = [
    closing,
    () => ({ command: Command.TreeDisconnect, body: TreeDisconnectRequest.encode({}) }),
    () => ({ command: Command.Logoff, body: LogoffRequest.encode({}) }),
  ];
  for (const ending of endings) {
    const { first, second, a, b } = await stage();
    await first.ask(locking(a, [[0n, 10n, now]]));
    await second.ask(locking(b, [[5n, 1n, ExclusiveLock]]));
    const answers = [await second.ask(ending(b)), await next(second)];
    for (const { header, status } of answers) {
      assert.equal(status, header.command === Command.Lock ? NtStatus.RangeNotLocked : NtStatus.Success);
    }
  }
});

test('CLOSE and a lost connection release locks, and waiting locks are granted (3.3.4.17, 3.3.7.1)', async () => {
  for (const lost of [false, true]) {
    const { first, second, a, b } = await stage();
    await first.ask(locking(a, [[0n, 10n, now]]));
    await second.ask(locking(b, [[5n, 1n, ExclusiveLock]]));
    if (lost) first.sendBytes(Uint8Array.of(0xee, 0, 0, 0));
    else await first.ask(closing(a));
    assert.equal((await next(second)).status, NtStatus.Success);
  }
});

test('a LOCK that is sent again with its sequence number is not executed again (3.3.5.14)', async () => {
  const { first, a } = await stage();
  assert.equal(first.dialect, Dialect.Smb302);
  const again = locking(a, [[0n, 10n, now]], (3 << 4) | 1);
  assert.equal(await statusOf(first, again), NtStatus.Success);
  assert.equal(await statusOf(first, again), NtStatus.Success, 'else the range would be in its own way');
  assert.equal(await statusOf(first, locking(a, [[0n, 10n, now]], (3 << 4) | 2)), NtStatus.LockNotGranted, 'another number');
  assert.equal(await statusOf(first, again), NtStatus.LockNotGranted, 'a failure is not remembered, and the place was taken over');
  assert.equal(await statusOf(first, locking(a, [[0n, 10n, Unlock]], (3 << 4) | 3)), NtStatus.Success);
  assert.equal(await statusOf(first, locking(a, [[0n, 10n, Unlock]], (3 << 4) | 3)), NtStatus.Success);
});

test('sequence indexes above 64, and index 0, are not recorded (3.3.5.14)', async () => {
  const { first, a } = await stage();
  for (const place of [0, 65, 0x0fffffff]) {
    const sequence = ((place << 4) | 1) >>> 0;
    assert.equal(await statusOf(first, locking(a, [[BigInt(place), 1n, now]], sequence)), NtStatus.Success);
    assert.equal(await statusOf(first, locking(a, [[BigInt(place), 1n, now]], sequence)), NtStatus.LockNotGranted);
  }
});
