import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FakeClock } from '@ring3/kit';
import {
  Command,
  CreateDisposition,
  CreateOptions,
  CreateResponse,
  Dialect,
  LeaseBreakAcknowledgment,
  LeaseState,
  NtStatus,
  OplockLevel,
} from '@ring3/smb-proto';
import { createMemoryStore, intercept } from '@ring3/vfs';
import { acknowledging, closing, disposing, idsOf, inherited, opening, reading, renaming, writing } from '../testing/elements.ts';
import { acknowledgingLease, granted, keyOf, leasing, next, nextBreak, R, RH, RW, RWH } from '../testing/leases.ts';
import { RawClient, testServer } from '../testing/raw-client.ts';
import { turns } from '../testing/turns.ts';

/** Two clients of a server. */
async function stage(dialect: number = Dialect.Smb302) {
  const server = testServer();
  const first = await RawClient.at(server, 'share', 'ann', 'secret', dialect, keyOf(0xa));
  const second = await RawClient.at(server, 'share', 'bob', 'word', dialect, keyOf(0xb));
  return { server, clock: server.clock as FakeClock, first, second };
}

test('CREATE is granted the lease that it requests, from 2.1 on; the response has the version of the request (3.3.5.9.8, 3.3.5.9.11)', async () => {
  for (const state of [R, RH, RW, RWH]) {
    const { first } = await stage();
    const v1 = granted(await first.create('one', leasing(1, state)));
    assert.deepEqual([v1?.leaseState, v1?.epoch], [state, undefined]);
    const v2 = granted(await first.create('two', leasing(2, state, { epoch: 41 })));
    assert.deepEqual([v2?.leaseState, v2?.epoch], [state, 42]);
  }
  const { first } = await stage(Dialect.Smb202);
  assert.equal(granted(await first.create('file', leasing(1, RWH))), undefined);
  const { first: older } = await stage(Dialect.Smb21);
  assert.equal(granted(await older.create('file', leasing(1, RWH)))?.leaseState, RWH);
  assert.equal(granted(await older.create('other', leasing(2, RWH, { epoch: 1 }))), undefined);
});

test('a lease context without the lease level, and the level without the context, request nothing (3.3.5.9.8)', async () => {
  const { first } = await stage();
  assert.equal(granted(await first.create('one', leasing(1, RWH, { requestedOplockLevel: 0 }))), undefined);
  assert.equal((await first.create('two', { requestedOplockLevel: OplockLevel.Lease })).read(CreateResponse).oplockLevel, 0);
});

test('a lease context of another length is an invalid parameter (2.2.13.2.8, 2.2.13.2.10)', async () => {
  const { first, server } = await stage();
  for (const length of [0, 31, 33, 51, 53]) {
    const createContexts = [{ name: 'RqLs', data: new Uint8Array(length) }];
    const answer = await first.create('file', { requestedOplockLevel: OplockLevel.Lease, createContexts });
    assert.equal(answer.status, NtStatus.InvalidParameter);
  }
  assert.deepEqual([server.leases.size, server.opens.size], [0, 0]);
});

test('one key is for one file: with another file the CREATE fails and makes nothing (3.3.5.9.8)', async () => {
  const { first, server } = await stage();
  await first.create('file', leasing(1, RWH));
  assert.equal((await first.create('new', leasing(1, R))).status, NtStatus.InvalidParameter);
  assert.equal((await first.create('new', { createDisposition: CreateDisposition.Open })).status, NtStatus.ObjectNameNotFound);
  await first.create('other');
  assert.equal((await first.create('other', leasing(1, R))).status, NtStatus.InvalidParameter);
  assert.equal(server.leases.size, 1);
});

test('opens of one lease do not break it, and share it until the last is closed (MS-FSA 2.1.4.12)', async () => {
  const { first, server } = await stage();
  const one = idsOf(await first.create('file', leasing(1, RWH)));
  const two = await first.create('file', leasing(1, R));
  assert.equal(granted(two)?.leaseState, RWH);
  await first.ask(writing(idsOf(two), 'data'));
  await first.ask(closing(one));
  assert.deepEqual([server.leases.size, server.fileTotals.oplocks], [1, 1]);
  await first.ask(closing(idsOf(two)));
  assert.deepEqual([server.leases.size, server.fileTotals.oplocks], [0, 0]);
});

test('another client’s CREATE waits for the acknowledgment of write caching, and is granted the remaining caching (3.3.4.7, 3.3.5.22.2)', async () => {
  const { first, second } = await stage();
  await first.create('file', leasing(1, RWH, { epoch: 0 }));
  assert.equal((await second.ask(opening('file', leasing(1, RWH)))).status, NtStatus.Pending);
  assert.deepEqual(await nextBreak(first), { from: RWH, to: RH, acknowledge: true, newEpoch: 2, key: 1 });
  const answer = await first.ask(acknowledgingLease(1, RH));
  assert.equal(answer.read(LeaseBreakAcknowledgment).leaseState, RH);
  assert.equal(granted(await next(second))?.leaseState, RH);
});

test('a write breaks read caching: at once without handle caching, with an acknowledgment otherwise, and does not wait (MS-FSA 2.1.4.12)', async () => {
  for (const held of [R, RH]) {
    const { first, second } = await stage();
    await first.create('file', leasing(1, held));
    const ids = idsOf(await second.create('file'));
    assert.equal((await second.ask(writing(ids, 'data'))).status, NtStatus.Success);
    assert.deepEqual(await nextBreak(first), { from: held, to: 0, acknowledge: held === RH, newEpoch: 0, key: 1 });
  }
});

test('a share mode conflict, a rename and a deletion break handle caching and wait for the acknowledgment (MS-FSA 2.1.5.1.2, 2.1.5.15)', async () => {
  for (const how of ['share', 'rename', 'delete'] as const) {
    const { first, second } = await stage();
    const kept = idsOf(await first.create('file', leasing(1, RH, how === 'share' ? { shareAccess: 1 } : {})));
    const ids = how === 'share' ? undefined : idsOf(await second.create('file'));
    const element = ids === undefined ? opening('file') : how === 'rename' ? renaming(ids, 'moved') : disposing(ids, true);
    assert.equal((await second.ask(element)).status, NtStatus.Pending);
    assert.deepEqual(await nextBreak(first), { from: RH, to: R, acknowledge: true, newEpoch: 0, key: 1 });
    await first.ask(closing(kept));
    assert.equal((await next(second)).status, NtStatus.Success, how);
  }
});

test('an acknowledgment of an unknown key, without a break, or above the break’s state fails (3.3.5.22.2)', async () => {
  const { first, second } = await stage();
  await first.create('file', leasing(1, RWH));
  assert.equal((await first.ask(acknowledgingLease(9, R))).status, NtStatus.ObjectNameNotFound);
  assert.equal((await first.ask(acknowledgingLease(1, R))).status, NtStatus.Unsuccessful);
  await second.ask(opening('file'));
  await nextBreak(first);
  for (const state of [RWH, RW, LeaseState.Write])
    assert.equal((await first.ask(acknowledgingLease(1, state))).status, NtStatus.RequestNotAccepted);
  assert.equal((await second.ask(acknowledgingLease(1, 0))).status, NtStatus.ObjectNameNotFound, 'the key of another client');
  assert.equal((await first.ask(acknowledgingLease(1, 0))).status, NtStatus.Success);
  assert.equal((await next(second)).status, NtStatus.Success);
});

test('a client that does not acknowledge in 35 seconds loses its lease (3.3.2.5, 3.3.6.5)', async () => {
  const { first, second, clock, server } = await stage();
  await first.create('file', leasing(1, RWH));
  await second.ask(opening('file'));
  await nextBreak(first);
  clock.advance(35_000);
  assert.equal((await next(second)).status, NtStatus.Success);
  assert.equal(server.fileTotals.oplocks, 0);
  assert.equal((await first.ask(acknowledgingLease(1, RH))).status, NtStatus.Unsuccessful);
});

test('a lost connection ends a break: the waiting CREATE continues, and nothing is left (3.3.7.1)', async () => {
  const { first, second, server } = await stage();
  await first.create('file', leasing(1, RWH));
  await second.ask(opening('file'));
  await nextBreak(first);
  first.sendBytes(Uint8Array.of(0xee, 0, 0, 0));
  assert.equal((await next(second)).status, NtStatus.Success);
  assert.deepEqual([server.leases.size, server.fileTotals.oplocks], [0, 0]);
});

test('a directory is granted no lease of version 1 (3.3.5.9.8)', async () => {
  const { first } = await stage();
  const answer = await first.create('folder', leasing(1, RH, { createOptions: CreateOptions.DirectoryFile }));
  assert.equal(granted(answer), undefined);
});

test('an oplock acknowledgment for an open with a lease is rejected (3.3.5.22.1)', async () => {
  const { first } = await stage();
  const ids = idsOf(await first.create('file', leasing(1, RWH)));
  assert.equal((await first.ask(acknowledging(ids, OplockLevel.Ii))).status, NtStatus.InvalidParameter);
});

test('two connections of one client share its leases; a notification uses the oldest (3.3.1.11, 3.3.4.7)', async () => {
  const { first, second, server } = await stage();
  const again = await RawClient.at(server, 'share', 'ann', 'secret', Dialect.Smb302, keyOf(0xa));
  await again.create('file', leasing(1, RWH));
  assert.equal(granted(await first.create('file', leasing(1, R)))?.leaseState, RWH);
  await second.ask(opening('file'));
  assert.equal((await nextBreak(first)).to, RH);
  assert.equal((await again.ask(acknowledgingLease(1, RH))).status, NtStatus.Success);
  assert.equal((await next(second)).status, NtStatus.Success);
});

test('caching that is granted while the store still changes the data is broken when the change is done (3.3.1.4)', async () => {
  for (const how of ['write', 'overwrite'] as const) {
    let finish = (): void => {};
    const memory = createMemoryStore();
    let slow = false;
    const before = (): Promise<undefined> | undefined => (slow ? new Promise((resolve) => (finish = () => resolve(undefined))) : undefined);
    const vfs = intercept(memory, before, new Set(['write', 'truncate']));
    const server = testServer({ shares: { share: vfs } });
    const first = await RawClient.at(server, 'share', 'ann', 'secret', Dialect.Smb302, keyOf(0xa));
    const second = await RawClient.at(server, 'share', 'bob', 'word', Dialect.Smb302, keyOf(0xb));
    const ids = idsOf(await second.create('file'));
    slow = true;
    const element = how === 'write' ? writing(ids, 'data') : opening('file', { createDisposition: CreateDisposition.OverwriteIf });
    second.sendFrame(second.encode([element]));
    assert.equal(granted(await first.create('file', leasing(1, R)))?.leaseState, R, how);
    finish();
    assert.equal((await nextBreak(first)).to, 0);
    slow = false;
    finish();
  }
});

test('a break is sent after the response of the CREATE that was granted the lease, however long its chain takes (3.3.1.12)', async () => {
  let finish = (): void => {};
  let slow = false;
  const before = (): Promise<undefined> | undefined => (slow ? new Promise((resolve) => (finish = () => resolve(undefined))) : undefined);
  const server = testServer({ shares: { share: intercept(createMemoryStore(), before, new Set(['read'])) } });
  const first = await RawClient.at(server, 'share', 'ann', 'secret', Dialect.Smb302, keyOf(0xa));
  const second = await RawClient.at(server, 'share', 'bob', 'word', Dialect.Smb302, keyOf(0xb));
  const ids = idsOf(await second.create('file'));
  await second.ask(writing(ids, 'data'));
  slow = true;
  first.sendFrame(first.encode([opening('file', leasing(1, R)), { ...reading(inherited, 4), related: true }]));
  await turns(20);
  await second.ask(writing(ids, 'more'));
  finish();
  const answers = (await first.next()) ?? [];
  assert.deepEqual(
    answers.map(({ header, status }) => [header.command, status]),
    [
      [Command.Create, NtStatus.Success],
      [Command.Read, NtStatus.Success],
    ],
  );
  assert.equal((await nextBreak(first)).to, 0);
});
