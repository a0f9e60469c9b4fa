import { deepStrictEqual, notStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@ring3/kit';
import { Command, LockFlags, LogoffRequest, NtStatus } from '@ring3/smb-proto';
import { createMemoryStore, withFaults } from '@ring3/vfs';
import { closing, echo, idsOf, locking, reading, writing } from '../testing/elements.ts';
import { RawClient, testServer } from '../testing/raw-client.ts';
import { turns } from '../testing/turns.ts';

const minute = 60_000;

const stage = (idleMs: number, more: Parameters<typeof testServer>[0] = {}) => {
  const clock = new FakeClock();
  return { clock, server: testServer({ clock, limits: { idleMs }, ...more }) };
};

test('a connection that has nothing open and sent nothing for the idle time is disconnected, and not before', async () => {
  const { server, clock } = stage(10 * minute);
  const reasons: string[] = [];
  server.events.on('disconnect', ({ reason }) => reasons.push(reason));
  const client = await RawClient.at(server);
  clock.advance(10 * minute - 1);
  await turns();
  strictEqual(client.ended, undefined);
  clock.advance(1001);
  await turns();
  notStrictEqual(client.ended, undefined);
  deepStrictEqual(reasons, ['idle timeout']);
  strictEqual(clock.pending, 0);
  await server.close();
});

test('by default no connection is, and no timer runs for it', async () => {
  const { server, clock } = stage(0);
  const client = await RawClient.at(server);
  clock.advance(365 * 24 * 60 * minute);
  strictEqual((await client.ask(echo)).status, NtStatus.Success);
  strictEqual(clock.pending, 0);
  await server.close();
});

test('any message starts the time again', async () => {
  const { server, clock } = stage(minute);
  const client = await RawClient.at(server);
  for (let i = 0; i < 10; i++) {
    clock.advance(minute - 1);
    strictEqual((await client.ask(echo)).status, NtStatus.Success);
  }
  clock.advance(minute + 1000);
  await turns();
  notStrictEqual(client.ended, undefined);
  await server.close();
});

test('a client with an open file stays as long as it is open; an open pipe does not count', async () => {
  const { server, clock } = stage(minute);
  const [holder, piper] = [await RawClient.at(server), await RawClient.at(server, 'IPC$')];
  const ids = idsOf(await holder.create('file'));
  strictEqual((await piper.create('srvsvc')).status, NtStatus.Success);
  clock.advance(100 * minute);
  await turns();
  deepStrictEqual([holder.ended === undefined, piper.ended === undefined], [true, false]);
  await holder.ask(closing(ids));
  clock.advance(minute - 1);
  await turns();
  strictEqual(holder.ended, undefined);
  clock.advance(1001);
  await turns();
  notStrictEqual(holder.ended, undefined);
  await server.close();
});

test('an open of any session of a connection keeps it', async () => {
  const { server, clock } = stage(minute);
  const client = await RawClient.at(server);
  await client.create('file');
  client.sessionId = 0;
  await client.logOn('bob', 'word');
  clock.advance(10 * minute);
  await turns();
  strictEqual(client.ended, undefined);
  await client.ask({ command: Command.Logoff, body: LogoffRequest.encode({}) });
  clock.advance(10 * minute);
  await turns();
  strictEqual(client.ended, undefined);
  await server.close();
});

test('a client that waits for a response is not idle, whether or not its opens are closed', async () => {
  const clock = new FakeClock();
  const store = withFaults(createMemoryStore(), [{ call: 'read', times: 1e9, delayMs: 5 * minute }], clock);
  const { server } = { server: testServer({ clock, shares: { share: store }, limits: { idleMs: minute } }) };
  const client = await RawClient.at(server);
  const ids = idsOf(await client.create('file'));
  await client.ask(writing(ids, 'data'));
  client.sendFrame(client.encode([reading(ids, 4)]));
  client.sendFrame(client.encode([closing(ids)]));
  await turns();
  clock.advance(4 * minute);
  await turns();
  strictEqual(client.ended, undefined);
  clock.advance(minute);
  await turns();
  strictEqual((await client.next())?.[0]?.status, NtStatus.Success);
  strictEqual((await client.next())?.[0]?.status, NtStatus.Success);
  clock.advance(2 * minute);
  await turns();
  notStrictEqual(client.ended, undefined);
  await server.close();
});

test('a client that waits for another client’s lock has a file open, and stays', async () => {
  const { server, clock } = stage(minute);
  const client = await RawClient.at(server);
  const [a, b] = [idsOf(await client.create('file')), idsOf(await client.create('file'))];
  await client.ask(locking(a, 0n, 1n, LockFlags.ExclusiveLock | LockFlags.FailImmediately));
  strictEqual((await client.ask(locking(b, 0n, 1n, LockFlags.ExclusiveLock))).status, NtStatus.Pending);
  clock.advance(60 * minute);
  await turns();
  strictEqual(client.ended, undefined);
  await server.close();
});

test('a thousand connections share one timer, and each has its own time', async () => {
  const { server, clock } = stage(100 * minute, { limits: { idleMs: 100 * minute, logonMs: 1000 * minute } });
  const clients: RawClient[] = [];
  for (let i = 0; i < 1000; i++) {
    clients.push(new RawClient(server));
    if (i % 100 === 0) clock.advance(minute);
  }
  strictEqual(clock.pending, 1001, 'in addition to those that wait for logons');
  const left: number[] = [];
  for (let i = 0; i < 11; i++) {
    clock.advance(i === 0 ? 90 * minute : minute);
    left.push(server.connections.size);
  }
  deepStrictEqual(left, [999, 899, 799, 699, 599, 499, 399, 299, 199, 99, 0]);
  strictEqual(clock.pending, 0);
  await server.close();
});

test('another limit applies at once: shorter, longer, or none', async () => {
  const { server, clock } = stage(0);
  const client = await RawClient.at(server);
  clock.advance(10 * minute);
  server.configure({ limits: { idleMs: 20 * minute } });
  clock.advance(9 * minute);
  await turns();
  strictEqual(client.ended, undefined);
  server.configure({ limits: { idleMs: 0 } });
  clock.advance(100 * minute);
  await turns();
  strictEqual(client.ended, undefined);
  server.configure({ limits: { idleMs: minute } });
  clock.advance(0);
  await turns();
  notStrictEqual(client.ended, undefined);
  strictEqual(clock.pending, 0);
  await server.close();
});

test('a connection whose opens were closed by the administrator is disconnected at the next check', async () => {
  const { server, clock } = stage(minute);
  const client = await RawClient.at(server);
  await client.create('file');
  clock.advance(10 * minute);
  for (const { opens } of server.sessions.values()) strictEqual(opens.size, 1);
  const { viewOf } = await import('./view.ts');
  const view = viewOf(server);
  strictEqual(view.endOpen(view.opens()[0]?.id ?? 0), true);
  clock.advance(minute);
  await turns();
  notStrictEqual(client.ended, undefined);
  await server.close();
});
