import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FakeClock } from '@ring3/kit';
import {
  Capabilities,
  Command,
  CreateOptions,
  CreateResponse,
  Dialect,
  DurableHandleFlags,
  DurableHandleResponseV2,
  Fsctl,
  HeaderFlags,
  LeaseBreakAcknowledgment,
  NegotiateResponse,
  NtStatus,
  OplockLevel,
  ReadResponse,
  ShareCapabilities,
  TreeConnectResponse,
} from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import { memoryPersistentOpens, type PersistentChange, type PersistentOpens, type StoredOpen } from '../objects/persistent-opens.ts';
import { restoreOpens } from '../server/restore-opens.ts';
import type { Server } from '../server/server.ts';
import { viewOf } from '../server/view.ts';
import { batch, type Create, contextOf, cut, DH2C, DH2Q, DHnC, guid, instance, lastingStore, lease } from '../testing/durable.ts';
import {
  closing,
  control,
  disposing,
  type Ids,
  idsOf,
  locking,
  loggingOff,
  opening,
  reading,
  renaming,
  writing,
} from '../testing/elements.ts';
import { type Answer, RawClient, testServer } from '../testing/raw-client.ts';
import { turns } from '../testing/turns.ts';

const { Persistent } = DurableHandleFlags;
const serverGuid = guid(0x77);

/** Servers that follow each other on one store: `restart` ends one as `kill -9` does, and starts the next. */
async function stage(opens: PersistentOpens | undefined = memoryPersistentOpens(), limits: object = {}) {
  const vfs = lastingStore();
  const start = async (): Promise<Server> => {
    const server = testServer({
      shares: { share: { vfs, continuousAvailability: true, posixLocks: false }, plain: { vfs: lastingStore() } },
      guid: serverGuid,
      limits,
      ...(opens !== undefined && { persistentOpens: opens }),
    });
    await restoreOpens(server);
    return server;
  };
  let server = await start();
  return {
    get server() {
      return server;
    },
    get clock() {
      return server.clock as FakeClock;
    },
    at: async (n = 0xa, user = 'ann', password = 'secret', dialect: number = Dialect.Smb302, share = 'share') =>
      (await connect(server, guid(n), user, password, dialect, share)).client,
    async restart(): Promise<Server> {
      server = await start();
      return server;
    },
  };
}

/** A client that announces persistent handles, and the capabilities of the server and of the share in its responses. */
async function connect(server: Server, clientGuid: Uint8Array, user: string, password: string, dialect: number, share: string) {
  const client = new RawClient(server);
  client.clientGuid = clientGuid;
  const { capabilities: ofServer } = (await client.negotiate([dialect], [], Capabilities.PersistentHandles)).read(NegotiateResponse);
  await client.logOn(user, password);
  const connected = await client.connect(share);
  assert.equal(connected.status, NtStatus.Success);
  const { capabilities: ofShare } = connected.read(TreeConnectResponse);
  return { client, ofServer, ofShare };
}
type Stage = Awaited<ReturnType<typeof stage>>;

const persistent = (n: number, timeout = 0) => ({ createContexts: [DH2Q(n, timeout, Persistent)] });
const flagsOf = (answer: Answer): number | undefined => {
  const data = contextOf(answer, 'DH2Q');
  return data && DurableHandleResponseV2.read(new Frame(data), 0).flags;
};
const again = (client: RawClient, ids: Ids, n: number, more: object = {}): Promise<Answer> =>
  client.create('', { createContexts: [DH2C(ids, n, Persistent)], ...more });
async function open(client: RawClient, name: string, n: number, more: object = {}): Promise<Ids> {
  const answer = await client.create(name, { ...persistent(n), ...more });
  assert.deepEqual([answer.status, flagsOf(answer)], [NtStatus.Success, Persistent]);
  return idsOf(answer);
}
const acknowledgingLease = (n: number, leaseState: number) => ({
  command: Command.OplockBreak,
  body: LeaseBreakAcknowledgment.encode({ leaseKey: guid(n), leaseState }),
});
const counts = ({ server }: Stage) => [server.opens.size, server.fileTotals.files, server.fileTotals.locks, server.persistence.size];

test('a share with continuous availability says so at 3.x, the server to clients that can (3.3.5.4, 3.3.5.7)', async () => {
  const announced = async (server: Server, dialect: number, share: string): Promise<unknown> => {
    const { ofServer, ofShare } = await connect(server, guid(dialect & 0xff), 'ann', 'secret', dialect, share);
    return [(ofServer & Capabilities.PersistentHandles) !== 0, (ofShare & ShareCapabilities.ContinuousAvailability) !== 0];
  };
  const { server } = await stage();
  assert.deepEqual(await announced(server, Dialect.Smb302, 'share'), [true, true]);
  assert.deepEqual(await announced(server, Dialect.Smb302, 'plain'), [true, false]);
  assert.deepEqual(await announced(server, Dialect.Smb21, 'share'), [false, false]);
  const without = testServer({ shares: { share: { vfs: lastingStore(), continuousAvailability: true } } });
  assert.deepEqual(await announced(without, Dialect.Smb302, 'share'), [false, false]);
});

test('an open with the persistent flag is persistent whatever it caches, but not a directory, nor on another share (3.3.5.9.10)', async () => {
  const { at } = await stage();
  const client = await at();
  assert.equal(flagsOf(await client.create('a', persistent(1))), Persistent);
  assert.equal(flagsOf(await client.create('b', batch(DH2Q(2, 0, Persistent)))), Persistent);
  assert.equal(flagsOf(await client.create('c', batch(DH2Q(3)))), 0, 'not requested');
  assert.equal(flagsOf(await client.create('d', { createContexts: [DH2Q(4)] })), undefined, 'neither requested nor cached');
  assert.equal(flagsOf(await client.create('e', { ...persistent(5), createOptions: CreateOptions.DirectoryFile })), undefined);
  const plain = await at(0xa, 'ann', 'secret', Dialect.Smb302, 'plain');
  assert.equal(flagsOf(await plain.create('a', batch(DH2Q(6, 0, Persistent)))), 0, 'durable only');
});

test('it is stored before the client has the response; if it cannot be, the open is durable only (3.3.5.9.10)', async () => {
  for (const fails of [false, true]) {
    const memory = memoryPersistentOpens();
    const waiting: (() => void)[] = [];
    const commit = async (changes: readonly PersistentChange[]): Promise<void> => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      if (fails) throw new Error('database or disk is full');
      await memory.commit(changes);
    };
    const { at, server } = await stage({ load: memory.load, commit });
    const client = await at();
    const response = client.chain(opening('file', batch(DH2Q(1, 0, Persistent))));
    let answered = false;
    void response.then(() => (answered = true));
    await turns(5);
    assert.equal(answered, false);
    for (const go of waiting.splice(0)) go();
    const [answer] = (await response) as [Answer];
    assert.equal(answer.status, NtStatus.Success);
    assert.equal(flagsOf(answer), fails ? 0 : Persistent);
    assert.equal(server.persistence.size, fails ? 0 : 1);
  }
});

test('after a restart the client gets its open again, with locks, lease or oplock; then nothing is left of it (3.3.5.9.12)', async () => {
  for (const how of ['none', 'batch', 'lease'] as const) {
    const here = await stage();
    const first = await here.at();
    const caching: Create =
      how === 'lease'
        ? { requestedOplockLevel: OplockLevel.Lease, createContexts: [DH2Q(1, 0, Persistent), lease(9, 7)] }
        : how === 'batch'
          ? batch(DH2Q(1, 0, Persistent))
          : persistent(1);
    const ids = await open(first, 'file', 1, caching);
    await first.ask(writing(ids, 'kept'));
    assert.equal((await first.ask(locking(ids, 0n, 2n ** 64n - 1n, 0x12))).status, NtStatus.Success);
    assert.equal((await first.ask(locking(ids, 2n ** 64n - 1n, 1n, 0x12))).status, NtStatus.Success);
    await here.restart();
    assert.deepEqual(counts(here), [1, 1, 2, 1]);
    const second = await here.at();
    const more = { requestedOplockLevel: caching.requestedOplockLevel ?? 0 };
    const contexts = how === 'lease' ? [DH2C(ids, 1, Persistent), lease(9, 7)] : [DH2C(ids, 1, Persistent)];
    const answer = await second.create('file', { ...more, createContexts: contexts });
    assert.equal(answer.status, NtStatus.Success, how);
    const { persistentFileId, oplockLevel } = answer.read(CreateResponse);
    assert.deepEqual([persistentFileId, oplockLevel], [ids.persistentFileId, more.requestedOplockLevel]);
    const read = await second.ask(reading(idsOf(answer), 10));
    assert.equal(Buffer.concat(read.read(ReadResponse).data).toString(), 'kept');
    assert.equal((await second.ask(locking(idsOf(answer), 0n, 2n ** 64n - 1n, 4))).status, NtStatus.Success);
    assert.equal((await second.ask(closing(idsOf(answer)))).status, NtStatus.Success);
    assert.deepEqual(counts(here), [0, 0, 0, 0]);
    assert.equal(here.server.leases.size, 0);
    await here.restart();
    assert.deepEqual(counts(here), [0, 0, 0, 0]);
  }
});

test('a client without the response of its CREATE finds its open by the GUID; with the flag, and only its own (3.3.5.9.12)', async () => {
  const here = await stage();
  const ids = await open(await here.at(), 'file', 1);
  await here.restart();
  const unknown = { persistentFileId: 4711, volatileFileId: 4711 };
  const client = await here.at();
  assert.equal((await again(client, unknown, 2)).status, NtStatus.ObjectNameNotFound);
  const without = await client.create('', { createContexts: [DH2C(ids, 1)] });
  assert.equal(without.status, NtStatus.ObjectNameNotFound, 'without the flag');
  assert.equal((await again(await here.at(0xb, 'bob', 'word'), unknown, 1)).status, NtStatus.AccessDenied);
  const answer = await again(client, unknown, 1);
  assert.equal(answer.status, NtStatus.Success);
  assert.equal(idsOf(answer).persistentFileId, ids.persistentFileId);
  assert.equal((await again(await here.at(), ids, 1)).status, NtStatus.ObjectNameNotFound, 'it has its client');
});

test('while its client is away, a CREATE of the file fails with FILE_NOT_AVAILABLE at 3.x; share modes and locks hold at 2.1 (3.3.5.9)', async () => {
  const here = await stage();
  const first = await here.at();
  const ids = await open(first, 'file', 1, { shareAccess: 0 });
  for (const restarts of [false, true]) {
    if (restarts) await here.restart();
    else await cut(first);
    const other = await here.at(0xb, 'bob', 'word');
    assert.equal((await other.create('file')).status, NtStatus.FileNotAvailable);
    assert.equal((await other.create('FILE')).status, NtStatus.FileNotAvailable);
    assert.equal((await other.create('another')).status, NtStatus.Success);
    const older = await here.at(0xc, 'bob', 'word', Dialect.Smb21);
    assert.equal((await older.create('file')).status, NtStatus.SharingViolation);
    assert.deepEqual([here.server.durables.detached], [1]);
  }
  const back = await again(await here.at(), ids, 1);
  assert.equal(back.status, NtStatus.Success);
  const other = await here.at(0xb, 'bob', 'word');
  assert.equal((await other.create('file')).status, NtStatus.SharingViolation, 'its client is connected');
  assert.equal(
    (await (await here.at()).ask({ ...opening('file', persistent(1)), header: { flags: HeaderFlags.ReplayOperation } })).status,
    NtStatus.DuplicateObjectId,
  );
});

test('a CREATE that is sent again after a restart gets the open that it made; without the replay flag its GUID is in use (3.3.5.9.10; smbtorture replay5)', async () => {
  const here = await stage();
  const ids = await open(await here.at(), 'file', 1);
  await here.restart();
  const client = await here.at();
  assert.equal((await client.create('file', persistent(1))).status, NtStatus.DuplicateObjectId);
  const replay = { ...opening('file', persistent(1)), header: { flags: HeaderFlags.ReplayOperation } };
  const stranger = await here.at(0xa, 'bob', 'word');
  assert.equal((await stranger.ask(replay)).status, NtStatus.AccessDenied);
  const back = await client.ask(replay);
  assert.deepEqual([back.status, flagsOf(back)], [NtStatus.Success, Persistent]);
  assert.equal(idsOf(back).persistentFileId, ids.persistentFileId);
  await client.ask(reading(idsOf(back), 1));
  assert.deepEqual(idsOf(await client.ask(replay)), idsOf(back), 'a persistent open stays eligible');
  assert.equal((await (await here.at()).ask(replay)).status, NtStatus.DuplicateObjectId, 'it has its client');
  assert.equal(here.server.opens.size, 1);
});

/** The status of a CREATE of `file` that may have to wait for a break. */
async function opened(client: RawClient, desiredAccess: number): Promise<number> {
  const { status } = await client.create('file', { desiredAccess });
  return status === NtStatus.Pending ? ((await client.next())?.[0]?.status ?? status) : status;
}

test('one that caches its handle lets others in, keeps its share mode, and is not closed by a break (3.3.4.6, 3.3.4.7, 3.3.5.9)', async () => {
  for (const how of ['batch', 'lease'] as const) {
    const here = await stage();
    const caching =
      how === 'lease'
        ? { requestedOplockLevel: OplockLevel.Lease, createContexts: [DH2Q(1, 0, Persistent), lease(9, 7)] }
        : batch(DH2Q(1, 0, Persistent));
    const ids = await open(await here.at(), 'file', 1, { ...caching, shareAccess: 1 });
    await here.restart();
    const other = await here.at(0xb, 'bob', 'word');
    assert.equal(await opened(other, 0x00120089), NtStatus.Success, 'it shares reading');
    const level = [...here.server.opens.values()].map(
      ({ fileState, handle, volatileFileId }) => fileState.look(handle?.fileId ?? '', volatileFileId).oplock,
    );
    assert.deepEqual(level, [how === 'lease' ? 'RH' : 'levelII', 'none']);
    const refused = how === 'lease' ? NtStatus.SharingViolation : NtStatus.FileNotAvailable; // level II does not cache the handle
    assert.equal(await opened(other, 0x00120116), refused);
    const contexts = how === 'lease' ? [DH2C(ids, 1, Persistent), lease(9, 7)] : [DH2C(ids, 1, Persistent)];
    const back = await (await here.at()).create('file', {
      requestedOplockLevel: caching.requestedOplockLevel ?? 0,
      createContexts: contexts,
    });
    assert.equal(back.status, NtStatus.Success);
  }
});

test('it ends after its time-out, also after a restart, and its file is deleted if that was pending (3.3.2.2)', async () => {
  const here = await stage();
  const first = await here.at();
  await open(first, 'stays', 1, { createContexts: [DH2Q(1, 5000, Persistent)] });
  const ids = await open(first, 'goes', 2, { createContexts: [DH2Q(2, 5000, Persistent)], desiredAccess: 0x10000 });
  assert.equal((await first.ask(disposing(ids, true))).status, NtStatus.Success);
  await here.restart();
  here.clock.advance(4999);
  assert.equal(here.server.durables.detached, 2);
  here.clock.advance(1);
  await turns(5);
  assert.deepEqual(counts(here), [0, 0, 0, 0]);
  const client = await here.at();
  const existing = { createDisposition: 1 };
  assert.equal((await client.create('stays', existing)).status, NtStatus.Success);
  assert.equal((await client.create('goes', existing)).status, NtStatus.ObjectNameNotFound);
});

test('delete-on-close survives a restart', async () => {
  const here = await stage();
  const ids = await open(await here.at(), 'file', 1, { createOptions: CreateOptions.DeleteOnClose, desiredAccess: 0x10001 });
  await here.restart();
  const client = await here.at();
  const answer = await again(client, ids, 1);
  await client.ask(closing(idsOf(answer)));
  assert.equal((await client.create('file', { createDisposition: 1 })).status, NtStatus.ObjectNameNotFound);
});

test('a rename is known after a restart, and one that was not finished is found by either path', async () => {
  const opens = memoryPersistentOpens();
  const here = await stage(opens);
  const first = await here.at();
  const ids = await open(first, 'before', 1);
  assert.equal((await first.ask(renaming(ids, 'after'))).status, NtStatus.Success);
  const [stored] = await opens.load();
  assert.deepEqual([stored?.open.path, stored?.open.nextPath], ['after', undefined]);
  for (const [path, nextPath] of [
    ['after', 'never'],
    ['before', 'after'],
  ] as const) {
    await opens.commit([{ kind: 'open', open: { ...(stored as StoredOpen).open, path, nextPath } }]);
    await here.restart();
    assert.deepEqual(
      [...here.server.opens.values()].map(({ pathName }) => pathName),
      ['after'],
    );
  }
  assert.equal((await again(await here.at(), ids, 1)).status, NtStatus.Success);
});

test('both paths of a rename are stored before it is made', async () => {
  const memory = memoryPersistentOpens();
  const paths: unknown[] = [];
  const commit = (changes: readonly PersistentChange[]): Promise<void> => {
    for (const change of changes) if (change.kind === 'open') paths.push([change.open.path, change.open.nextPath]);
    return memory.commit(changes);
  };
  const here = await stage({ load: memory.load, commit });
  const client = await here.at();
  const ids = await open(client, 'before', 1);
  await client.ask(renaming(ids, 'after'));
  assert.deepEqual(paths, [
    ['before', undefined],
    ['before', 'after'],
    ['after', undefined],
  ]);
});

test('a stream is restored with the file that it belongs to, also under another name', async () => {
  const here = await stage();
  const first = await here.at();
  const ids = await open(first, 'file:stream', 1);
  await first.ask(writing(ids, 'kept'));
  assert.equal((await first.ask(renaming(ids, ':other'))).status, NtStatus.Success);
  await here.restart();
  const client = await here.at();
  const back = await again(client, ids, 1);
  assert.equal(back.status, NtStatus.Success);
  const read = await client.ask(reading(idsOf(back), 10));
  assert.equal(Buffer.concat(read.read(ReadResponse).data).toString(), 'kept');
  assert.equal([...here.server.opens.values()][0]?.pathName, 'file:other');
  await client.ask(closing(idsOf(back)));
  assert.deepEqual(counts(here), [0, 0, 0, 0]);
});

test('an open whose file was replaced, is gone, or whose share is not available any more, has ended', async () => {
  const opens = memoryPersistentOpens();
  const here = await stage(opens);
  const first = await here.at();
  await open(first, 'kept', 1);
  await open(first, 'lost', 2);
  await open(first, 'replaced', 3);
  for (const { open: kept, locks } of await opens.load()) {
    if (kept.path === 'lost') await opens.commit([{ kind: 'open', open: { ...kept, path: 'gone' } }]);
    if (kept.path === 'replaced') await opens.commit([{ kind: 'open', open: { ...kept, fileId: 'another' } }]);
    assert.equal(locks.length, 0);
  }
  await here.restart();
  assert.deepEqual(counts(here), [1, 1, 0, 1]);
  assert.equal((await opens.load()).length, 1);
  const other = testServer({ shares: { share: { vfs: lastingStore() } }, persistentOpens: opens });
  await restoreOpens(other);
  assert.deepEqual([other.opens.size, (await opens.load()).length], [0, 0]);
});

test('a LOCK that was sent again after a restart is not executed again (3.3.5.14)', async () => {
  const here = await stage();
  const first = await here.at();
  const ids = await open(first, 'file', 1);
  const numbered = (at: Ids) => locking(at, 0n, 1n, 0x12, (3 << 4) | 7);
  assert.equal((await first.ask(numbered(ids))).status, NtStatus.Success);
  await here.restart();
  const client = await here.at();
  const back = idsOf(await again(client, ids, 1));
  assert.equal((await client.ask(numbered(back))).status, NtStatus.Success);
  assert.equal(here.server.fileTotals.locks, 1);
});

test('a LOCK, an UNLOCK and a deletion that cannot be stored fail, and a LOCK and a deletion are undone', async () => {
  const memory = memoryPersistentOpens();
  let full = false;
  const commit = async (changes: readonly PersistentChange[]): Promise<void> => {
    if (full) throw new Error('database or disk is full');
    await memory.commit(changes);
  };
  const here = await stage({ load: memory.load, commit });
  const client = await here.at();
  const ids = await open(client, 'file', 1, { desiredAccess: 0x1f01ff });
  full = true;
  assert.equal((await client.ask(locking(ids, 0n, 1n, 0x12))).status, NtStatus.InsufficientResources);
  assert.deepEqual([here.server.fileTotals.locks, here.server.quotas.locks.total], [0, 0]);
  assert.equal((await client.ask(disposing(ids, true))).status, NtStatus.InsufficientResources);
  assert.equal((await client.ask(renaming(ids, 'other'))).status, NtStatus.InsufficientResources);
  assert.equal(here.server.opens.get(ids.volatileFileId)?.pathName, 'file');
  assert.equal((await client.ask(closing(ids))).status, NtStatus.Success);
  assert.equal((await memory.load()).length, 1, 'its end could not be stored');
  full = false;
  assert.equal((await client.create('file', { ...persistent(2), createDisposition: 1 })).status, NtStatus.Success, 'not deleted');
  assert.deepEqual((await memory.load()).length, 1, 'the next commit stored it');
});

test('LOGOFF keeps it; an administrator ends it for good; a server that closes does not (3.3.5.6)', async () => {
  const opens = memoryPersistentOpens();
  const here = await stage(opens);
  const first = await here.at();
  const ids = await open(first, 'file', 1, { createOptions: CreateOptions.DeleteOnClose, desiredAccess: 0x10001 });
  await first.ask(loggingOff);
  await turns(3);
  assert.equal(here.server.durables.detached, 1);
  await here.server.close();
  assert.deepEqual([...counts(here), (await opens.load()).length], [0, 0, 0, 0, 1]);
  await here.restart();
  assert.equal(here.server.durables.detached, 1, 'and its file was not deleted');
  viewOf(here.server).endOpen(ids.persistentFileId);
  await turns(5);
  assert.deepEqual([...counts(here), (await opens.load()).length], [0, 0, 0, 0, 0]);
});

test('a server that closes with a connected client suspends its persistent opens', async () => {
  const opens = memoryPersistentOpens();
  const here = await stage(opens);
  const first = await here.at();
  const ids = await open(first, 'file', 1);
  await first.ask(locking(ids, 0n, 1n, 0x12));
  await here.server.close();
  assert.deepEqual([...counts(here), here.server.quotas.locks.total, (await opens.load()).length], [0, 0, 0, 0, 0, 1]);
  await here.restart();
  assert.deepEqual(counts(here), [1, 1, 1, 1]);
});

test('above the limit an open is durable only', async () => {
  const here = await stage(memoryPersistentOpens(), { persistentOpens: 2 });
  const client = await here.at();
  const flags: unknown[] = [];
  for (const n of [1, 2, 3]) flags.push(flagsOf(await client.create(`file ${n}`, batch(DH2Q(n, 0, Persistent)))));
  assert.deepEqual(flags, [Persistent, Persistent, 0]);
});

test('the acknowledged state of a lease is what a restart restores (3.3.5.22.2)', async () => {
  const here = await stage();
  const first = await here.at();
  const ids = await open(first, 'file', 1, {
    requestedOplockLevel: OplockLevel.Lease,
    createContexts: [DH2Q(1, 0, Persistent), lease(9, 7)],
  });
  const second = await here.at(0xb, 'bob', 'word');
  const opened = second.ask(opening('file'));
  await first.next();
  assert.equal((await first.ask(acknowledgingLease(9, 3))).status, NtStatus.Success);
  assert.equal((await opened).status, NtStatus.Pending);
  await here.restart();
  const [restored] = [...here.server.opens.values()];
  assert.equal(restored?.fileState.look(restored.handle?.fileId ?? '', restored.volatileFileId).oplock, 'RH');
  assert.equal(restored?.persistentFileId, ids.persistentFileId);
});

test('another client’s AppInstanceId ends it, also after a restart (3.3.5.9.13)', async () => {
  const here = await stage();
  await open(await here.at(), 'file', 1, { createContexts: [DH2Q(1, 0, Persistent), instance(5)] });
  await here.restart();
  const client = await here.at(0xb);
  assert.equal((await client.create('file', { createContexts: [DH2Q(2, 0, Persistent), instance(5)] })).status, NtStatus.Success);
  assert.deepEqual(counts(here), [1, 1, 0, 1]);
});

test('a persistent open stays persistent with resilience, with its time-out (3.3.5.15.9)', async () => {
  const opens = memoryPersistentOpens();
  const here = await stage(opens);
  const client = await here.at();
  const ids = await open(client, 'file', 1);
  const input = Uint8Array.of(0x10, 0x27, 0, 0, 0, 0, 0, 0);
  assert.equal((await client.ask(control(ids, Fsctl.LmrRequestResiliency, { input }))).status, NtStatus.Success);
  assert.deepEqual(
    (await opens.load()).map(({ open: kept }) => kept.timeoutMs),
    [10_000],
  );
  await here.restart();
  assert.equal((await (await here.at()).create('', { createContexts: [DHnC(ids)] })).status, NtStatus.Success);
});

test('a break while a persistent open is being stored is sent after the response that grants the caching (3.2.5.19)', async () => {
  const opens = memoryPersistentOpens();
  let store = (): void => {};
  let slow = false;
  const wait = (): Promise<void> => (slow ? new Promise((resolve) => (store = resolve)) : Promise.resolve());
  const { at } = await stage({ ...opens, commit: (changes) => wait().then(() => opens.commit(changes)) });
  const oplock = batch(DH2Q(1, 0, Persistent));
  const leased = { createContexts: [DH2Q(2, 0, Persistent), lease(7, 7)], requestedOplockLevel: OplockLevel.Lease };
  for (const [n, caching] of [oplock, leased].entries()) {
    const [holder, other] = [await at(0x10 + n), await at(0x20, 'bob', 'word')];
    slow = true;
    holder.sendFrame(holder.encode([opening('file', caching)]));
    await turns(3);
    other.sendFrame(other.encode([opening('file')]));
    await turns(3);
    slow = false;
    store();
    const created = ((await holder.next()) as Answer[])[0] as Answer;
    assert.deepEqual([created.header.command, created.status], [Command.Create, NtStatus.Success]);
    assert.equal(((await holder.next()) as Answer[])[0]?.header.command, Command.OplockBreak);
    await holder.ask(closing(idsOf(created)));
    const pending = ((await other.next()) as Answer[])[0] as Answer;
    const opened = pending.status === NtStatus.Pending ? (((await other.next()) as Answer[])[0] as Answer) : pending;
    await other.ask(closing(idsOf(opened)));
  }
});
