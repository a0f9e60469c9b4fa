/** Session binding, MS-SMB2 3.3.5.5 and 3.3.5.5.3; its end, 3.3.7.1. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fakeRandom } from '@ring3/kit';
import {
  CancelRequest,
  Capabilities,
  Cipher,
  Command,
  createNtlmInitiator,
  Dialect,
  EncryptionCapabilities,
  HeaderFlags,
  LockFlags,
  type NegotiateContext,
  NegotiateContextType,
  NegotiateResponse,
  NtStatus,
  OplockLevel,
  PreauthIntegrityCapabilities,
  SessionSetupFlags,
  SigningAlgorithm,
  SigningCapabilities,
} from '@ring3/smb-proto';
import { createMemoryStore, intercept } from '@ring3/vfs';
import type { Server } from '../server/server.ts';
import type { SmbServerOptions } from '../server/smb-server-options.ts';
import { viewOf } from '../server/view.ts';
import { nothingLeft } from '../testing/counts.ts';
import { batch, type Create, DH2Q } from '../testing/durable.ts';
import {
  acknowledging,
  closing,
  disconnecting,
  echo,
  idsOf,
  locking,
  loggingOff,
  opening,
  reading,
  settingUp,
  watching,
  writing,
} from '../testing/elements.ts';
import { type Answer, type Element, RawClient, testServer } from '../testing/raw-client.ts';
import { turns } from '../testing/turns.ts';

const contextOf = (contextType: number, data: Uint8Array): NegotiateContext => ({ contextType, data, reserved: 0 });
const hash = contextOf(
  NegotiateContextType.PreauthIntegrityCapabilities,
  PreauthIntegrityCapabilities.encode({ hashAlgorithms: [1], salt: new Uint8Array(4) }).head,
);
const ciphers = (...offered: number[]): NegotiateContext =>
  contextOf(NegotiateContextType.EncryptionCapabilities, EncryptionCapabilities.encode({ ciphers: offered }).head);
const signing = (...offered: number[]): NegotiateContext =>
  contextOf(NegotiateContextType.SigningCapabilities, SigningCapabilities.encode({ signingAlgorithms: offered }).head);
const contextsOf = (dialect: number): NegotiateContext[] => (dialect === Dialect.Smb311 ? [hash] : []);

interface Setting {
  readonly dialect?: number;
  readonly contexts?: readonly NegotiateContext[];
  readonly guid?: Uint8Array;
}

/** A connection that has negotiated. */
async function connected(server: Server, { dialect = Dialect.Smb302, contexts, guid }: Setting): Promise<RawClient> {
  const client = new RawClient(server);
  if (guid !== undefined) client.clientGuid = guid;
  await client.negotiate([dialect], contexts ?? contextsOf(dialect));
  return client;
}

/** A client with a session at `share`, and a second connection of the same client. */
async function twoConnections(server: Server, setting: Setting = {}, other: Setting = {}): Promise<[RawClient, RawClient]> {
  const first = await connected(server, setting);
  strictEqual((await first.logOn('ann', 'secret')).status, NtStatus.Success);
  strictEqual((await first.connect('share')).status, NtStatus.Success);
  return [first, await connected(server, { guid: first.clientGuid, ...setting, ...other })];
}

/** The same, with a channel on the second connection. */
async function twoChannels(server: Server, setting: Setting = {}): Promise<[RawClient, RawClient]> {
  const [first, second] = await twoConnections(server, setting);
  strictEqual((await second.bind(first)).status, NtStatus.Success);
  return [first, second];
}

/** The first token of a logon as `ann`. */
function firstToken(): Uint8Array {
  const step = createNtlmInitiator({ user: 'ann', password: 'secret', random: fakeRandom(), now: () => 0 }).next();
  if (step.state === 'failed' || step.token === undefined) throw new Error('no token');
  return step.token;
}
/** The first request of a binding, of this form. */
const binding = (sessionId: number, sign: boolean, token = firstToken()) => ({
  ...settingUp(token, { flags: SessionSetupFlags.Binding }),
  header: { sessionId, ...(sign ? { flags: HeaderFlags.Signed } : {}) },
  sign,
});

describe('a channel (3.3.5.5.3)', () => {
  for (const dialect of [Dialect.Smb30, Dialect.Smb302, Dialect.Smb311]) {
    test(`of dialect 0x${dialect.toString(16)} serves the tree connects and opens of its session, and has a signing key of its own`, async () => {
      const server = testServer({ signing: 'required' });
      const [first, second] = [await connected(server, { dialect }), new RawClient(server)];
      second.clientGuid = first.clientGuid;
      await second.negotiate([dialect], contextsOf(dialect));
      strictEqual((await first.logOn('ann', 'secret')).status, NtStatus.Success);
      first.signsAll = true;
      second.signsAll = true;
      strictEqual((await first.connect('share')).status, NtStatus.Success);
      const bound = await second.bind(first);
      strictEqual(bound.status, NtStatus.Success);
      ok(second.signer?.verify([bound.bytes.slice()], 'server'), 'the last response is signed by the key of the channel');
      const ids = idsOf(await first.create('file'));
      strictEqual((await second.ask(writing(ids, 'by the second'))).status, NtStatus.Success);
      strictEqual((await first.ask(reading(ids, 13))).status, NtStatus.Success);
      const own = second.signer;
      second.signer = first.signer;
      strictEqual((await second.ask(reading(ids, 13))).status, NtStatus.AccessDenied, 'the key of the other channel');
      second.signer = own;
      strictEqual((await second.ask(closing(ids))).status, NtStatus.Success);
      strictEqual((await first.ask(reading(ids, 13))).status, NtStatus.FileClosed);
      await server.close();
    });
  }

  test('is offered to clients of 3.x that can use it, unless the option is off (3.3.5.4)', async () => {
    const offered = async (dialect: number, capabilities: number, options: Partial<SmbServerOptions> = {}): Promise<boolean> => {
      const server = testServer(options);
      const answer = await new RawClient(server).negotiate([dialect], contextsOf(dialect), capabilities);
      await server.close();
      return (answer.read(NegotiateResponse).capabilities & Capabilities.MultiChannel) !== 0;
    };
    const { MultiChannel } = Capabilities;
    for (const dialect of [Dialect.Smb30, Dialect.Smb302, Dialect.Smb311]) {
      strictEqual(await offered(dialect, MultiChannel), true);
      strictEqual(await offered(dialect, 0), false);
      strictEqual(await offered(dialect, MultiChannel, { multichannel: false }), false);
    }
    for (const dialect of [Dialect.Smb202, Dialect.Smb21]) strictEqual(await offered(dialect, MultiChannel), false);
  });

  test('serves nothing before its logon is complete (3.3.5.2.9)', async () => {
    const server = testServer();
    const [first, second] = await twoConnections(server);
    const ids = idsOf(await first.create('file'));
    second.signer = first.signer;
    strictEqual((await second.ask(binding(first.sessionId, true))).status, NtStatus.MoreProcessingRequired);
    second.sessionId = first.sessionId;
    second.treeId = first.treeId;
    for (const sign of [false, true]) strictEqual((await second.ask({ ...reading(ids, 1), sign })).status, NtStatus.UserSessionDeleted);
    await server.close();
  });

  test('is reauthenticated on its own connection, and keeps its key', async () => {
    const server = testServer();
    const [, second] = await twoChannels(server);
    const { signer } = second;
    second.signsLogons = true;
    strictEqual((await second.logOn('ann', 'secret')).status, NtStatus.Success);
    second.signer = signer;
    strictEqual((await second.ask({ ...echo, sign: true })).status, NtStatus.Success);
    await server.close();
  });
});

describe('a binding is rejected (3.3.5.5)', () => {
  const rejects = (title: string, status: NtStatus, ask: (server: Server) => Promise<number>, options: Partial<SmbServerOptions> = {}) =>
    test(title, async () => {
      const server = testServer(options);
      strictEqual(await ask(server), status);
      await server.close();
      deepStrictEqual([server.connections.size, server.sessions.size, server.quotas.channels.total], [0, 0, 0]);
    });
  /** The status of the binding of a second connection. */
  const bound = async (server: Server, setting: Setting, other: Setting, user = 'ann', password = 'secret'): Promise<number> => {
    const [first, second] = await twoConnections(server, setting, other);
    const { status } = await second.bind(first, user, password);
    strictEqual((await first.create('untouched')).status, NtStatus.Success, 'the session goes on');
    return status;
  };

  for (const dialect of [Dialect.Smb202, Dialect.Smb21]) {
    rejects(`at dialect 0x${dialect.toString(16)}`, NtStatus.RequestNotAccepted, (server) => bound(server, { dialect }, {}));
  }
  rejects('if the option is off', NtStatus.RequestNotAccepted, (server) => bound(server, {}, {}), { multichannel: false });
  rejects('from a connection of 2.1 to a session of 3.0', NtStatus.RequestNotAccepted, (server) =>
    bound(server, { dialect: Dialect.Smb30 }, { dialect: Dialect.Smb21 }),
  );
  for (const [of, at] of [
    [Dialect.Smb21, Dialect.Smb302],
    [Dialect.Smb30, Dialect.Smb302],
    [Dialect.Smb302, Dialect.Smb311],
    [Dialect.Smb311, Dialect.Smb302],
  ] as const) {
    rejects(`for another dialect: 0x${of.toString(16)}, 0x${at.toString(16)}`, NtStatus.InvalidParameter, (server) =>
      bound(server, { dialect: of }, { dialect: at, contexts: contextsOf(at) }),
    );
  }
  rejects('for an unknown session', NtStatus.UserSessionDeleted, async (server) => {
    const client = await connected(server, {});
    return (await client.ask(binding(4711, false))).status;
  });
  rejects('if it is not signed', NtStatus.InvalidParameter, async (server) => {
    const [first, second] = await twoConnections(server);
    return (await second.ask(binding(first.sessionId, false))).status;
  });
  rejects('if its signature is wrong', NtStatus.AccessDenied, async (server) => {
    const [first, second] = await twoConnections(server);
    const stranger = await RawClient.at(server, 'share', 'bob', 'word');
    second.signer = stranger.signer;
    const answer = await second.ask(binding(first.sessionId, true));
    strictEqual(answer.header.flags & HeaderFlags.Signed, 0, 'the server does not sign for who does not know the key');
    return answer.status;
  });
  rejects('for another client', NtStatus.UserSessionDeleted, (server) => bound(server, {}, { guid: new Uint8Array(16).fill(9) }));
  rejects('for another user', NtStatus.AccessDenied, (server) => bound(server, {}, {}, 'bob', 'word'));
  rejects('for a wrong password', NtStatus.LogonFailure, (server) => bound(server, {}, {}, 'ann', 'wrong'));
  rejects('for a guest', NtStatus.AccessDenied, (server) => bound(server, {}, {}, 'stranger', 'x'), { guest: true });
  rejects('for a session whose logon is not complete', NtStatus.RequestNotAccepted, async (server) => {
    const [first, second] = [await connected(server, {}), await connected(server, {})];
    second.clientGuid = first.clientGuid;
    const { header } = await first.ask(settingUp(firstToken()));
    return (await second.ask({ ...binding(header.sessionId, false), header: { sessionId: header.sessionId, flags: HeaderFlags.Signed } }))
      .status;
  });
  rejects(
    'for the session of a guest',
    NtStatus.NotSupported,
    async (server) => {
      const first = await connected(server, {});
      await first.logOn('stranger', 'x');
      const second = await connected(server, { guid: first.clientGuid });
      const header = { sessionId: first.sessionId, flags: HeaderFlags.Signed };
      return (await second.ask({ ...binding(first.sessionId, false), header })).status;
    },
    { guest: true },
  );
  rejects('for a session of this connection', NtStatus.RequestNotAccepted, async (server) => {
    const first = await RawClient.at(server);
    return (await first.ask(binding(first.sessionId, true))).status;
  });
  rejects('for a session of which this connection is a channel already', NtStatus.RequestNotAccepted, async (server) => {
    const [first, second] = await twoChannels(server);
    return (await second.ask(binding(first.sessionId, true))).status;
  });
  rejects('for another cipher', NtStatus.InvalidParameter, (server) =>
    bound(
      server,
      { dialect: Dialect.Smb311, contexts: [hash, ciphers(Cipher.Aes128Gcm)] },
      { contexts: [hash, ciphers(Cipher.Aes128Ccm)] },
    ),
  );
  rejects('if only the connection signs with AES-GMAC', NtStatus.NotSupported, (server) =>
    bound(
      server,
      { dialect: Dialect.Smb311, contexts: [hash, signing(SigningAlgorithm.AesCmac)] },
      { contexts: [hash, signing(SigningAlgorithm.AesGmac)] },
    ),
  );
  rejects('if its logon is continued without the flag', NtStatus.UserSessionDeleted, async (server) => {
    const [first, second] = await twoConnections(server);
    second.signer = first.signer;
    await second.ask(binding(first.sessionId, true));
    return (await second.ask({ ...settingUp(firstToken()), header: { sessionId: first.sessionId } })).status;
  });
  rejects(
    'if the session has as many channels as it may have',
    NtStatus.InsufficientResources,
    async (server) => {
      const [first] = await twoChannels(server);
      const third = await connected(server, { guid: first.clientGuid });
      return (await third.bind(first)).status;
    },
    { limits: { channelsForSession: 2 } },
  );
});

/** The response to one request: other frames that arrive before it are ignored. @returns undefined if the connection ends first */
async function answered(client: RawClient, element: Element): Promise<Answer | undefined> {
  const { messageId } = client;
  client.sendFrame(client.encode([element]));
  for (;;) {
    const frame = await client.next();
    const found = frame?.find(({ header }) => header.messageId === messageId);
    if (frame === undefined || found !== undefined) return found;
  }
}

describe('several channels', () => {
  test('end with the session, whichever connection logs off (3.3.5.6)', async () => {
    for (const from of [0, 1] as const) {
      const server = testServer();
      const clients = await twoChannels(server);
      const ids = idsOf(await clients[0].create('file'));
      strictEqual((await clients[from].ask(loggingOff)).status, NtStatus.Success);
      for (const client of clients) strictEqual((await client.ask(reading(ids, 1))).status, NtStatus.UserSessionDeleted);
      strictEqual(server.quotas.channels.total, 0);
      for (const client of clients) {
        client.sessionId = 0;
        strictEqual((await client.logOn('ann', 'secret')).status, NtStatus.Success, 'the connection stays');
      }
      await server.close();
      deepStrictEqual(viewOf(server).counts(), nothingLeft);
    }
  });

  test('the session goes on while one of them is left, whichever connection is lost (3.3.7.1)', async () => {
    for (const lost of [0, 1] as const) {
      const server = testServer();
      const clients = await twoChannels(server);
      const left = clients[1 - lost] as RawClient;
      const ids = idsOf(await clients[lost].create('file'));
      clients[lost].end();
      await turns();
      strictEqual((await left.ask(reading(ids, 1))).status, NtStatus.EndOfFile);
      const [session] = server.sessions.values();
      strictEqual(session?.connection, [...server.connections.values()][0], 'Session.Connection is that of the channel that is left');
      const third = await connected(server, { guid: left.clientGuid });
      strictEqual((await third.bind(left)).status, NtStatus.Success, 'it can be bound again');
      left.end();
      third.end();
      await turns();
      await server.close();
      deepStrictEqual(viewOf(server).counts(), nothingLeft);
    }
  });

  test('what waits on a lost channel is cancelled, and nothing is granted for it (3.3.7.1)', async () => {
    const server = testServer();
    const [first, second] = await twoChannels(server);
    const other = await RawClient.at(server, 'share', 'bob', 'word');
    const held = idsOf(await other.create('file'));
    strictEqual((await other.ask(locking(held, 0n, 10n, LockFlags.ExclusiveLock | LockFlags.FailImmediately))).status, NtStatus.Success);
    const ids = idsOf(await first.create('file'));
    const directory = idsOf(await first.create('', { createOptions: 1, createDisposition: 1, desiredAccess: 0x80 | 1 }));
    strictEqual((await second.ask(locking(ids, 0n, 10n, LockFlags.ExclusiveLock))).status, NtStatus.Pending);
    strictEqual((await second.ask(watching(directory))).status, NtStatus.Pending);
    strictEqual((await first.ask(watching(directory))).status, NtStatus.Pending);
    second.end();
    await turns();
    strictEqual((await other.ask(locking(held, 0n, 10n, LockFlags.Unlock))).status, NtStatus.Success);
    strictEqual(server.fileTotals.locks, 0, 'the lock was not granted');
    strictEqual((await first.ask(locking(ids, 0n, 10n, LockFlags.ExclusiveLock | LockFlags.FailImmediately))).status, NtStatus.Success);
    strictEqual([...server.connections.values()][0]?.async.size, 1, 'the other channel still watches');
    await server.close();
  });

  test('CANCEL and message ids belong to the connection (3.3.5.16)', async () => {
    const server = testServer();
    const [first, second] = await twoChannels(server);
    const directory = idsOf(await first.create('', { createOptions: 1, createDisposition: 1, desiredAccess: 0x80 | 1 }));
    first.messageId = second.messageId = Math.max(first.messageId, second.messageId);
    const watched = first.messageId;
    strictEqual((await first.ask(watching(directory))).status, NtStatus.Pending);
    second.sendFrame(second.encode([{ command: Command.Cancel, body: CancelRequest.encode({}), header: { messageId: watched } }]));
    strictEqual((await second.ask(echo)).status, NtStatus.Success);
    strictEqual([...server.connections.values()][0]?.async.size, 1, 'not by the other connection');
    first.sendFrame(first.encode([{ command: Command.Cancel, body: CancelRequest.encode({}), header: { messageId: watched } }]));
    strictEqual((await first.next())?.[0]?.status, NtStatus.Cancelled);
    await server.close();
  });

  test('an open that is closed on one connection ends what waits on it on the other (3.3.4.17)', async () => {
    const server = testServer();
    const [first, second] = await twoChannels(server);
    const directory = idsOf(await first.create('', { createOptions: 1, createDisposition: 1, desiredAccess: 0x80 | 1 }));
    strictEqual((await second.ask(watching(directory))).status, NtStatus.Pending);
    strictEqual((await first.ask(closing(directory))).status, NtStatus.Success);
    strictEqual((await second.next())?.[0]?.status, NtStatus.NotifyCleanup);
    await server.close();
  });

  test('a break is sent on a channel that is left (3.3.4.6)', async () => {
    for (const lost of [0, 1] as const) {
      const server = testServer();
      const clients = await twoChannels(server);
      const left = clients[1 - lost] as RawClient;
      const ids = idsOf(await clients[lost].create('file', { requestedOplockLevel: OplockLevel.Exclusive }));
      clients[lost].end();
      await turns();
      const other = await RawClient.at(server, 'share', 'bob', 'word');
      strictEqual((await other.create('file', { requestedOplockLevel: OplockLevel.None })).status, NtStatus.Pending);
      const broken = await left.next();
      strictEqual(broken?.[0]?.header.command, Command.OplockBreak);
      strictEqual((await left.ask(acknowledging(ids, OplockLevel.Ii))).status, NtStatus.Success);
      strictEqual((await other.next())?.[0]?.status, NtStatus.Success);
      await server.close();
    }
  });

  test('a CREATE whose connection is lost before its response leaves no open that its client does not know', async () => {
    let go = (): void => {};
    let asked = (): void => {};
    const reached = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const before = (): Promise<undefined> =>
      new Promise((resolve) => {
        go = () => resolve(undefined);
        asked();
      });
    const server = testServer({ shares: { share: intercept(createMemoryStore(), before, new Set(['allocate'])) } });
    const [first, second] = await twoChannels(server);
    const allocationSize = { name: 'AlSi', data: Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]) };
    second.sendFrame(second.encode([opening('file', { shareAccess: 0, createContexts: [allocationSize] })]));
    await reached;
    second.end();
    await turns();
    go();
    await turns();
    strictEqual(server.opens.size, 0);
    strictEqual(server.sessions.size, 1);
    first.end();
    await turns();
    await server.close();
    deepStrictEqual(viewOf(server).counts(), nothingLeft);
  });

  test('ChannelSequence is verified on each of them: a request from before a channel was lost is not executed (3.3.5.2.10)', async () => {
    const server = testServer();
    const [first, second] = await twoChannels(server);
    const ids = idsOf(await first.create('file'));
    const third = await connected(server, { guid: first.clientGuid });
    strictEqual((await third.bind(first)).status, NtStatus.Success);
    second.end();
    await turns();
    const written = async (client: RawClient, data: string, status: number): Promise<number> =>
      (await client.ask({ ...writing(ids, data), header: { status } })).status;
    strictEqual(await written(third, 'new', 1), NtStatus.Success);
    strictEqual(await written(first, 'old', 0), NtStatus.FileNotAvailable);
    strictEqual(await written(first, 'now', 1), NtStatus.Success);
    await server.close();
  });

  test('a CREATE that was sent on a lost channel is replayed on another one, and gets the same open (3.3.5.9.10)', async () => {
    const server = testServer();
    const [first, second] = await twoChannels(server);
    const ids = idsOf(await second.ask(opening('file', batch(DH2Q(1)))));
    second.end();
    await turns();
    const again = await first.ask({ ...opening('file', batch(DH2Q(1))), header: { flags: HeaderFlags.ReplayOperation, status: 1 } });
    strictEqual(again.status, NtStatus.Success);
    deepStrictEqual(idsOf(again), ids);
    strictEqual(server.opens.size, 1);
    await server.close();
  });

  /** A CREATE on the second channel waits for the oplock of another client; then that channel is lost. */
  async function lostWhileWaiting(create: Create) {
    const server = testServer();
    const [first, second] = await twoChannels(server);
    const other = await RawClient.at(server, 'share', 'bob', 'word');
    const held = idsOf(await other.create('file', { requestedOplockLevel: OplockLevel.Batch }));
    strictEqual((await second.ask(opening('file', create))).status, NtStatus.Pending);
    strictEqual((await other.next())?.[0]?.header.command, Command.OplockBreak);
    second.end();
    await turns();
    const replay = (flags: number = HeaderFlags.ReplayOperation): Promise<Answer> =>
      first.ask({ ...opening('file', create), header: { flags, status: 1 } });
    return { server, first, other, held, replay };
  }
  const shared = { ...batch(DH2Q(1)), shareAccess: 7 };

  test('a CREATE with a CreateGuid continues without its channel: a replay is rejected until it is done, then gets its open (3.2.7.1, 3.3.5.9.10)', async () => {
    for (const ending of ['acknowledged', 'closed']) {
      const { server, first, other, held, replay } = await lostWhileWaiting(shared);
      strictEqual((await replay()).status, NtStatus.FileNotAvailable);
      strictEqual((await replay(0)).status, NtStatus.DuplicateObjectId, 'without the replay flag');
      strictEqual((await replay()).status, NtStatus.FileNotAvailable, 'a rejected replay does not end it');
      strictEqual(server.opens.size, 1);
      strictEqual((await other.ask(ending === 'closed' ? closing(held) : acknowledging(held, OplockLevel.Ii))).status, NtStatus.Success);
      await turns();
      const [made] = [...server.opens.values()].filter(({ createGuid }) => createGuid !== undefined);
      const answer = await replay();
      strictEqual(answer.status, NtStatus.Success);
      strictEqual(idsOf(answer).volatileFileId, made?.volatileFileId);
      strictEqual((await first.ask(closing(idsOf(answer)))).status, NtStatus.Success);
      other.end();
      first.end();
      await turns();
      await server.close();
      deepStrictEqual(viewOf(server).counts(), nothingLeft);
    }
  });

  test('a CREATE without a CreateGuid cannot be replayed: it is cancelled with its channel (3.3.7.1)', async () => {
    const { server, other, held } = await lostWhileWaiting({ requestedOplockLevel: OplockLevel.Batch, shareAccess: 7 });
    strictEqual((await other.ask(acknowledging(held, OplockLevel.Ii))).status, NtStatus.Success);
    await turns();
    strictEqual(server.opens.size, 1, 'that of the other client');
    await server.close();
  });

  test('a CREATE that continues without its channel is cancelled with its tree connect, its session or its last channel (3.3.5.6, 3.3.5.8, 3.3.7.1)', async () => {
    const endings: Readonly<Record<string, (client: RawClient, server: Server) => unknown>> = {
      TREE_DISCONNECT: (client) => client.ask(disconnecting),
      LOGOFF: (client) => client.ask(loggingOff),
      'the last channel is lost': (client) => client.end(),
      'the server ends': (_client, server) => server.close(),
    };
    for (const [ending, end] of Object.entries(endings)) {
      const { server, first, other, held } = await lostWhileWaiting(shared);
      ok(server.budget.held > 0, 'its frame is counted');
      strictEqual(server.quotas.waiting.total, 1);
      await end(first, server);
      await turns();
      deepStrictEqual([server.quotas.waiting.total, server.budget.held], [0, 0], ending);
      if (ending !== 'the server ends') {
        strictEqual((await other.ask(acknowledging(held, OplockLevel.Ii))).status, NtStatus.Success);
        await turns();
        strictEqual(server.opens.size, 1, ending);
      }
      other.end();
      first.end();
      await turns();
      await server.close();
      deepStrictEqual(viewOf(server).counts(), nothingLeft, ending);
    }
  });

  test('a CREATE that has to wait after its channel was lost ends at once, with a CreateGuid it waits (3.2.7.1, 3.3.7.1)', async () => {
    for (const [create, waiting] of [
      [{ requestedOplockLevel: OplockLevel.Batch, shareAccess: 7 }, 0],
      [shared, 1],
    ] as const) {
      const gate = Promise.withResolvers<undefined>();
      const reached = Promise.withResolvers<void>();
      let closed = false;
      const before = (): Promise<undefined> | undefined => {
        if (!closed) return undefined;
        reached.resolve();
        return gate.promise;
      };
      const server = testServer({ shares: { share: intercept(createMemoryStore(), before, new Set(['open'])) } });
      const [first, second] = await twoChannels(server);
      const other = await RawClient.at(server, 'share', 'bob', 'word');
      const held = idsOf(await other.create('file', { requestedOplockLevel: OplockLevel.Batch }));
      closed = true;
      second.sendFrame(second.encode([opening('file', create)]));
      await reached.promise;
      second.end();
      await turns();
      gate.resolve(undefined);
      await turns();
      deepStrictEqual([server.quotas.waiting.total, server.shutdown.requests], [waiting, waiting]);
      strictEqual((await other.next())?.[0]?.header.command, Command.OplockBreak);
      strictEqual((await other.ask(acknowledging(held, OplockLevel.Ii))).status, NtStatus.Success);
      await turns();
      strictEqual(server.opens.size, 1 + waiting);
      first.end();
      other.end();
      await turns();
      await server.close();
      deepStrictEqual(viewOf(server).counts(), nothingLeft);
    }
  });

  test('durable opens are detached with the last of them, not before (3.3.7.1)', async () => {
    const server = testServer();
    const [first, second] = await twoChannels(server);
    const ids = idsOf(await second.ask(opening('file', batch(DH2Q(1)))));
    second.end();
    await turns();
    strictEqual(server.durables.detached, 0);
    strictEqual((await first.ask(reading(ids, 1))).status, NtStatus.EndOfFile);
    first.end();
    await turns();
    strictEqual(server.durables.detached, 1);
    await server.close();
  });

  test('are shown as one session with several connections; the administrator ends one connection, or the session with all of them', async () => {
    const server = testServer();
    const [first, second] = await twoChannels(server);
    const view = viewOf(server);
    const [session] = view.sessions();
    deepStrictEqual(session?.peers.length, 2);
    const channels = view.channels();
    deepStrictEqual(
      channels.map(({ session: of, connection, user, first: oldest }) => [of, connection, user, oldest]),
      [
        [session?.id, 1, 'ann', true],
        [session?.id, 2, 'ann', false],
      ],
    );
    deepStrictEqual(
      view.connections().map(({ sessions }) => sessions),
      [1, 1],
    );
    strictEqual(view.endConnection(1), true);
    await turns();
    deepStrictEqual(
      view.channels().map(({ connection, first: oldest }) => [connection, oldest]),
      [[2, true]],
    );
    strictEqual(view.sessions()[0]?.connection, 2);
    strictEqual((await second.create('file')).status, NtStatus.Success);
    strictEqual(view.endSession(session?.id ?? 0), true);
    strictEqual((await second.create('file')).status, NtStatus.UserSessionDeleted);
    deepStrictEqual(view.channels(), []);
    ok(first.ended);
    await server.close();
  });

  test('leave nothing behind in any order of bindings, requests that wait, lost connections and logoffs', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = fakeRandom(seed);
      const server = testServer({ limits: { channelsForSession: 4 } });
      let clients = await twoChannels(server).then((both) => [...both]);
      const root = clients[0] as RawClient;
      const pick = (): RawClient => clients[random.u32() % clients.length] as RawClient;
      const steps: readonly (() => Promise<unknown>)[] = [
        async () => {
          const next = await connected(server, { guid: root.clientGuid });
          const { status } = await next.bind(root);
          if (status === NtStatus.Success) clients.push(next);
          else next.end();
        },
        async () => {
          const lost = pick();
          clients = clients.filter((client) => client !== lost);
          lost.end();
          await turns();
        },
        async () => {
          const client = pick();
          const made = await answered(client, opening('', { createOptions: 1, createDisposition: 1, desiredAccess: 0x81 }));
          if (made?.status === NtStatus.Success) await answered(client, watching(idsOf(made)));
        },
        async () => {
          const client = pick();
          const made = await answered(client, opening(`file ${random.u32() % 3}`, batch(DH2Q(random.u32() % 100))));
          if (made?.status !== NtStatus.Success) return;
          const other = pick();
          other.sendFrame(other.encode([writing(idsOf(made), 'data')]));
          if (random.u32() % 2 === 0) await answered(client, closing(idsOf(made)));
        },
        async () => {
          if (random.u32() % 4 === 0) await answered(pick(), loggingOff);
        },
      ];
      for (let step = 0; step < 12 && clients.length > 0; step++) await steps[random.u32() % steps.length]?.();
      for (const session of server.sessions.values()) strictEqual(session.channels.size <= 4 && session.hasChannel, true, `seed ${seed}`);
      for (const client of clients) client.end();
      await turns();
      strictEqual(server.sessions.size, 0, `seed ${seed}`);
      strictEqual(server.quotas.channels.total, 0, `seed ${seed}`);
      strictEqual(server.quotas.connections.total, 0, `seed ${seed}`);
      await server.close();
      deepStrictEqual(viewOf(server).counts(), nothingLeft, `seed ${seed}`);
    }
  });

  test('a flood of bindings that fail leaves nothing, and does not end the session', async () => {
    const server = testServer({ limits: { channelsForSession: 4 } });
    const first = await RawClient.at(server);
    const hostile = [new Uint8Array(0), new Uint8Array(3), Uint8Array.from({ length: 200 }, (_, i) => i), firstToken().subarray(0, 20)];
    for (let i = 0; i < 40; i++) {
      const client = await connected(server, { guid: first.clientGuid });
      client.signer = first.signer;
      await client.ask(binding(first.sessionId, true, hostile[i % hostile.length]));
      if (i % 2 === 0) client.end();
    }
    await turns();
    strictEqual(server.sessions.size, 1);
    ok(([...server.sessions.values()][0]?.channels.size ?? 0) <= 4);
    strictEqual((await first.create('untouched')).status, NtStatus.Success);
    await server.close();
    deepStrictEqual(viewOf(server).counts(), nothingLeft);
  });
});
