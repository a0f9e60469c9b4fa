import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CreateResponse, Dialect, Fsctl, NtStatus, OplockLevel } from '@ring3/smb-proto';
import { batch, cut, DH2C, DHnC, DHnQ, lease, stage } from '../testing/durable.ts';
import { closing, control, type Ids, idsOf, locking, loggingOff, reading, writing } from '../testing/elements.ts';
import type { Answer, RawClient } from '../testing/raw-client.ts';
import { turns } from '../testing/turns.ts';

function resiliency(ids: Ids, timeout: number, length = 8) {
  const input = Buffer.alloc(8);
  input.writeUInt32LE(timeout);
  return control(ids, Fsctl.LmrRequestResiliency, { input: input.subarray(0, length) });
}
const statusOf = async (client: RawClient, element: ReturnType<typeof control>): Promise<number> => (await client.ask(element)).status;
const reconnect = (client: RawClient, ids: Ids): Promise<Answer> => client.create('', { createContexts: [DHnC(ids)] });

test('a resilient open waits for its client whatever it caches, with its locks, at each dialect (3.3.5.15.9, 3.3.7.1)', async () => {
  for (const dialect of [Dialect.Smb21, Dialect.Smb30, Dialect.Smb302]) {
    const { at, server } = await stage();
    const first = await at(0xa, 'ann', 'secret', dialect);
    const ids = idsOf(await first.create('file'));
    assert.equal(await statusOf(first, resiliency(ids, 5000)), NtStatus.Success);
    await first.ask(writing(ids, 'kept'));
    await first.ask(locking(ids, 0n, 1n, 0x12));
    await cut(first);
    assert.deepEqual([server.durables.detached, server.fileTotals.locks], [1, 1]);
    const second = await at(0xa, 'ann', 'secret', dialect);
    const answer = await reconnect(second, ids);
    assert.equal(answer.status, NtStatus.Success);
    assert.equal(answer.read(CreateResponse).persistentFileId, ids.persistentFileId);
    assert.equal((await second.ask(reading(idsOf(answer), 4))).status, NtStatus.Success);
    await second.ask(closing(idsOf(answer)));
    assert.deepEqual([server.opens.size, server.fileTotals.files], [0, 0]);
  }
});

test('a request that is too short, or for more than the maximum in seconds, is an invalid parameter; 0 requests the default (3.3.5.15.9)', async () => {
  const { at, server } = await stage({ limits: { resilientMs: 7000, maxResilientMs: 10_000 } });
  const client = await at();
  const ids = idsOf(await client.create('file'));
  assert.equal(await statusOf(client, resiliency(ids, 5000, 7)), NtStatus.InvalidParameter);
  assert.equal(await statusOf(client, resiliency(ids, 11_000)), NtStatus.InvalidParameter);
  assert.equal(server.opens.get(ids.volatileFileId)?.durable, undefined);
  for (const [asked, given] of [
    [10_999, 10_000],
    [9000, 9000],
    [0, 7000],
  ] as const) {
    assert.equal(await statusOf(client, resiliency(ids, asked)), NtStatus.Success);
    assert.equal(server.opens.get(ids.volatileFileId)?.durable?.timeoutMs, given);
  }
  assert.equal(await statusOf(client, resiliency({ ...ids, volatileFileId: 4711 }, 0)), NtStatus.FileClosed);
});

test('2.0.2 has no resilient opens (3.3.5.15.9)', async () => {
  const { at, server } = await stage();
  const client = await at(0xa, 'ann', 'secret', Dialect.Smb202);
  const ids = idsOf(await client.create('file'));
  assert.equal(await statusOf(client, resiliency(ids, 0)), NtStatus.InvalidDeviceRequest);
  await cut(client);
  assert.equal(server.opens.size, 0);
});

test('a resilient open is closed after its time-out (3.3.2.4), and LOGOFF keeps it (3.3.5.6)', async () => {
  const { at, server, clock } = await stage();
  const first = await at();
  const ids = idsOf(await first.create('file'));
  await first.ask(resiliency(ids, 5000));
  await first.ask(loggingOff);
  await turns(3);
  assert.equal(server.durables.detached, 1);
  clock.advance(4999);
  assert.equal(server.durables.detached, 1);
  clock.advance(1);
  await turns(3);
  assert.deepEqual([server.durables.detached, server.opens.size, server.fileTotals.files], [0, 0, 0]);
});

test('another client’s CREATE takes what a detached resilient open caches, not the open (3.3.4.6, 3.3.4.7)', async () => {
  for (const create of [batch(DHnQ), { requestedOplockLevel: OplockLevel.Lease, createContexts: [DHnQ, lease(1, 7)] }]) {
    const { at, server } = await stage();
    const first = await at();
    const ids = idsOf(await first.create('file', { ...create, shareAccess: 7 }));
    await first.ask(resiliency(ids, 0));
    await cut(first);
    const second = await at(0xb, 'bob', 'word');
    let answer = await second.create('file');
    if (answer.status === NtStatus.Pending) [answer] = (await second.next()) as [Answer];
    assert.equal(answer.status, NtStatus.Success);
    assert.deepEqual([server.durables.detached, server.opens.size], [1, 2]);
    const again = await at();
    const contexts = create.createContexts?.length === 1 ? [DHnC(ids)] : [DHnC(ids), lease(1, 7)];
    const back = await again.create('file', { requestedOplockLevel: create.requestedOplockLevel ?? 0, createContexts: contexts });
    assert.equal(back.status, NtStatus.Success);
  }
});

test('a client that is disconnected during a break does not acknowledge it: the operation that waits continues at once (3.3.4.6, 3.3.4.7)', async () => {
  for (const create of [batch(DHnQ), { requestedOplockLevel: OplockLevel.Lease, createContexts: [DHnQ, lease(1, 7)] }]) {
    const { at, server } = await stage();
    const first = await at();
    const ids = idsOf(await first.create('file', create));
    await first.ask(resiliency(ids, 0));
    const second = await at(0xb, 'bob', 'word');
    assert.equal((await second.create('file')).status, NtStatus.Pending);
    await first.next(); // the break
    await cut(first);
    assert.equal((await second.next())?.[0]?.status, NtStatus.Success);
    assert.deepEqual([server.durables.detached, server.opens.size], [1, 2]);
  }
});

test('the share modes of a detached resilient open hold: another client’s CREATE is a sharing violation', async () => {
  const { at, server } = await stage();
  const first = await at();
  const ids = idsOf(await first.create('file', { shareAccess: 0 }));
  await first.ask(resiliency(ids, 0));
  await cut(first);
  const second = await at(0xb, 'bob', 'word');
  assert.equal((await second.create('file')).status, NtStatus.SharingViolation);
  assert.equal((await reconnect(second, ids)).status, NtStatus.AccessDenied, 'the open of another user');
  assert.equal(
    (await second.create('', { createContexts: [DH2C(ids, 3)] })).status,
    NtStatus.ObjectNameNotFound,
    'a GUID that it does not have',
  );
  assert.equal(server.durables.detached, 1);
});

test('a LOCK with the number of the last one in its place is not executed again, at 2.1 only on a resilient open (3.3.5.14)', async () => {
  for (const [dialect, resilient, status] of [
    [Dialect.Smb21, true, NtStatus.Success],
    [Dialect.Smb21, false, NtStatus.LockNotGranted],
    [Dialect.Smb202, false, NtStatus.LockNotGranted],
  ] as const) {
    const { at } = await stage();
    const client = await at(0xa, 'ann', 'secret', dialect);
    const ids = idsOf(await client.create('file'));
    if (resilient) await client.ask(resiliency(ids, 0));
    const numbered = locking(ids, 0n, 1n, 0x12, (1 << 4) | 5);
    assert.equal((await client.ask(numbered)).status, NtStatus.Success);
    assert.equal((await client.ask(numbered)).status, status, `${dialect}`);
  }
});
