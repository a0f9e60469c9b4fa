/** Limits that users share have a part for each user: one that takes all that it may leaves something for the next. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, type Link, type Log, type LogFields, silentLog } from '@ring3/kit';
import { Command, CreateOptions, LockFlags, LockRequest, NtStatus } from '@ring3/smb-proto';
import { createMemoryStore, type Vfs } from '@ring3/vfs';
import type { Server } from '../server/server.ts';
import { closing, echo, type Ids, idsOf, locking, opening, renaming, watching } from '../testing/elements.ts';
import { RawClient, testServer } from '../testing/raw-client.ts';
import { turns } from '../testing/turns.ts';

const { Success, InsufficientResources, TooManyOpenedFiles, Pending, RequestNotAccepted } = NtStatus;

/** A memory store that reports as many file descriptors as a directory of the host. */
const holding = (): Vfs => Object.assign(createMemoryStore(), { fileDescriptors: { handle: 2, directory: 1 } });

/** Repeats a request until its status is not success. @returns how often it succeeded, and the last status */
async function until(ask: (i: number) => Promise<{ status: number }>, most = 1000): Promise<[count: number, status: number]> {
  for (let i = 0; i < most; i++) {
    const { status } = await ask(i);
    if (status !== Success) return [i, status];
  }
  throw new Error('there is no limit');
}

const bob = (server: Server): Promise<RawClient> => RawClient.at(server, 'share', 'bob', 'word');
const directory = { createOptions: CreateOptions.DirectoryFile };

test('tree connects: the sessions of one user leave some for others (INSUFFICIENT_RESOURCES)', async () => {
  const server = testServer({ limits: { trees: 90 } });
  const ann = await RawClient.at(server);
  deepStrictEqual(await until(() => ann.connect('share')), [71, InsufficientResources], 'and one that was there');
  const other = await bob(server);
  deepStrictEqual(await until(() => other.connect('look')), [14, InsufficientResources]);
  ann.end();
  await turns();
  strictEqual((await other.connect('share')).status, Success);
  await server.close();
});

test('byte-range locks: of all files of a user together (INSUFFICIENT_RESOURCES)', async () => {
  const server = testServer({ limits: { locks: 90 } });
  const [ann, other] = [await RawClient.at(server), await bob(server)];
  const files: Ids[] = [];
  for (let i = 0; i < 10; i++) files.push(idsOf(await ann.create(`file ${i}`)));
  const flags = LockFlags.ExclusiveLock | LockFlags.FailImmediately;
  const lock = (i: number) => ann.ask(locking(files[i % 10] as Ids, BigInt(i), 1n, flags));
  deepStrictEqual(await until(lock), [72, InsufficientResources]);
  const theirs = idsOf(await other.create('other'));
  strictEqual((await other.ask(locking(theirs, 0n, 1n, flags))).status, Success);
  strictEqual((await ann.ask(locking(files[0] as Ids, 0n, 1n, LockFlags.Unlock))).status, Success);
  strictEqual((await lock(0)).status, Success);
  strictEqual((await lock(100)).status, InsufficientResources);
  strictEqual((await ann.ask(closing(files[1] as Ids))).status, Success);
  strictEqual((await lock(100)).status, Success);
  ann.end();
  other.end();
  await turns();
  strictEqual(server.quotas.locks.total, 0);
  await server.close();
});

test('byte-range locks: ranges that a failed list unlocked are not counted any more (MS-SMB2 3.3.5.14.1)', async () => {
  const server = testServer();
  const client = await RawClient.at(server);
  const ids = idsOf(await client.create('file'));
  const range = (offset: bigint, flags: number) => ({ offset, length: 1n, flags });
  const flags = LockFlags.ExclusiveLock | LockFlags.FailImmediately;
  const ask = (...locks: ReturnType<typeof range>[]) =>
    client.ask({ command: Command.Lock, body: LockRequest.encode({ ...ids, lockSequence: 0, locks }) });
  strictEqual((await ask(range(0n, flags), range(1n, flags), range(2n, flags))).status, Success);
  strictEqual(server.quotas.locks.total, 3);
  strictEqual((await ask(range(0n, LockFlags.Unlock), range(9n, LockFlags.Unlock))).status, NtStatus.RangeNotLocked);
  strictEqual(server.quotas.locks.total, 2);
  strictEqual((await ask(range(1n, LockFlags.Unlock), range(2n, flags))).status, NtStatus.InvalidParameter);
  strictEqual(server.quotas.locks.total, 1);
  await server.close();
});

test('opens: a user with many sessions leaves some for others, and its own are released when it disconnects', async () => {
  const server = testServer({ limits: { opens: 90, opensForSession: 50 } });
  const clients = [await RawClient.at(server), await RawClient.at(server)];
  const counts: number[] = [];
  for (const client of clients) counts.push((await until((i) => client.create(`file ${i}`)))[0]);
  deepStrictEqual(counts, [50, 22]);
  const other = await bob(server);
  strictEqual((await other.create('other')).status, Success);
  for (const client of clients) client.end();
  await turns();
  strictEqual(server.quotas.opens.total, 1);
  await server.close();
});

test('file descriptors: an open costs two and one for each directory above it (TOO_MANY_OPENED_FILES)', async () => {
  const server = testServer({ fileDescriptors: 120, shares: { share: holding() } });
  strictEqual(server.maxConnections, 30);
  const ann = await RawClient.at(server);
  let path = '';
  for (let depth = 0; depth < 10; depth++) {
    path = depth === 0 ? 'd' : `${path}\\d`;
    const made = await ann.create(path, directory);
    strictEqual(made.status, Success);
    await ann.ask(closing(idsOf(made)));
  }
  strictEqual(server.quotas.fileDescriptors.total, 0);
  const deep = idsOf(await ann.create(`${path}\\file`));
  strictEqual(server.quotas.fileDescriptors.total, 12);
  const second = idsOf(await ann.create(`${path}\\file 2`));
  strictEqual(server.quotas.fileDescriptors.total, 14, 'the directories are held once');
  await ann.ask(closing(deep));
  strictEqual(server.quotas.fileDescriptors.total, 12);
  strictEqual((await ann.ask(renaming(second, 'file 2'))).status, Success);
  strictEqual(server.quotas.fileDescriptors.total, 2, 'it is in the root now');
  strictEqual((await ann.ask(renaming(second, `${path}\\file 3`))).status, Success);
  strictEqual(server.quotas.fileDescriptors.total, 12);
  await ann.ask(closing(second));
  deepStrictEqual(
    await until((i) => ann.create(`flat ${i}`)),
    [42, TooManyOpenedFiles],
    'four fifths of the 105 that are not kept for connections',
  );
  strictEqual((await ann.create(`${path}\\file`)).status, TooManyOpenedFiles);
  strictEqual((await (await bob(server)).create('other')).status, Success);
  strictEqual(server.numbers.refused.of('fileDescriptors'), 2);
  await server.close();
});

test('waiting requests: one user leaves some for others, and they are released however they end', async () => {
  const server = testServer({ limits: { waiting: 9 } });
  const [ann, other] = [await RawClient.at(server), await bob(server)];
  const folder = idsOf(await ann.create('', directory));
  await ann.ask({ ...echo, header: { credits: 100 } });
  const statuses: number[] = [];
  for (let i = 0; i < 9; i++) statuses.push((await ann.ask(watching(folder))).status);
  deepStrictEqual([statuses.filter((status) => status === Pending).length, statuses.at(-1)], [8, InsufficientResources]);
  strictEqual((await other.ask(watching(idsOf(await other.create('', directory))))).status, Pending);
  ann.end();
  await turns();
  strictEqual(server.quotas.waiting.total, 1);
  await server.close();
});

test('kept changes: beyond the part of a user its client has to list the directory (NOTIFY_ENUM_DIR)', async () => {
  const server = testServer({ limits: { keptBytes: 1000 } });
  const [ann, other] = [await RawClient.at(server), await bob(server)];
  const folder = idsOf(await ann.create('', directory));
  await ann.ask(watching(folder, { outputBufferLength: 60_000 }));
  for (let i = 0; i < 30; i++) await other.create(`a file with a long name ${i}`);
  await turns();
  strictEqual((await ann.next())?.[0]?.status, Success, 'the first change');
  strictEqual((await ann.ask(watching(folder, { outputBufferLength: 60_000 }))).status, NtStatus.NotifyEnumDir);
  strictEqual(server.quotas.keptBytes.total, 0);
  ann.end();
  await turns();
  await server.close();
});

test('sessions and connections: a user that takes all that it may leaves a place for another, also from one address', async () => {
  for (const limits of [{ sessions: 9 }, { connections: 9 }, { connectionsForAddress: 9 }]) {
    const server = testServer({ limits });
    const statuses: number[] = [];
    for (let i = 0; i < 9; i++) {
      const client = new RawClient(server);
      await client.negotiate();
      statuses.push((await client.logOn('ann', 'secret')).status);
    }
    deepStrictEqual([statuses.filter((status) => status === Success).length, statuses.at(-1)], [8, RequestNotAccepted]);
    strictEqual((await (await bob(server)).ask(echo)).status, Success, `${Object.keys(limits)}`);
    await server.close();
  }
});

test('guests are not one user: each address has its part', async () => {
  const server = testServer({ guest: true, limits: { opens: 90 }, shares: { share: { vfs: createMemoryStore(), guest: true } } });
  const from = async (address: string): Promise<RawClient> => {
    const accept = (link: Link) => server.accept(link, address);
    return RawClient.at({ clock: server.clock, accept } as unknown as Server, 'share', 'nobody knows', 'x');
  };
  const [first, second] = [await from('192.0.2.1'), await from('192.0.2.2')];
  deepStrictEqual(await until((i) => first.create(`file ${i}`)), [72, TooManyOpenedFiles]);
  strictEqual((await second.create('other')).status, Success);
  await server.close();
});

test('a reached limit is logged at once, and then once a minute with the number since then', async () => {
  const clock = new FakeClock();
  const lines: LogFields[] = [];
  const log: Log = { ...silentLog, child: () => log, warn: (_what, fields = {}) => void lines.push(fields) };
  const server = testServer({ clock, log, limits: { opensForSession: 1 } });
  const client = await RawClient.at(server);
  await client.create('file');
  for (let i = 0; i < 10; i++) strictEqual((await client.ask(opening('another'))).status, TooManyOpenedFiles);
  clock.advance(60_000);
  await client.ask(opening('another'));
  ok(lines.every(({ user }) => user === 'ann'));
  deepStrictEqual(
    lines.map(({ limit, times }) => [limit, times]),
    [
      ['opensForSession', undefined],
      ['opensForSession', 10],
    ],
  );
  await server.close();
});

test('thousands of files of a disconnected client are closed in slices: another client is served between them, and all are released', async () => {
  let now = 0;
  const clock = Object.assign(new FakeClock(), { now: () => (now += 0.05) });
  const server = testServer({ clock });
  const ann = await RawClient.at(server);
  for (let i = 0; i < 2000; i++) strictEqual((await ann.create('file')).status, Success);
  const other = await bob(server);
  ann.end();
  await turns(1);
  ok(server.opens.size > 0, 'not in one turn');
  strictEqual((await other.ask(echo)).status, Success);
  ok(server.opens.size > 0, 'and others do not wait for the end');
  await server.close();
  deepStrictEqual([server.opens.size, server.quotas.opens.total], [0, 0]);
});
