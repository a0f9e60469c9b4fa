import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { type FakeClock, type FakeMetrics, fakeMetrics } from '@ring3/kit';
import { CancelRequest, Command, CreateOptions, Dialect, EchoRequest, NtStatus, OplockBreak, OplockLevel } from '@ring3/smb-proto';
import { createMemoryStore, intercept } from '@ring3/vfs';
import { createSmbServer } from '../create-smb-server.ts';
import type { SmbServerOptions } from '../server/smb-server-options.ts';
import { closing, echo, idsOf, opening, reading, watching, writing } from '../testing/elements.ts';
import { type Answer, type Element, RawClient, testServer } from '../testing/raw-client.ts';
import { turns } from '../testing/turns.ts';

function stage(more: Partial<SmbServerOptions> = {}) {
  const metrics = fakeMetrics();
  const server = testServer({ metrics, ...more });
  return { metrics, server, clock: server.clock as FakeClock };
}
/** A number, by its labels in the family's order. */
const of = (metrics: FakeMetrics, name: string, labels: Readonly<Record<string, string>> = {}): number | undefined => {
  const list = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return metrics.seen.get(list.length === 0 ? name : `${name}{${list}}`);
};
const cancelling: Element = { command: Command.Cancel, body: CancelRequest.encode({}) };

test('requests are counted by command and status, once each, also in a chain', async () => {
  const { metrics, server } = stage();
  const client = await RawClient.at(server);
  await client.chain(echo, echo);
  const file = await client.create('file');
  await client.create('missing', { createDisposition: 1 });
  await client.create('missing', { createDisposition: 1 });
  await client.ask(closing(idsOf(file)));
  await client.ask(closing(idsOf(file)));
  const requests = (command: string, status: string) => of(metrics, 'smb_requests_total', { command, status });
  deepStrictEqual(
    [
      ['Negotiate', 'Success'],
      ['SessionSetup', 'MoreProcessingRequired'],
      ['SessionSetup', 'Success'],
      ['TreeConnect', 'Success'],
      ['Echo', 'Success'],
      ['Create', 'Success'],
      ['Create', 'ObjectNameNotFound'],
      ['Close', 'Success'],
      ['Close', 'FileClosed'],
      ['Read', 'Success'],
    ].map(([command, status]) => requests(command as string, status as string)),
    [1, 1, 1, 1, 2, 1, 2, 1, 1, undefined],
  );
});

test('requests without a response are counted too: CANCEL, an unknown command, and one that ends its connection', async () => {
  const { metrics, server } = stage();
  const client = await RawClient.at(server);
  client.sendFrame(client.encode([cancelling]));
  const unknown: Element = { command: 0x4242, body: EchoRequest.encode({}) };
  strictEqual((await client.ask(unknown)).status, NtStatus.InvalidParameter);
  const stranger = new RawClient(server);
  await stranger.chain(echo);
  const requests = (command: string, status: string) => of(metrics, 'smb_requests_total', { command, status });
  deepStrictEqual([requests('Cancel', 'NoResponse'), requests('unknown', 'InvalidParameter'), requests('Echo', 'Disconnect')], [1, 1, 1]);
});

test('the time of a request runs from the arrival of its frame until its response is passed to the link', async () => {
  let answer = (): void => {};
  const wait = () => new Promise<undefined>((resolve) => (answer = () => resolve(undefined)));
  const slow = intercept(createMemoryStore(), wait, new Set(['read']));
  const { metrics, server, clock } = stage({ shares: { share: slow } });
  const client = await RawClient.at(server);
  const file = idsOf(await client.create('file'));
  await client.ask(writing(file, 'hello'));
  client.sendFrame(client.encode([reading(file, 5)]));
  await client.ask(echo);
  clock.advance(7);
  answer();
  await client.next();
  const below = (le: string) => of(metrics, 'smb_request_seconds_bucket', { command: 'Read', le });
  deepStrictEqual([below('0.005'), below('0.01'), below('+Inf')], [0, 1, 1]);
  strictEqual(of(metrics, 'smb_request_seconds_sum', { command: 'Read' }), 0.007);
  strictEqual(of(metrics, 'smb_request_seconds_bucket', { command: 'Echo', le: '0.00005' }), 1);
});

test('requests that wait on purpose are counted separately: their time, and that of their chain, is not recorded', async () => {
  const { metrics, server, clock } = stage();
  const client = await RawClient.at(server);
  const folder = idsOf(await client.create('folder', { createOptions: CreateOptions.DirectoryFile }));
  const notified = client.chain(watching(folder));
  await notified; // the interim response
  deepStrictEqual(
    [of(metrics, 'smb_requests_waiting'), of(metrics, 'smb_requests_total', { command: 'ChangeNotify', status: 'Pending' })],
    [1, undefined],
  );
  clock.advance(60_000);
  await client.create('folder\\file');
  strictEqual(((await client.next()) as Answer[])[0]?.status, NtStatus.Success);
  strictEqual(of(metrics, 'smb_requests_waited_total', { command: 'ChangeNotify' }), 1);
  strictEqual(of(metrics, 'smb_requests_total', { command: 'ChangeNotify', status: 'Success' }), 1);
  strictEqual(of(metrics, 'smb_request_seconds_count', { command: 'ChangeNotify' }), undefined);
  strictEqual(of(metrics, 'smb_requests_waiting'), 0);
});

test('the delay after a failed logon is a wait on purpose; failures are counted by status, successes by kind of user', async () => {
  const { metrics, server, clock } = stage({ guest: true, limits: { failedLogonDelayMs: 250 } });
  const client = new RawClient(server);
  await client.negotiate();
  const failing = client.logOn('ann', 'wrong');
  while (server.numbers.logonFailures.of(NtStatus.LogonFailure) === 0) await new Promise(setImmediate);
  clock.advance(250);
  strictEqual((await failing).status, NtStatus.LogonFailure);
  await RawClient.at(server);
  const guest = new RawClient(server);
  await guest.negotiate();
  await guest.logOn('whoever', 'x');
  strictEqual(of(metrics, 'smb_logon_failures_total', { status: 'LogonFailure' }), 1);
  deepStrictEqual(
    ['user', 'guest', 'anonymous'].map((as) => of(metrics, 'smb_logons_total', { as })),
    [1, 1, 0],
  );
  strictEqual(of(metrics, 'smb_requests_waited_total', { command: 'SessionSetup' }), 1);
  strictEqual(of(metrics, 'smb_request_seconds_count', { command: 'SessionSetup' }), 5);
});

test('bytes and payload are counted for open and ended connections; tree connects and opens by share', async () => {
  const { metrics, server } = stage();
  const client = await RawClient.at(server);
  const file = idsOf(await client.create('file'));
  await client.ask(writing(file, 'hello'));
  await client.ask(reading(file, 100));
  const bytes = () => [of(metrics, 'smb_received_bytes_total'), of(metrics, 'smb_sent_bytes_total')] as [number, number];
  deepStrictEqual([of(metrics, 'smb_written_bytes_total'), of(metrics, 'smb_read_bytes_total')], [5, 5]);
  await turns();
  deepStrictEqual(
    ['share', 'look', 'IPC$'].map((share) => [of(metrics, 'smb_trees', { share }), of(metrics, 'smb_opens', { share })]),
    [
      [1, 1],
      [0, 0],
      [0, 0],
    ],
  );
  deepStrictEqual([of(metrics, 'smb_connections'), of(metrics, 'smb_sessions'), of(metrics, 'smb_file_state', { of: 'files' })], [1, 1, 1]);
  const [connection] = server.connections.values();
  const before = bytes();
  deepStrictEqual(before, [connection?.bytesIn, connection?.bytesOut]);
  connection?.end('for the test');
  await server.close();
  deepStrictEqual([...metrics.seen.keys()], []);
});

test('bytes of connections that ended stay counted', async () => {
  const { metrics, server } = stage();
  await RawClient.at(server);
  const bytes = () => [of(metrics, 'smb_received_bytes_total'), of(metrics, 'smb_sent_bytes_total')];
  const before = bytes();
  ok((before[0] as number) > 0);
  for (const connection of [...server.connections.values()]) connection.end('for the test');
  deepStrictEqual([of(metrics, 'smb_connections'), of(metrics, 'smb_connections_total'), ...bytes()], [0, 1, ...before]);
  deepStrictEqual([of(metrics, 'smb_trees', { share: 'share' }), of(metrics, 'smb_requests_in_flight')], [0, 0]);
});

test('two servers of one process show the sum of their numbers, and a closed server removes its own', async () => {
  const metrics = fakeMetrics();
  const [first, second] = [testServer({ metrics }), testServer({ metrics })];
  for (const server of [first, second, second]) await RawClient.at(server);
  const logons = () => of(metrics, 'smb_logons_total', { as: 'user' });
  strictEqual(logons(), 3);
  await first.close();
  strictEqual(logons(), 2);
});

test('a server that cannot listen shows no numbers', async () => {
  const metrics = fakeMetrics();
  const options = { shares: { share: createMemoryStore() }, metrics };
  const server = await createSmbServer(options);
  await rejects(createSmbServer({ ...options, port: server.address?.port as number }), { code: 'EADDRINUSE' });
  await server.close();
  strictEqual(metrics.seen.size, 0);
});

test('rejections by a limit are counted by the name of the limit', async () => {
  const { metrics, server, clock } = stage({
    limits: { treesForSession: 1, sessionsBeforeLogon: 1, frameBeforeLogon: 1024, logonMs: 1000, connectionsForAddress: 4 },
  });
  const client = await RawClient.at(server);
  strictEqual((await client.connect('look')).status, NtStatus.InsufficientResources);
  const tooLong = new RawClient(server);
  tooLong.sendFrame(new Uint8Array(2000));
  await tooLong.next();
  const [, late] = [new RawClient(server), new RawClient(server), new RawClient(server), new RawClient(server)]; // the first frees a place
  await late.negotiate();
  clock.advance(1000);
  await late.next();
  const refused = (limit: string) => of(metrics, 'smb_refused_total', { limit });
  deepStrictEqual(
    ['treesForSession', 'frameBeforeLogon', 'connectionsForAddress', 'logonMs', 'connections', 'maxAsync'].map(refused),
    [1, 1, 1, 3, 0, 0],
  );
});

test('oplock breaks are counted by the remaining level, and those that were not acknowledged', async () => {
  const { metrics, server, clock } = stage();
  const first = await RawClient.at(server, 'share', 'ann', 'secret', Dialect.Smb21);
  const second = await RawClient.at(server, 'share', 'bob', 'word', Dialect.Smb21);
  const batch = { requestedOplockLevel: OplockLevel.Batch };
  const file = idsOf(await first.create('a', batch));
  await first.create('b', batch);
  strictEqual(of(metrics, 'smb_file_state', { of: 'oplocks' }), 2);
  const acknowledged = second.chain(opening('a')); // its interim response
  await first.next();
  await acknowledged;
  const body = OplockBreak.encode({ ...file, oplockLevel: OplockLevel.Ii });
  await first.ask({ command: Command.OplockBreak, body });
  await second.next();
  const expired = second.chain(opening('b'));
  await first.next();
  await expired;
  clock.advance(35_000);
  await second.next();
  await turns();
  const breaks = (to: string) => of(metrics, 'smb_oplock_breaks_total', { to });
  deepStrictEqual([breaks('levelII'), breaks('none'), of(metrics, 'smb_oplock_breaks_expired_total')], [2, 0, 1]);
  strictEqual(of(metrics, 'smb_requests_waited_total', { command: 'Create' }), 2);
});
