import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CreateAction,
  CreateResponse,
  Dialect,
  DurableHandleResponseV2,
  HeaderFlags,
  NtStatus,
  OplockLevel,
  ReadResponse,
} from '@ring3/smb-proto';
import { createMemoryStore, type Vfs } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import { viewOf } from '../server/view.ts';
import { batch, type Create, contextOf, cut, DH2C, DH2Q, DHnC, DHnQ, instance, lease, stage, version } from '../testing/durable.ts';
import { closing, disconnecting, disposing, idsOf, locking, loggingOff, opening, reading, renaming, writing } from '../testing/elements.ts';
import type { Answer, RawClient } from '../testing/raw-client.ts';
import { turns } from '../testing/turns.ts';

test('an open with a batch oplock, or with a lease that has handle caching, becomes durable; others do not (3.3.5.9.6, 3.3.5.9.10)', async () => {
  const { at } = await stage();
  const client = await at();
  const durable = async (name: string, how: Create): Promise<boolean> => {
    const answer = await client.create(name, how);
    assert.equal(answer.status, NtStatus.Success);
    return contextOf(answer, DHnQ.name) !== undefined;
  };
  assert.equal(await durable('a', batch(DHnQ)), true);
  assert.equal(await durable('b', { requestedOplockLevel: OplockLevel.Exclusive, createContexts: [DHnQ] }), false);
  assert.equal(await durable('c', { createContexts: [DHnQ] }), false);
  const leasing = (n: number, state: number): Create => ({
    requestedOplockLevel: OplockLevel.Lease,
    createContexts: [DHnQ, lease(n, state)],
  });
  assert.equal(await durable('d', leasing(1, 7)), true);
  assert.equal(await durable('e', leasing(2, 3)), true);
  assert.equal(await durable('f', leasing(3, 5)), false);
});

test('version 2 has the client’s time-out, at most the server’s; 0 requests the server’s (3.3.5.9.10)', async () => {
  const { at, server } = await stage();
  const client = await at();
  const asked = async (n: number, timeout: number): Promise<number | undefined> => {
    const data = contextOf(await client.create(`file ${n}`, batch(DH2Q(n, timeout))), 'DH2Q');
    return data && DurableHandleResponseV2.read(new Frame(data), 0).timeout;
  };
  assert.deepEqual(
    [await asked(1, 5000), await asked(2, 2 ** 31), await asked(3, 0)],
    [5000, server.limits.maxDurableMs, server.limits.durableMs],
  );
});

test('durable contexts that exclude each other are an invalid parameter (3.3.5.9.6, .7, .10, .12)', async () => {
  const { at, server } = await stage();
  const client = await at();
  const ids = { persistentFileId: 1, volatileFileId: 1 };
  for (const pair of [
    [DHnQ, DH2Q(1)],
    [DHnQ, DH2C(ids, 1)],
    [DHnC(ids), DH2Q(1)],
    [DHnC(ids), DH2C(ids, 1)],
    [DH2Q(1), DH2C(ids, 1)],
  ]) {
    assert.equal((await client.create('file', batch(...pair))).status, NtStatus.InvalidParameter);
  }
  assert.equal(server.opens.size, 0);
});

test('after a lost connection the client gets its open again, with its locks and its written data (3.3.5.9.7, 3.3.5.9.12, 3.3.7.1)', async () => {
  for (const how of ['v1', 'v2', 'lease'] as const) {
    const { at, server } = await stage();
    const first = await at();
    const create =
      how === 'lease'
        ? { requestedOplockLevel: OplockLevel.Lease, createContexts: [DHnQ, lease(1, 7)] }
        : batch(how === 'v1' ? DHnQ : DH2Q(5));
    const ids = idsOf(await first.create('file', create));
    await first.ask(writing(ids, 'kept'));
    assert.equal((await first.ask(locking(ids, 0n, 10n, 0x12))).status, NtStatus.Success);
    await cut(first);
    assert.deepEqual([server.durables.detached, server.opens.size, server.fileTotals.locks], [1, 1, 1]);
    const second = await at();
    const contexts = how === 'v1' ? [DHnC(ids)] : how === 'v2' ? [DH2C(ids, 5)] : [DHnC(ids), lease(1, 7)];
    const answer = await second.create('file', { requestedOplockLevel: create.requestedOplockLevel ?? 0, createContexts: contexts });
    assert.equal(answer.status, NtStatus.Success, how);
    const { createAction, oplockLevel, persistentFileId } = answer.read(CreateResponse);
    assert.deepEqual(
      [createAction, oplockLevel, persistentFileId],
      [CreateAction.Opened, create.requestedOplockLevel, ids.persistentFileId],
    );
    const read = await second.ask(reading(idsOf(answer), 100));
    assert.equal(Buffer.concat(read.read(ReadResponse).data).toString(), 'kept');
    assert.equal(server.durables.detached, 0);
    await second.ask(closing(idsOf(answer)));
    assert.deepEqual([server.opens.size, server.fileTotals.locks, server.fileTotals.oplocks, server.leases.size], [0, 0, 0, 0]);
  }
});

test('an open that is not durable, that has its client, or that another user made, is not found (3.3.5.9.7)', async () => {
  const { at, server } = await stage();
  const first = await at();
  const ids = idsOf(await first.create('file', batch(DHnQ)));
  assert.equal((await (await at()).create('file', batch(DHnC(ids)))).status, NtStatus.ObjectNameNotFound, 'it has its client');
  await cut(first);
  const other = await at(0xb, 'bob', 'word');
  assert.equal((await other.create('file', batch(DHnC(ids)))).status, NtStatus.AccessDenied);
  const again = await at();
  assert.equal((await again.create('file', batch(DHnC({ ...ids, persistentFileId: 4711 })))).status, NtStatus.ObjectNameNotFound);
  assert.equal((await again.create('file', batch(DH2C(ids, 9)))).status, NtStatus.ObjectNameNotFound, 'another GUID');
  assert.equal((await again.create('file', { createContexts: [DHnC(ids), lease(1, 7)] })).status, NtStatus.ObjectNameNotFound, 'a lease');
  assert.equal(server.durables.detached, 1);
  assert.equal((await again.create('file', batch(DHnC(ids)))).status, NtStatus.Success);
});

test('with a lease the client, the key and the name have to be the same (3.3.5.9.7)', async () => {
  const { at } = await stage();
  const first = await at();
  const ids = idsOf(await first.create('file', { requestedOplockLevel: OplockLevel.Lease, createContexts: [DHnQ, lease(1, 7)] }));
  await cut(first);
  const leasing = (name: string, n: number, client: RawClient): Promise<Answer> =>
    client.create(name, { requestedOplockLevel: OplockLevel.Lease, createContexts: [DHnC(ids), lease(n, 7)] });
  assert.equal((await leasing('file', 1, await at(0xc))).status, NtStatus.ObjectNameNotFound);
  const again = await at();
  assert.equal((await leasing('file', 2, again)).status, NtStatus.ObjectNameNotFound);
  assert.equal((await leasing('other', 1, again)).status, NtStatus.InvalidParameter);
  assert.equal((await leasing('FILE', 1, again)).status, NtStatus.Success);
});

test('a detached open is closed after its time-out, and nothing is left (3.3.2.2)', async () => {
  const { at, server, clock } = await stage();
  const first = await at();
  const ids = idsOf(await first.create('file', batch(DH2Q(1, 5000))));
  await cut(first);
  clock.advance(4999);
  assert.equal(server.durables.detached, 1);
  clock.advance(1);
  await turns(3);
  assert.deepEqual([server.durables.detached, server.opens.size, server.fileTotals.files], [0, 0, 0]);
  assert.equal((await (await at()).create('file', batch(DH2C(ids, 1)))).status, NtStatus.ObjectNameNotFound);
});

test('another client’s conflicting CREATE closes a detached open and does not wait for its client (3.3.4.6, 3.3.4.7)', async () => {
  for (const create of [batch(DHnQ), { requestedOplockLevel: OplockLevel.Lease, createContexts: [DHnQ, lease(1, 7)] }]) {
    const { at, server } = await stage();
    const first = await at();
    await first.create('file', { ...create, shareAccess: 0 });
    await cut(first);
    const second = await at(0xb, 'bob', 'word');
    let answer = await second.create('file');
    if (answer.status === NtStatus.Pending) [answer] = (await second.next()) as [Answer];
    assert.equal(answer.status, NtStatus.Success);
    assert.deepEqual([server.durables.detached, server.opens.size], [0, 1]);
  }
});

/** What another client does while a durable open waits, and whether that closes the open: if it needs what the open caches. */
const meanwhile: readonly (readonly [what: string, held: number, closes: boolean, act: (other: RawClient) => Promise<unknown>])[] = [
  ['opens for attributes only', 7, false, (other) => other.create('file', { desiredAccess: 0x80 })],
  ['opens for reading', 7, true, (other) => other.create('file', { desiredAccess: 1 })],
  ['opens for attributes only', 3, false, (other) => other.create('file', { desiredAccess: 0x80 })],
  ['opens for reading', 3, false, (other) => other.create('file', { desiredAccess: 1 })],
  [
    'opens with another lease',
    3,
    false,
    (other) => other.create('file', { requestedOplockLevel: OplockLevel.Lease, createContexts: [lease(8, 7)] }),
  ],
  ['opens and shares nothing', 3, true, (other) => other.create('file', { desiredAccess: 1, shareAccess: 0 })],
  ['overwrites', 3, true, (other) => other.create('file', { createDisposition: 5 })],
  ['writes', 3, true, async (other) => other.ask(writing(idsOf(await other.create('file')), 'x'))],
  ['locks', 3, true, async (other) => other.ask(locking(idsOf(await other.create('file')), 0n, 1n, 0x12))],
  ['renames', 3, true, async (other) => other.ask(renaming(idsOf(await other.create('file')), 'other'))],
  ['deletes', 3, true, async (other) => other.ask(disposing(idsOf(await other.create('file')), true))],
];
for (const [what, held, closes, act] of meanwhile) {
  test(`a detached durable open with lease ${held} is ${closes ? 'closed' : 'kept'} if another client ${what} (3.3.4.6, 3.3.4.7)`, async () => {
    const { at, server } = await stage();
    const first = await at();
    await first.create('file', { requestedOplockLevel: OplockLevel.Lease, createContexts: [DHnQ, lease(1, held)] });
    await cut(first);
    await act(await at(0xb, 'bob', 'word'));
    await turns(5);
    assert.equal(server.durables.detached, closes ? 0 : 1);
  });
}

test('on a share where all act as one user, only the user who logged on reconnects to its open, or takes it over (3.3.5.9.7, 3.3.5.9.13)', async () => {
  const { at, server } = await stage({ shares: { share: { vfs: createMemoryStore(), forceUser: 'bob' } } });
  const first = await at();
  const ids = idsOf(await first.create('file', batch(DH2Q(1), instance(5))));
  await cut(first);
  const other = await at(0xb, 'bob', 'word');
  assert.equal((await other.create('file', batch(DH2C(ids, 1)))).status, NtStatus.AccessDenied);
  assert.equal((await other.create('another', batch(DH2Q(2), instance(5)))).status, NtStatus.Success);
  assert.equal(server.durables.detached, 1);
  assert.equal((await (await at()).create('file', batch(DH2C(ids, 1)))).status, NtStatus.Success);
});

test('a durable open is found after its share got other options, unless these allow less (3.3.5.9.7)', async () => {
  const { at, server } = await stage();
  for (const [options, status] of [
    [{ comment: 'another' }, NtStatus.Success],
    [{ readOnly: true }, NtStatus.ObjectNameNotFound],
  ] as const) {
    const first = await at();
    const ids = idsOf(await first.create('file', batch(DHnQ)));
    await cut(first);
    server.shares.replace('share', { vfs: server.options.shares['share'] as Vfs, ...options });
    const again = await (await at()).create('file', batch(DHnC(ids)));
    assert.equal(again.status, status);
    if (status === NtStatus.Success) viewOf(server).endOpen(ids.persistentFileId);
  }
});

test('a reconnected open counts channel sequences from that of its new session (3.3.1.10, 3.3.5.2.10)', async () => {
  const { at } = await stage();
  const first = await at();
  const ids = idsOf(await first.create('file', batch(DHnQ)));
  assert.equal((await first.ask({ ...writing(ids, 'a'), header: { status: 5 } })).status, NtStatus.Success);
  assert.equal((await first.ask({ ...writing(ids, 'b'), header: { status: 4 } })).status, NtStatus.FileNotAvailable);
  await cut(first);
  const again = await at();
  const back = idsOf(await again.create('file', batch(DHnC(ids))));
  assert.equal((await again.ask(writing(back, 'c'))).status, NtStatus.Success);
});

test('LOGOFF keeps a durable open, TREE_DISCONNECT closes it (3.3.5.6, 3.3.5.8)', async () => {
  for (const [element, kept] of [
    [loggingOff, 1],
    [disconnecting, 0],
  ] as const) {
    const { at, server } = await stage();
    const first = await at();
    await first.create('file', batch(DHnQ));
    await first.ask(element);
    await turns(3);
    assert.equal(server.durables.detached, kept);
  }
});

test('an administrator, and a server that closes, end durable opens too', async () => {
  const { at, server } = await stage();
  const first = await at();
  await first.create('file', batch(DHnQ));
  viewOf(server).endSession(first.sessionId);
  await turns(3);
  assert.deepEqual([server.durables.detached, server.opens.size], [0, 0]);
  const second = await at();
  await second.create('file', batch(DHnQ));
  await cut(second);
  assert.equal(server.durables.detached, 1);
  await server.close();
  assert.deepEqual([server.durables.detached, server.opens.size, server.fileTotals.files], [0, 0, 0]);
});

test('a CREATE that is sent again with the replay flag gets the same open; without the flag its GUID is in use (3.3.5.9.10)', async () => {
  const { at, server } = await stage();
  const client = await at();
  const ids = idsOf(await client.create('file', batch(DH2Q(1))));
  assert.equal((await client.create('file', batch(DH2Q(1)))).status, NtStatus.DuplicateObjectId);
  const again = await client.ask({ ...opening('file', batch(DH2Q(1))), header: { flags: HeaderFlags.ReplayOperation } });
  assert.deepEqual(idsOf(again), ids);
  assert.equal(again.read(CreateResponse).createAction, CreateAction.Created);
  assert.equal(server.opens.size, 1);
});

test('the same instance of an application on another client takes the file over, unless it is older (3.3.5.9.13)', async () => {
  const { at, server } = await stage();
  const first = await at(0xa, 'ann', 'secret', Dialect.Smb302);
  await first.create('file', { ...batch(DH2Q(1), instance(7)), shareAccess: 0 });
  const second = await at(0xb);
  assert.equal((await second.create('file', { ...batch(DH2Q(2), instance(7)), shareAccess: 0 })).status, NtStatus.Success);
  assert.equal(server.opens.size, 1);
  const stranger = await at(0xc, 'bob', 'word');
  const answer = await stranger.create('file', { createContexts: [DH2Q(3), instance(7), version(1n)], shareAccess: 0 });
  assert.notEqual(answer.status, NtStatus.Success, 'an open of another user is not closed');
});
