import { deepStrictEqual, notStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, type Link } from '@ring3/kit';
import {
  CancelRequest,
  ChangeNotifyRequest,
  Command,
  CreateOptions,
  createNtlmInitiator,
  LockFlags,
  NtStatus,
  SessionSetupResponse,
} from '@ring3/smb-proto';
import { createMemoryStore, withFaults } from '@ring3/vfs';
import type { Server } from '../server/server.ts';
import { closing, disconnecting, echo, idsOf, locking, loggingOff, opening, reading, settingUp, writing } from '../testing/elements.ts';
import { RawClient, testServer } from '../testing/raw-client.ts';
import { turns } from '../testing/turns.ts';

const { Success, Pending, InsufficientResources, RequestNotAccepted, TooManyOpenedFiles } = NtStatus;

/** A server whose store takes 10 ms of its clock for some calls. */
function slow(
  calls: readonly ('open' | 'read' | 'stat')[],
  limits: Parameters<typeof testServer>[0] = {},
): { server: Server; clock: FakeClock } {
  const clock = new FakeClock();
  const faults = calls.map((call) => ({ call, times: 1e9, delayMs: 10 }));
  return { clock, server: testServer({ clock, shares: { share: withFaults(createMemoryStore(), faults, clock) }, ...limits }) };
}

/** A client whose connections come from an address. */
function from(server: Server, address: string): RawClient {
  return new RawClient({ clock: server.clock, accept: (link: Link) => server.accept(link, address) } as unknown as Server);
}

test('connections from one address are limited; a closed one frees its place, and other addresses are not affected', async () => {
  const server = testServer({ limits: { connectionsForAddress: 2 } });
  const come = async (address: string) => {
    const client = from(server, address);
    await client.negotiate().catch(() => {});
    if (client.ended === undefined) await client.logOn('ann', 'secret');
    return client;
  };
  const clients = [await come('10.0.0.1'), await come('10.0.0.1'), await come('10.0.0.1'), await come('10.0.0.2')];
  deepStrictEqual(
    clients.map(({ ended }) => ended === undefined),
    [true, true, false, true],
  );
  clients[0]?.end();
  await turns();
  deepStrictEqual([(await come('10.0.0.1')).ended === undefined, (await come('10.0.0.1')).ended === undefined], [true, false]);
  strictEqual(server.numbers.refused.of('connectionsForAddress'), 2);
  await server.close();
});

test('half-open connections do not keep clients out, not even from their own address: the oldest of that address is ended', async () => {
  const server = testServer({ limits: { connectionsForAddress: 3 } });
  const other = from(server, '10.0.0.2');
  const half = [from(server, '10.0.0.1'), from(server, '10.0.0.1'), from(server, '10.0.0.1')];
  const comes = from(server, '10.0.0.1');
  await comes.negotiate();
  strictEqual((await comes.logOn('ann', 'secret')).status, Success);
  deepStrictEqual(
    [...half, other].map(({ ended }) => ended === undefined),
    [false, true, true, true],
  );
  server.configure({ limits: { connectionsForAddress: 2 } });
  strictEqual(from(server, '10.0.0.1').ended, undefined);
  await turns();
  deepStrictEqual(
    [...half, comes, other].map(({ ended }) => ended === undefined),
    [false, false, false, true, true],
  );
  await server.close();
});

test('one logon more than the limit fails with REQUEST_NOT_ACCEPTED; a logoff frees a place', async () => {
  const server = testServer({ limits: { sessions: 2 } });
  const [first] = [await RawClient.at(server), await RawClient.at(server)];
  const late = new RawClient(server);
  await late.negotiate();
  strictEqual((await late.logOn('bob', 'wrong')).status, NtStatus.LogonFailure);
  late.sessionId = 0;
  strictEqual((await late.logOn('bob', 'word')).status, RequestNotAccepted);
  strictEqual(server.sessions.size, 2);
  late.sessionId = 0;
  strictEqual((await first.ask(loggingOff)).status, Success);
  strictEqual((await late.logOn('bob', 'word')).status, Success);
  strictEqual((await late.logOn('bob', 'word')).status, Success, 'who logs on again is none more');
  await server.close();
});

test('a client that reconnects with PreviousSessionId is accepted at the limit, but not with the session of another user', async () => {
  const server = testServer({ limits: { sessions: 1 } });
  const old = await RawClient.at(server);
  const thief = new RawClient(server);
  await thief.negotiate();
  strictEqual((await thief.logOn('bob', 'word', old.sessionId)).status, RequestNotAccepted);
  const back = new RawClient(server);
  await back.negotiate();
  strictEqual((await back.logOn('ann', 'secret', old.sessionId)).status, Success);
  strictEqual(server.sessions.size, 1);
  strictEqual((await old.ask(disconnecting)).status, NtStatus.UserSessionDeleted);
  await server.close();
});

test('logons in progress do not keep clients out', async () => {
  const server = testServer({ limits: { sessions: 2 } });
  const half = new RawClient(server);
  await half.negotiate();
  const first = createNtlmInitiator({ user: 'ann', password: 'x', random: server.random, now: () => 0 }).next();
  for (let i = 0; i < 5; i++) await half.ask(settingUp((first as { token: Uint8Array }).token));
  strictEqual(server.sessions.size, 5);
  strictEqual((await RawClient.at(server)).ended, undefined);
  strictEqual((await (await RawClient.at(server)).ask(echo)).status, Success);
  await server.close();
});

test('a logged-on client may start as many logons as a stranger: then the oldest is dropped, and the newest continues', async () => {
  const server = testServer({ limits: { sessionsBeforeLogon: 3 } });
  const client = await RawClient.at(server);
  const steps = createNtlmInitiator({ user: 'bob', password: 'word', random: server.random, now: () => 0 });
  const { token } = steps.next() as { token: Uint8Array };
  const begun: Awaited<ReturnType<RawClient['ask']>>[] = [];
  for (let i = 0; i < 20; i++) begun.push(await client.ask({ ...settingUp(token), header: { sessionId: 0 } }));
  strictEqual(server.sessions.size, 4);
  const goingOn = async (answer = begun[0] as (typeof begun)[0]): Promise<number> => {
    const last = steps.next(answer.read(SessionSetupResponse).securityBuffer) as { token: Uint8Array };
    return (await client.ask({ ...settingUp(last.token), header: { sessionId: answer.header.sessionId } })).status;
  };
  strictEqual(
    (await client.ask({ ...settingUp(token), header: { sessionId: begun[0]?.header.sessionId ?? 0 } })).status,
    NtStatus.UserSessionDeleted,
  );
  strictEqual(await goingOn(begun[19]), Success);
  strictEqual(server.sessions.size, 4);
  await server.close();
});

test('sessions of a connection and tree connects of a session above their limits fail with INSUFFICIENT_RESOURCES', async () => {
  const server = testServer({ limits: { sessionsForConnection: 2, treesForSession: 2 } });
  const client = await RawClient.at(server);
  const { sessionId } = client;
  strictEqual((await client.connect('look')).status, Success);
  strictEqual((await client.connect('share')).status, InsufficientResources);
  await client.ask(disconnecting);
  strictEqual((await client.connect('share')).status, Success);
  client.sessionId = 0;
  strictEqual((await client.logOn('bob', 'word')).status, Success);
  const token = createNtlmInitiator({ user: 'ann', password: 'x', random: server.random, now: () => 0 }).next();
  client.sessionId = 0;
  strictEqual((await client.ask(settingUp((token as { token: Uint8Array }).token))).status, InsufficientResources);
  client.sessionId = sessionId;
  await client.ask(loggingOff);
  client.sessionId = 0;
  strictEqual((await client.logOn('ann', 'secret')).status, Success);
  await server.close();
});

test('opens above the limit of a session, or of all, fail with TOO_MANY_OPENED_FILES; a closed one frees a place (3.3.5.9)', async () => {
  const server = testServer({ limits: { opensForSession: 2, opens: 3 } });
  const [ann, bob] = [await RawClient.at(server), await RawClient.at(server, 'share', 'bob', 'word')];
  const ids = idsOf(await ann.create('one'));
  strictEqual((await ann.create('two')).status, Success);
  strictEqual((await ann.create('three')).status, TooManyOpenedFiles);
  strictEqual((await bob.create('one')).status, Success);
  strictEqual((await bob.create('two')).status, TooManyOpenedFiles);
  strictEqual((await ann.ask(closing(ids))).status, Success);
  await bob.connect('IPC$');
  strictEqual((await bob.create('srvsvc')).status, Success);
  strictEqual((await ann.create('three')).status, TooManyOpenedFiles, 'pipes count');
  bob.end();
  await turns();
  strictEqual((await ann.create('three')).status, Success);
  deepStrictEqual([server.numbers.refused.of('opens'), server.numbers.refused.of('opensForSession')], [2, 1]);
  await server.close();
});

test('opens that are requested at the same time do not exceed the limit', async () => {
  const { server, clock } = slow(['open', 'stat'], { limits: { opens: 3 } });
  const client = await RawClient.at(server);
  await client.ask({ ...echo, header: { credits: 100 } });
  const answers = Array.from({ length: 10 }, (_, i) => {
    client.sendFrame(client.encode([opening(`file ${i}`)]));
    return client.next();
  });
  for (let i = 0; i < 20; i++) {
    await turns(2);
    clock.advance(10);
  }
  const statuses = (await Promise.all(answers)).map((answer) => answer?.[0]?.status);
  deepStrictEqual(
    [Success, TooManyOpenedFiles].map((status) => statuses.filter((each) => each === status).length),
    [3, 7],
  );
  strictEqual(server.fileTotals.files, 3);
  await server.close();
});

test('a limited number of requests of a connection run at a time; the others wait for their turn, and all are answered', async () => {
  const { server, clock } = slow(['read'], { limits: { requestsForConnection: 3 } });
  const client = await RawClient.at(server);
  const ids = idsOf(await client.create('file'));
  await client.ask(writing(ids, 'some data'));
  await client.ask({ ...echo, header: { credits: 100 } });
  const [connection] = server.connections.values();
  let answered = 0;
  for (let i = 0; i < 20; i++) {
    client.sendFrame(client.encode([reading(ids, 9)]));
    void client.next().then((answers) => (answered += answers?.[0]?.status === Success ? 1 : 0));
  }
  for (let i = 1; i <= 7; i++) {
    await turns();
    ok((connection?.inFlight ?? 0) <= 3, `${connection?.inFlight}`);
    clock.advance(10);
    await turns();
    strictEqual(answered, Math.min(20, i * 3));
  }
  await server.close();
});

test('a connection that sends more than the limit is not read any further', async () => {
  const { server, clock } = slow(['read'], { limits: { requestsForConnection: 1 } });
  const client = await RawClient.at(server);
  const ids = idsOf(await client.create('file'));
  await client.ask(writing(ids, 'some data'));
  await client.ask({ ...echo, header: { credits: 100 } });
  for (let i = 0; i < 20; i++) client.sendFrame(client.encode([reading(ids, 9)]));
  await turns();
  const readBuffer = 4096; // of the READ in progress: the smallest of the pool
  ok(server.budget.held < readBuffer + 4 * 200, `${server.budget.held} bytes held`);
  for (let answered = 0; answered < 20; answered++) {
    clock.advance(10);
    strictEqual((await client.next())?.[0]?.status, Success);
    await turns();
  }
  strictEqual(server.budget.held, 0);
  await server.close();
});

test('waiting requests do not count as running: a request that ends their waiting is received', async () => {
  const server = testServer({ limits: { requestsForConnection: 1 } });
  const client = await RawClient.at(server);
  const [a, b] = [idsOf(await client.create('file')), idsOf(await client.create('file'))];
  const folder = idsOf(await client.create('', { createOptions: CreateOptions.DirectoryFile }));
  await client.ask(locking(a, 0n, 1n, LockFlags.ExclusiveLock | LockFlags.FailImmediately));
  const waiting = [await client.ask(locking(b, 0n, 1n, LockFlags.ExclusiveLock))];
  const body = ChangeNotifyRequest.encode({ ...folder, flags: 0, outputBufferLength: 1000, completionFilter: 0xfff });
  waiting.push(await client.ask({ command: Command.ChangeNotify, body }));
  deepStrictEqual(
    waiting.map(({ status }) => status),
    [Pending, Pending],
  );
  const messageId = waiting[1]?.header.messageId as number;
  strictEqual(
    (await client.ask({ command: Command.Cancel, body: CancelRequest.encode({}), header: { messageId } })).status,
    NtStatus.Cancelled,
  );
  const unlocked = await client.ask(locking(a, 0n, 1n, LockFlags.Unlock));
  const granted = await client.next();
  deepStrictEqual([unlocked.status, granted?.[0]?.status], [Success, Success]);
  await server.close();
});

test('before logon one request runs at a time, whatever the limit is', async () => {
  const server = testServer({ limits: { failedLogonDelayMs: 10 } });
  const client = new RawClient(server);
  await client.negotiate();
  const [connection] = server.connections.values();
  void client.logOn('ann', 'wrong').catch(() => {});
  await turns();
  for (let i = 0; i < 5; i++) client.sendFrame(client.encode([echo]));
  await turns();
  strictEqual(connection?.inFlight, 1);
  notStrictEqual(server.budget.held, 0);
  client.end();
  (server.clock as FakeClock).advance(10);
  await server.close();
});
