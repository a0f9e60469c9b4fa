/** How a server ends: by itself when its clients are done, at once when `close` is called, and with nothing left in either case. */
import { deepStrictEqual, notStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { FakeClock, fakeLog, type Link } from '@ring3/kit';
import { Command, CreateOptions, createNtlmInitiator, Dialect, LockFlags, NtStatus, OplockLevel } from '@ring3/smb-proto';
import { type Call, createMemoryStore, intercept, type Vfs } from '@ring3/vfs';
import { createSmbServer, type SmbServer } from '../create-smb-server.ts';
import { nothingLeft } from '../testing/counts.ts';
import { closing, echo, type Ids, idsOf, listing, locking, reading, settingUp, watching, writing } from '../testing/elements.ts';
import { createBody, type Element, RawClient, testServer } from '../testing/raw-client.ts';
import { turns } from '../testing/turns.ts';
import type { Server } from './server.ts';
import { viewOf } from './view.ts';

const { ExclusiveLock, FailImmediately } = LockFlags;

/** A store whose calls of these kinds wait until they are released; and the number of waiting calls. */
class Gate {
  readonly vfs: Vfs;
  readonly shut = new Set<Call>();
  readonly #waiting: (() => void)[] = [];

  constructor(vfs: Vfs) {
    this.vfs = intercept(
      vfs,
      (call) => (this.shut.has(call) ? new Promise<undefined>((resolve) => this.#waiting.push(() => resolve(undefined))) : undefined),
      new Set<Call>(['open', 'read', 'write', 'stat', 'list', 'close', 'unlink', 'root', 'truncate', 'rename']),
    );
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  open(): void {
    this.shut.clear();
    for (const call of this.#waiting.splice(0)) call();
  }
}

function stage(more: Parameters<typeof testServer>[0] = {}) {
  const clock = new FakeClock();
  const gate = new Gate(createMemoryStore());
  const log = fakeLog();
  const errors = (): string[] => log.lines.filter(({ level }) => level === 'error').map(({ what }) => what);
  const server = testServer({ clock, log, shares: { share: gate.vfs }, ...more });
  const { counts } = viewOf(server);
  const come = (user = 'ann', password = 'secret') => RawClient.at(server, 'share', user, password, Dialect.Smb21);
  return { clock, gate, server, counts, errors, come };
}
const ending = (work: Promise<void>): { done: boolean } => {
  const state = { done: false };
  void work.then(() => (state.done = true));
  return state;
};

describe('draining', () => {
  test('a client with nothing in flight is disconnected at once, whatever is open', async () => {
    const { server, clock, counts, come } = stage();
    const clients = [await come(), await come(), new RawClient(server)];
    await clients[0]?.create('file');
    await server.shutdown.drain(10_000);
    await turns(10);
    deepStrictEqual(counts(), nothingLeft);
    for (const client of clients) notStrictEqual(client.ended, undefined);
    await server.close();
    strictEqual(clock.pending, 0);
  });

  test('requests in flight are answered first; no new request is started, and no new connection is accepted', async () => {
    const { server, gate, clock, counts, come } = stage();
    const [busy, idle] = [await come(), await come()];
    const ids = idsOf(await busy.create('file'));
    await busy.ask(writing(ids, 'some data'));
    gate.shut.add('read');
    busy.sendFrame(busy.encode([reading(ids, 9)]));
    await turns();
    const drained = ending(server.shutdown.drain(10_000));
    busy.sendFrame(busy.encode([writing(ids, 'too late')]));
    await turns();
    deepStrictEqual([busy.ended, idle.ended === undefined, counts().connections], [undefined, false, 1]);
    const late = new RawClient(server);
    strictEqual(await late.next(), undefined);
    clock.advance(9_999);
    await turns();
    deepStrictEqual([drained.done, busy.ended], [false, undefined]);
    gate.open();
    const answer = await busy.next();
    strictEqual(answer?.[0]?.status, NtStatus.Success);
    strictEqual(await busy.next(), undefined, 'what came too late is not answered');
    await turns();
    strictEqual(drained.done, true);
    deepStrictEqual(counts(), nothingLeft);
    strictEqual(clock.pending, 0);
    await server.close();
  });

  test('a chain in progress is finished, to its last element', async () => {
    const { server, gate, come } = stage();
    const client = await come();
    const ids = idsOf(await client.create('file'));
    await client.ask(writing(ids, 'some data'));
    gate.shut.add('read');
    client.sendFrame(client.encode([reading(ids, 9), writing(ids, 'more'), closing(ids)]));
    await turns();
    const drained = ending(server.shutdown.drain(10_000));
    gate.open();
    deepStrictEqual(
      (await client.next())?.map(({ status }) => status),
      [NtStatus.Success, NtStatus.Success, NtStatus.Success],
    );
    await turns();
    strictEqual(drained.done, true);
    await server.close();
  });

  test('connections left at the time limit are cut, with a reason', async () => {
    const { server, gate, clock, counts, come } = stage();
    const reasons: string[] = [];
    server.events.on('disconnect', ({ reason }) => reasons.push(reason));
    const client = await come();
    const ids = idsOf(await client.create('file'));
    await client.ask(writing(ids, 'some data'));
    gate.shut.add('read');
    client.sendFrame(client.encode([reading(ids, 9)]));
    await turns();
    const drained = server.shutdown.drain(10_000);
    clock.advance(10_000);
    await drained;
    deepStrictEqual(reasons, ['drain timeout']);
    strictEqual(counts().connections, 0);
    strictEqual(counts().requests, 1);
    gate.open();
    await turns();
    deepStrictEqual(counts(), nothingLeft);
    await server.close();
  });

  test('a second drain shortens the time of the first', async () => {
    const { server, gate, clock, come } = stage();
    const client = await come();
    const ids = idsOf(await client.create('file'));
    await client.ask(writing(ids, 'some data'));
    gate.shut.add('read');
    client.sendFrame(client.encode([reading(ids, 9)]));
    await turns();
    const first = ending(server.shutdown.drain(1_000_000));
    const second = server.shutdown.drain(5);
    clock.advance(5);
    await second;
    await turns();
    strictEqual(first.done, true);
    strictEqual(clock.pending, 0);
    gate.open();
    await server.close();
  });

  test('a client that waits for a change, a lock or a message of a pipe does not delay the drain', async () => {
    const { server, clock, counts, come } = stage();
    const [watcher, locker, piper] = [await come(), await come(), await come()];
    const folder = idsOf(await watcher.create('', { createOptions: CreateOptions.DirectoryFile }));
    const [a, b] = [idsOf(await locker.create('file')), idsOf(await locker.create('file'))];
    await locker.ask(locking(a, 0n, 1n, ExclusiveLock | FailImmediately));
    await piper.connect('IPC$');
    const pipe = idsOf(await piper.create('srvsvc'));
    const statuses = [
      await watcher.ask(watching(folder)),
      await locker.ask(locking(b, 0n, 1n, ExclusiveLock)),
      await piper.ask(reading(pipe, 100)),
    ];
    for (const { status } of statuses) strictEqual(status, NtStatus.Pending);
    await server.shutdown.drain(10_000);
    await turns();
    deepStrictEqual(counts(), nothingLeft);
    strictEqual(clock.pending, 0);
    await server.close();
  });

  test('a client that waits for an oplock break gets the file: the holder is disconnected', async () => {
    const { server, counts, come } = stage();
    const [holder, opener] = [await come(), await come('bob', 'word')];
    await holder.create('file', { requestedOplockLevel: OplockLevel.Batch });
    strictEqual((await opener.create('file')).status, NtStatus.Pending);
    const drained = server.shutdown.drain(10_000);
    strictEqual((await opener.next())?.[0]?.status, NtStatus.Success);
    await drained;
    await turns(10);
    deepStrictEqual(counts(), nothingLeft);
    await server.close();
  });

  test('over TCP the last response arrives before the end of the connection', async () => {
    const gate = new Gate(createMemoryStore());
    await using server = await createSmbServer({ shares: { share: gate.vfs }, users: { ann: 'secret' }, signing: 'enabled' });
    const { client } = await overTcp(server);
    const ids = await filled(client, 60_000);
    gate.shut.add('read');
    client.sendFrame(client.encode([reading(ids, 60_000)]));
    while (gate.waiting === 0) await turns(1);
    const drained = server.drain(60_000);
    const { port = 0, host = '' } = server.address ?? {};
    strictEqual(((await once(connect(port, host), 'error')) as [NodeJS.ErrnoException])[0].code, 'ECONNREFUSED');
    gate.open();
    const answer = await client.next();
    strictEqual(answer?.[0]?.status, NtStatus.Success);
    ok((answer[0]?.bytes.length ?? 0) > 60_000);
    strictEqual(await client.next(), undefined);
    await drained;
    deepStrictEqual(server.view.counts(), nothingLeft);
  });

  test('a client that does not read its responses is cut at the time limit', async () => {
    await using server = await createSmbServer({ shares: { share: createMemoryStore() }, users: { ann: 'secret' }, signing: 'enabled' });
    const { client, socket } = await overTcp(server);
    const ids = await filled(client, 64 * 1024);
    socket.pause();
    for (let i = 0; i < 500; i++) client.sendFrame(client.encode([reading(ids, 64 * 1024)]));
    while (server.view.counts().bytes < 4 * 1024 * 1024) await turns(1);
    const gone = once(server.events, 'disconnect');
    await server.drain(1);
    deepStrictEqual(((await gone) as [{ reason: string }])[0].reason, 'drain timeout');
    deepStrictEqual(server.view.counts(), nothingLeft);
    socket.destroy();
  });
});

/** A client of the share over a local socket. */
async function overTcp(server: SmbServer): Promise<{ client: RawClient; socket: Socket }> {
  const { port = 0, host = '' } = server.address ?? {};
  const socket = connect(port, host);
  await once(socket, 'connect');
  const client = new RawClient({
    clock: new FakeClock(),
    accept: (link: Link) => {
      link.open({ receive: (bytes) => socket.write(bytes), end: () => socket.end() });
      socket.on('data', (bytes: Buffer) => link.send([new Uint8Array(bytes)]));
      socket.on('error', () => {});
      socket.on('close', () => link.close());
    },
  } as unknown as Server);
  await client.negotiate();
  await client.logOn('ann', 'secret');
  await client.connect('share');
  return { client, socket };
}

/** A file with content, and credits to read it often. */
async function filled(client: RawClient, length: number): Promise<Ids> {
  const ids = idsOf(await client.create('file'));
  await client.ask({ ...echo, header: { credits: 1000 } });
  await client.ask(writing(ids, Buffer.alloc(length, 7)));
  return ids;
}

describe('closing', () => {
  test('work in flight is awaited, whether or not its client is still connected', async () => {
    const { server, gate, counts, come } = stage();
    const [gone, there] = [await come(), await come()];
    for (const client of [gone, there]) {
      const ids = idsOf(await client.create('file'));
      await client.ask(writing(ids, 'some data'));
      gate.shut.add('read');
      client.sendFrame(client.encode([reading(ids, 9)]));
      await turns();
      gate.shut.delete('read');
    }
    gone.end();
    await turns();
    const closed = ending(server.close());
    await turns();
    deepStrictEqual([closed.done, counts().requests, counts().closing, counts().connections], [false, 2, 4, 0]);
    gate.open();
    await turns();
    strictEqual(closed.done, true);
    deepStrictEqual(counts(), nothingLeft);
  });

  test('a store whose close never returns delays the end by no more than the limit, and is logged', async () => {
    for (const call of ['close', 'read', 'unlink', 'list', 'open', 'stat'] as const) {
      const { server, gate, clock, counts, errors, come } = stage({ limits: { closeMs: 3000 } });
      const client = await come();
      const ids = idsOf(
        await client.create('file', { createOptions: CreateOptions.DeleteOnClose, requestedOplockLevel: OplockLevel.Batch }),
      );
      const folder = idsOf(await client.create('', { createOptions: CreateOptions.DirectoryFile }));
      await client.ask(writing(ids, 'some data'));
      await client.ask(locking(ids, 0n, 100n, ExclusiveLock | FailImmediately));
      gate.shut.add(call);
      client.sendFrame(client.encode([reading(ids, 9)]));
      client.sendFrame(client.encode([listing(folder, '*')]));
      client.sendFrame(client.encode([{ command: Command.Create, body: createBody('another') }]));
      await turns();
      const closed = ending(server.close());
      clock.advance(2999);
      await turns();
      strictEqual(closed.done, false, call);
      clock.advance(1);
      await turns();
      strictEqual(closed.done, true, call);
      deepStrictEqual(errors(), ['closed before all stores released their handles'], call);
      const { requests, closing, files, ...left } = counts();
      ok(requests + closing > 0, call);
      const { requests: _r, closing: _c, files: _f, ...none } = nothingLeft;
      deepStrictEqual(left, none, call);
      gate.open();
      await turns();
      deepStrictEqual(counts(), nothingLeft, call);
      strictEqual(clock.pending, 0);
    }
  });

  test('a request after the end of its connection is not started: no session is left behind', async () => {
    const { server, gate, clock, counts, come } = stage({ limits: { failedLogonDelayMs: 250 } });
    const guesser = await come();
    guesser.sessionId = 0;
    void guesser.logOn('ann', 'wrong').catch(() => {});
    await turns();
    const token = createNtlmInitiator({ user: 'ann', password: 'x', random: server.random, now: () => 0 }).next() as { token: Uint8Array };
    guesser.sendFrame(guesser.encode([{ ...settingUp(token.token), header: { sessionId: 0 } }]));
    await turns();
    guesser.end();
    const client = await come();
    const ids = idsOf(await client.create('file'));
    await client.ask(writing(ids, 'some data'));
    gate.shut.add('read');
    client.sendFrame(client.encode([reading(ids, 9), { ...settingUp(new Uint8Array(0)), header: { sessionId: 0 } }, echo]));
    await turns();
    client.end();
    await turns();
    gate.open();
    clock.advance(1000);
    await turns();
    deepStrictEqual(counts(), nothingLeft);
    await server.close();
  });
});

describe('a reset under load', () => {
  /** Some requests of every kind that may be in flight, each on an object of the client's own. */
  async function load(client: RawClient, n: number): Promise<void> {
    const [file, shared] = [
      idsOf(await client.create(`file ${n}`, { requestedOplockLevel: OplockLevel.Batch })),
      idsOf(await client.create('shared')),
    ];
    const folder = idsOf(await client.create('', { createOptions: CreateOptions.DirectoryFile }));
    await client.ask({ ...echo, header: { credits: 100 } });
    await client.ask(writing(file, Buffer.alloc(5000, n)));
    await client.ask(locking(file, BigInt(n), 10n, ExclusiveLock | FailImmediately));
    await client.ask(watching(folder));
    await client.ask(locking(shared, 0n, 1n, ExclusiveLock));
  }
  const workOf = (client: RawClient, n: number): Element[] => [
    reading({ persistentFileId: n, volatileFileId: n }, 100),
    { command: Command.Create, body: createBody(`new ${n}`, { createOptions: n % 3 === 0 ? CreateOptions.DeleteOnClose : 0 }) },
    listing({ persistentFileId: n, volatileFileId: n }, '*'),
    echo,
    { ...settingUp(Buffer.from('NTLMSSP\0\x01\0\0\0')), header: { sessionId: n % 2 === 0 ? 0 : client.sessionId } },
  ];

  for (const drains of [false, true]) {
    test(`two dozen clients and a slow store leave nothing behind${drains ? ', drained before' : ''}, at whatever point each request is`, async () => {
      for (let round = 0; round < 16; round++) {
        const { server, gate, clock, counts } = stage({ limits: { idleMs: 1000 } });
        const clients = await Promise.all(
          Array.from({ length: 40 }, (_, i) =>
            RawClient.at(server, 'share', 'ann', 'secret', i % 2 === 0 ? Dialect.Smb21 : Dialect.Smb302),
          ),
        );
        for (const [i, client] of clients.entries()) await load(client, i);
        const opens = [...server.opens.values()];
        for (const call of ['open', 'read', 'stat', 'close', 'list'] as const)
          if ((round >> (call.length % 3)) % 2 === 0) gate.shut.add(call);
        for (const [i, client] of clients.entries()) {
          for (const element of workOf(client, i)) client.sendFrame(client.encode([element]));
          const own = opens.filter(({ actor }) => actor.session === client.sessionId);
          for (const ids of own) client.sendFrame(client.encode([reading(ids, 100), writing(ids, 'x'), closing(ids, i % 2)]));
        }
        if (round % 4 !== 0) await turns(round % 4);
        ok(counts().opens + counts().closing > 0);
        if (drains) {
          const drained = server.shutdown.drain(1000);
          if (round % 2 === 0) gate.open();
          await turns(round % 3);
          clock.advance(1000);
          await drained;
          deepStrictEqual([counts().connections, counts().sessions, counts().trees, counts().opens], [0, 0, 0, 0]);
        }
        const closed = server.close();
        deepStrictEqual([counts().connections, counts().sessions, counts().trees, counts().opens, counts().bytes], [0, 0, 0, 0, 0]);
        await turns(round % 5);
        gate.open();
        await closed;
        deepStrictEqual(counts(), nothingLeft);
        strictEqual(clock.pending, 0);
      }
    });
  }
});
