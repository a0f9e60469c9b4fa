import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import {
  AccessMask,
  ChangeNotifyRequest,
  Cipher,
  Command,
  CreateOptions,
  Dialect,
  EncryptionCapabilities,
  FileDispositionInformation,
  FileInformationClass,
  LockFlags,
  NegotiateContextType,
  NtStatus,
  OplockLevel,
  PreauthIntegrityCapabilities,
  SigningAlgorithm,
  SigningCapabilities,
} from '@ring3/smb-proto';
import { createMemoryStore } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import { nothingLeft } from '../testing/counts.ts';
import { closing, disconnecting, echo, type Ids, idsOf, locking, reading, setting } from '../testing/elements.ts';
import { leasing, RH, RWH } from '../testing/leases.ts';
import { type Element, RawClient, testServer } from '../testing/raw-client.ts';
import { turns } from '../testing/turns.ts';
import type { Server } from './server.ts';
import { viewOf } from './view.ts';

const { ExclusiveLock, SharedLock, FailImmediately } = LockFlags;

async function stage(more: Parameters<typeof testServer>[0] = {}) {
  const server = testServer(more);
  const ann = await RawClient.at(server, 'share', 'ann', 'secret', Dialect.Smb21);
  const bob = await RawClient.at(server, 'share', 'bob', 'word', Dialect.Smb21);
  return { server, view: viewOf(server), ann, bob };
}
const statusOf = async (client: RawClient, element: Element): Promise<number> => (await client.ask(element)).status;
const waiting = async (client: RawClient, folder: Ids): Promise<number> =>
  statusOf(client, {
    command: Command.ChangeNotify,
    body: ChangeNotifyRequest.encode({ ...folder, flags: 0, outputBufferLength: 1000, completionFilter: 0xfff }),
  });
const { PreauthIntegrityCapabilities: hash, EncryptionCapabilities: cipher, SigningCapabilities: signing } = NegotiateContextType;
const contexts = [
  { contextType: hash, data: PreauthIntegrityCapabilities.encode({ hashAlgorithms: [1], salt: new Uint8Array(4) }).head, reserved: 0 },
  { contextType: cipher, data: EncryptionCapabilities.encode({ ciphers: [Cipher.Aes256Gcm] }).head, reserved: 0 },
  { contextType: signing, data: SigningCapabilities.encode({ signingAlgorithms: [SigningAlgorithm.AesGmac] }).head, reserved: 0 },
];
async function ends(server: Server): Promise<void> {
  await server.close();
  deepStrictEqual(viewOf(server).counts(), nothingLeft);
}

test('a session is shown with the names of its signing and encryption algorithms', async () => {
  const { server, view, ann } = await stage();
  const modern = new RawClient(server);
  await modern.negotiate([Dialect.Smb311], contexts);
  await modern.logOn('bob', 'word');
  const [first, , third] = view.sessions();
  deepStrictEqual(
    [first?.dialect, first?.signing, first?.cipher, first?.signed, first?.encrypted, first?.shares, first?.user],
    ['2.1', 'HMAC-SHA256', undefined, false, false, ['share'], 'ann'],
  );
  deepStrictEqual([third?.dialect, third?.signing, third?.cipher], ['3.1.1', 'AES-128-GMAC', 'AES-256-GCM']);
  strictEqual(first?.id, ann.sessionId);
  strictEqual(view.connections()[0]?.dialect, '2.1');
  await ends(server);
});

test('a guest’s session has neither signing nor encryption', async () => {
  const { server, view } = await stage({ guest: true, shares: { share: { vfs: createMemoryStore(), guest: true } } });
  await RawClient.at(server, 'share', 'stranger', 'x');
  const guest = view.sessions().find((session) => session.guest);
  deepStrictEqual([guest?.user, guest?.signing, guest?.cipher, guest?.signed], ['stranger', undefined, undefined, false]);
  strictEqual(view.endUser('STRANGER'), 1);
  await ends(server);
});

test('an open is shown with oplock, locks, rights, time and whether its file will be deleted', async () => {
  const { server, view, ann } = await stage();
  const before = server.clock.wall();
  const ids = idsOf(await ann.create('file', { requestedOplockLevel: OplockLevel.Batch }));
  for (const at of [0n, 5n]) strictEqual(await statusOf(ann, locking(ids, at, 1n, ExclusiveLock | FailImmediately)), NtStatus.Success);
  const [open] = view.opens();
  const { id, session, rights, access, ...shown } = open as NonNullable<typeof open>;
  deepStrictEqual(shown, {
    peer: 'memory:a',
    user: 'ann',
    share: 'share',
    path: 'file',
    kind: 'file',
    since: before,
    oplock: 'batch',
    durability: 'none',
    detached: false,
    locks: 2,
    deletePending: false,
  });
  deepStrictEqual([id, session, access], [ids.persistentFileId, ann.sessionId, 0x1f01ff]);
  ok(['read', 'write', 'delete', 'read-attributes'].every((right) => rights.includes(right)));
  const going = new Uint8Array(1);
  FileDispositionInformation.write(new Frame(going), 0, { deletePending: 1 });
  strictEqual(await statusOf(ann, setting(ids, FileInformationClass.Disposition, going)), NtStatus.Success);
  strictEqual(view.opens()[0]?.deletePending, true);
  await ends(server);
});

test('a lease is shown with its key, client, state, epoch, opens and path', async () => {
  const { server, view, ann } = await stage();
  const ids = idsOf(await ann.create('file', leasing(7, RWH)));
  await ann.create('file', leasing(7, RH));
  const [lease, ...more] = view.leases();
  const { session, client, ...shown } = lease as NonNullable<typeof lease>;
  deepStrictEqual(shown, {
    key: '07'.repeat(16),
    peer: 'memory:a',
    user: 'ann',
    share: 'share',
    path: 'file',
    kind: 'file',
    state: 'RWH',
    breaking: false,
    epoch: 1,
    version: 1,
    opens: 2,
  });
  deepStrictEqual([session, client, more.length], [ann.sessionId, Buffer.from(ann.clientGuid).toString('hex'), 0]);
  await ann.ask(closing(ids));
  strictEqual(view.leases()[0]?.opens, 1);
  await ends(server);
  deepStrictEqual(view.leases(), []);
});

test('rights are shown as words: each bit with a meaning of its own', async () => {
  const { server, view, ann } = await stage();
  await ann.create('file');
  for (const [desiredAccess, words] of [
    [AccessMask.FileReadData, ['read']],
    [AccessMask.FileReadAttributes | AccessMask.Synchronize, ['read-attributes', 'synchronize']],
    [AccessMask.FileAppendData | AccessMask.WriteDac, ['append', 'write-dac']],
  ] as const) {
    const ids = idsOf(await ann.create('file', { desiredAccess }));
    deepStrictEqual(view.opens().find(({ id }) => id === ids.persistentFileId)?.rights, words);
  }
  await ends(server);
});

test('directories, streams and pipes are opens too; a pipe has no state of a file', async () => {
  const { server, view, ann, bob } = await stage();
  await ann.create('folder', { createOptions: CreateOptions.DirectoryFile });
  await ann.create('file:stream');
  await bob.connect('IPC$');
  await bob.create('srvsvc');
  deepStrictEqual(
    view.opens().map(({ kind, path, share, oplock }) => [kind, path, share, oplock]),
    [
      ['folder', 'folder', 'share', 'none'],
      ['file', 'file:stream', 'share', 'none'],
      ['pipe', 'srvsvc', 'IPC$', 'none'],
    ],
  );
  await ends(server);
});

test('each byte-range lock is shown with its open, in exact numbers; a waiting request has none', async () => {
  const { server, view, ann, bob } = await stage();
  const [a, b] = [idsOf(await ann.create('file')), idsOf(await bob.create('file'))];
  await ann.ask(locking(a, 2n ** 63n, 2n ** 62n, ExclusiveLock | FailImmediately));
  await bob.ask(locking(b, 0n, 10n, SharedLock | FailImmediately));
  strictEqual(await statusOf(bob, locking(b, 2n ** 63n, 1n, ExclusiveLock)), NtStatus.Pending);
  deepStrictEqual(
    view.locks().map(({ user, open, path, offset, length, exclusive }) => ({ user, open, path, offset, length, exclusive })),
    [
      {
        user: 'ann',
        open: a.persistentFileId,
        path: 'file',
        offset: '9223372036854775808',
        length: '4611686018427387904',
        exclusive: true,
      },
      { user: 'bob', open: b.persistentFileId, path: 'file', offset: '0', length: '10', exclusive: false },
    ],
  );
  strictEqual(view.counts().locks, 2);
  await ends(server);
});

test('tree connects are shown with their user, start time and number of opens', async () => {
  const { server, view, ann, bob } = await stage();
  await bob.connect('look');
  await ann.create('file');
  deepStrictEqual(
    view.trees().map(({ user, share, writable, opens, id }) => [user, share, writable, opens, id]),
    [
      ['ann', 'share', true, 1, 1],
      ['bob', 'share', true, 0, 1],
      ['bob', 'look', false, 0, 2],
    ],
  );
  await ends(server);
});

test('the whole view can be written as JSON', async () => {
  const { server, view, ann } = await stage();
  const ids = idsOf(await ann.create('file', { requestedOplockLevel: OplockLevel.Batch }));
  await ann.ask(locking(ids, 0n, 1n, ExclusiveLock | FailImmediately));
  for (const shown of [view.connections(), view.sessions(), view.trees(), view.opens(), view.locks(), view.counts()]) {
    deepStrictEqual(JSON.parse(JSON.stringify(shown)), JSON.parse(JSON.stringify(shown)));
    ok(Object.keys(shown).length > 0);
  }
  await ends(server);
});

test('an open that the administrator ends is closed for its client: FILE_CLOSED (3.3.5.10)', async () => {
  const { server, view, ann } = await stage();
  const [ids, kept] = [idsOf(await ann.create('file')), idsOf(await ann.create('other'))];
  strictEqual(view.endOpen(ids.persistentFileId), true);
  strictEqual(view.endOpen(ids.persistentFileId), false);
  strictEqual(await statusOf(ann, reading(ids, 1)), NtStatus.FileClosed);
  strictEqual(await statusOf(ann, closing(ids)), NtStatus.FileClosed);
  strictEqual(await statusOf(ann, closing(kept)), NtStatus.Success);
  await ends(server);
});

test('requests that wait on an ended open end with it, and its deletion on close is done', async () => {
  const { server, view, ann, bob } = await stage();
  const folder = idsOf(await ann.create('folder', { createOptions: CreateOptions.DirectoryFile }));
  strictEqual(await waiting(ann, folder), NtStatus.Pending);
  await turns();
  strictEqual(view.counts().watches, 1);
  const [a, b] = [idsOf(await ann.create('file', { createOptions: CreateOptions.DeleteOnClose })), idsOf(await bob.create('file'))];
  await ann.ask(locking(a, 0n, 1n, ExclusiveLock | FailImmediately));
  strictEqual(await statusOf(bob, locking(b, 0n, 1n, ExclusiveLock)), NtStatus.Pending);
  view.endOpen(b.persistentFileId);
  strictEqual((await bob.next())?.[0]?.status, NtStatus.RangeNotLocked);
  view.endOpen(folder.persistentFileId);
  strictEqual((await ann.next())?.[0]?.status, NtStatus.NotifyCleanup);
  view.endOpen(a.persistentFileId);
  await turns(10);
  strictEqual((await bob.create('file', { createDisposition: 1 })).status, NtStatus.ObjectNameNotFound);
  strictEqual(view.counts().watches, 0);
  await ends(server);
});

test('all clients are disconnected from a share, by its name in any case: NETWORK_NAME_DELETED; other shares are not affected (3.3.5.2.11)', async () => {
  const { server, view, ann, bob } = await stage();
  const ids = idsOf(await ann.create('file'));
  const share = bob.treeId;
  await bob.connect('look');
  const file = await statusOf(bob, echo);
  strictEqual(file, NtStatus.Success);
  strictEqual(view.endShare('SHARE'), 2);
  strictEqual(view.endShare('share'), 0);
  strictEqual(await statusOf(ann, reading(ids, 1)), NtStatus.NetworkNameDeleted);
  strictEqual(await statusOf(bob, disconnecting), NtStatus.Success);
  bob.treeId = share;
  strictEqual(await statusOf(bob, disconnecting), NtStatus.NetworkNameDeleted);
  strictEqual(server.opens.size, 0);
  strictEqual((await ann.connect('share')).status, NtStatus.Success);
  await ends(server);
});

test('one session or all of a user’s are ended: USER_SESSION_DELETED; the connection stays, and logs on again (3.3.5.2.9)', async () => {
  const { server, view, ann, bob } = await stage();
  const again = await RawClient.at(server);
  await ann.create('file');
  strictEqual(view.endSession(bob.sessionId), true);
  strictEqual(view.endSession(bob.sessionId), false);
  strictEqual(view.endUser('Ann'), 2);
  strictEqual(view.endUser('ann'), 0);
  for (const client of [ann, bob, again]) {
    strictEqual(await statusOf(client, disconnecting), NtStatus.UserSessionDeleted);
    client.sessionId = 0;
    strictEqual((await client.logOn('ann', 'secret')).status, NtStatus.Success);
  }
  await ends(server);
});

test('a connection is ended with its reason', async () => {
  const { server, view, ann } = await stage();
  const reasons: string[] = [];
  server.events.on('disconnect', ({ reason }) => reasons.push(reason));
  const [id = 0] = view.connections().map((connection) => connection.id);
  deepStrictEqual([view.endConnection(id, 'out'), view.endConnection(id), view.endConnection(-1)], [true, false, false]);
  strictEqual(await ann.next(), undefined);
  deepStrictEqual(reasons, ['out']);
  await ends(server);
});

test('the counts cover all objects, and are zero if there are none', async () => {
  const { server, view, ann, bob } = await stage();
  deepStrictEqual(view.counts(), { ...nothingLeft, connections: 2, sessions: 2, trees: 2 });
  const ids = idsOf(await ann.create('file', { requestedOplockLevel: OplockLevel.Exclusive }));
  await ann.ask(locking(ids, 0n, 1n, ExclusiveLock | FailImmediately));
  const folder = idsOf(await bob.create('folder', { createOptions: CreateOptions.DirectoryFile }));
  await waiting(bob, folder);
  await turns();
  const { bytes, ...counts } = view.counts();
  deepStrictEqual(counts, {
    connections: 2,
    sessions: 2,
    trees: 2,
    opens: 2,
    detached: 0,
    leases: 0,
    closing: 0,
    files: 2,
    locks: 1,
    oplocks: 1,
    watches: 1,
    requests: 1,
  });
  ok(bytes > 0);
  await ends(server);
});
