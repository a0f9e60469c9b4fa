/** DOS, RES, LIF: the cost of one client, and that everything it took is released. */
import { deepStrictEqual, notStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { andThen, FakeClock, fakeRandom, type Link } from '@ring3/kit';
import {
  AccessMask,
  CancelRequest,
  ChangeNotifyRequest,
  Command,
  CreateDisposition,
  CreateOptions,
  createNtlmInitiator,
  FileInformationClass,
  LogoffRequest,
  NtStatus,
  TreeDisconnectRequest,
} from '@ring3/smb-proto';
import { type Answer, type Call, createMemoryStore, type Fault, type Handle, isCode, type Vfs, withFaults } from '@ring3/vfs';
import { connectMemory } from '../links/memory.ts';
import type { Server } from '../server/server.ts';
import {
  closing,
  control,
  echo,
  type Ids,
  idsOf,
  inherited,
  listing,
  locking,
  reading,
  setting,
  settingUp,
  writing,
} from '../testing/elements.ts';
import { createBody, type Element, RawClient, testServer } from '../testing/raw-client.ts';
import { turns } from '../testing/turns.ts';

/** All counts of a server. */
const counters = (server: Server): object => ({
  connections: server.connections.size,
  sessions: server.sessions.size,
  opens: server.opens.size,
  held: server.budget.held,
  quotas: Object.values(server.quotas as unknown as Record<string, { total: number }>).reduce((sum, { total }) => sum + total, 0),
  files: server.fileTotals.files,
});
const nothing = { connections: 0, sessions: 0, opens: 0, held: 0, quotas: 0, files: 0 };

describe('before logon (DOS)', () => {
  test('a connection may start few logons until one is complete', async () => {
    const server = testServer({ limits: { sessionsBeforeLogon: 3 } });
    const client = new RawClient(server);
    await client.negotiate();
    const first = createNtlmInitiator({ user: 'ann', password: 'x', random: fakeRandom(), now: () => 0 }).next();
    const token = first.state === 'failed' ? undefined : first.token;
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) statuses.push((await client.ask(settingUp(token as Uint8Array))).status);
    const { MoreProcessingRequired, InsufficientResources } = NtStatus;
    deepStrictEqual(statuses, [...Array(3).fill(MoreProcessingRequired), InsufficientResources, InsufficientResources]);
    strictEqual(server.sessions.size, 3);
    await server.close();
  });

  test('a session is requested once, as the first frame: a client that floods the server with requests is disconnected (RFC 1002 4.3.2)', async () => {
    const server = testServer();
    const client = new RawClient(server);
    client.sendBytes(Buffer.from('81000000'.repeat(2), 'hex'));
    await turns();
    notStrictEqual(client.ended, undefined);
    const late = new RawClient(server);
    await late.negotiate();
    late.sendBytes(Buffer.from('81000000', 'hex'));
    await turns();
    notStrictEqual(late.ended, undefined);
    await server.close();
  });

  test('thousands of keep-alives, with bytes and without, cost nothing and do not count as traffic (RFC 1002 4.3.7)', async () => {
    const server = testServer();
    const client = new RawClient(server);
    client.sendBytes(Buffer.from(`85000000${'85000002ffff'}`.repeat(20_000), 'hex'));
    strictEqual((await client.negotiate()).status, NtStatus.Success);
    strictEqual((await client.logOn('ann', 'secret')).status, NtStatus.Success);
    strictEqual(server.budget.held, 0);
    await server.close();
  });

  test('half-open connections do not keep clients out: the oldest is ended; a logged-on client stays', async () => {
    const server = testServer({ limits: { connections: 3 } });
    const stays = await RawClient.at(server);
    const half = [new RawClient(server), new RawClient(server)];
    const comes = await RawClient.at(server);
    strictEqual(comes.ended, undefined);
    deepStrictEqual([half[0]?.ended === undefined, half[1]?.ended === undefined], [false, true]);
    await RawClient.at(server);
    const refused = new RawClient(server);
    await turns();
    notStrictEqual(refused.ended, undefined);
    strictEqual((await stays.ask(echo)).status, NtStatus.Success);
    await server.close();
  });

  test('thousands of connections with incomplete messages release everything', async () => {
    const clock = new FakeClock();
    const server = testServer({ clock, limits: { connectionsForAddress: 5000 } });
    const links: Link[] = [];
    for (let i = 0; i < 2000; i++) {
      const link = connectMemory(server);
      link.open({ receive: () => {}, end: () => {} });
      link.send([Buffer.concat([Buffer.of(0, 0, 0x3f, 0xff), Buffer.alloc(i % 1000)])]);
      links.push(link);
    }
    await turns();
    strictEqual(server.connections.size, 2000);
    clock.advance(10_000);
    await turns();
    deepStrictEqual(counters(server), nothing);
    strictEqual(clock.pending, 0);
    await server.close();
  });

  test('bytes that are not a header are an error of the client, not of the server', async () => {
    const server = testServer();
    const errors: unknown[] = [];
    server.events.on('error', (error) => errors.push(error));
    for (const [at, value] of [
      [4, 63],
      [4, 0],
      [0, 0xfd],
      [0, 0xfc],
      [1, 0],
    ] as const) {
      const client = await RawClient.at(server);
      const bytes = client.encode([echo, echo]);
      bytes[at] = value;
      client.sendFrame(bytes);
      strictEqual(await client.next(), undefined);
      const inChain = await RawClient.at(server);
      const chain = inChain.encode([echo, echo]);
      const second = new DataView(chain.buffer, chain.byteOffset).getUint32(20, true);
      chain[second + at] = value;
      inChain.sendFrame(chain);
      strictEqual(await inChain.next(), undefined);
    }
    deepStrictEqual(errors, []);
    await server.close();
  });
});

describe('after logon (DOS)', () => {
  test('a client that fills the budget with incomplete frames is disconnected, and the others continue', async () => {
    const clock = new FakeClock();
    const server = testServer({ clock, limits: { totalBytes: 100_000, crowdedMs: 5000 } });
    const [honest, thief] = [await RawClient.at(server), await RawClient.at(server)];
    const ids = idsOf(await honest.create('file'));
    thief.sendBytes(Buffer.concat([Buffer.of(0, 4, 0, 0), Buffer.alloc(150_000)]));
    await turns();
    const big = honest.encode([writing(ids, Buffer.alloc(60_000))]);
    const framing = Buffer.alloc(4);
    framing.writeUIntBE(big.length, 1, 3);
    const whole = Buffer.concat([framing, big]);
    for (let at = 0; at < whole.length; at += 20_000) {
      honest.sendBytes(whole.subarray(at, at + 20_000));
      await turns(1);
    }
    clock.advance(4999);
    await turns();
    strictEqual(thief.ended, undefined);
    clock.advance(1);
    await turns();
    notStrictEqual(thief.ended, undefined);
    strictEqual((await honest.next())?.[0]?.status, NtStatus.Success);
    strictEqual(server.budget.held, 0);
    await server.close();
  });

  test('a charge that is huge, wraps, or is more than was granted ends the connection; other connections are not affected', async () => {
    const server = testServer();
    for (const header of [{ creditCharge: 65535 }, { messageId: 2 ** 53 - 1, creditCharge: 2 }, { messageId: 2 ** 40 }, { messageId: 0 }]) {
      const client = await RawClient.at(server);
      client.sendFrame(client.encode([{ ...echo, header }]));
      strictEqual(await client.next(), undefined);
    }
    strictEqual((await (await RawClient.at(server)).ask(echo)).status, NtStatus.Success);
    await server.close();
  });

  test('a client that reads much from a slow store gets at most its share of buffers at a time', async () => {
    const clock = new FakeClock();
    const store = withFaults(createMemoryStore(), [{ call: 'read', times: 1e9, delayMs: 10 }], clock);
    const server = testServer({ clock, shares: { share: store }, limits: { connectionBytes: 256 * 1024 } });
    const client = await RawClient.at(server);
    const ids = idsOf(await client.create('file'));
    await client.ask(writing(ids, Buffer.alloc(65536)));
    await client.ask({ ...echo, header: { credits: 100 } });
    for (let i = 0; i < 40; i++) client.sendFrame(client.encode([reading(ids, 65536)]));
    await turns();
    const [connection] = server.connections.values();
    ok((connection?.reading ?? 0) <= 256 * 1024, `${connection?.reading}`);
    let answered = 0;
    for (let i = 0; i < 40; i++) void client.next().then((answers) => (answered += answers?.[0]?.status === 0 ? 1 : 0));
    for (let i = 0; i < 30; i++) {
      clock.advance(10);
      await turns(3);
    }
    strictEqual(answered, 40);
    strictEqual(connection?.reading, 0);
    await server.close();
  });

  test('a chain of thousands yields to other connections, and is answered whole', async () => {
    let now = 0;
    const clock = Object.assign(new FakeClock(), { now: () => (now += 0.1) });
    const server = testServer({ clock });
    const [long, other] = [await RawClient.at(server), await RawClient.at(server)];
    await long.ask({ ...echo, header: { credits: 5000 } });
    const order: string[] = [];
    long.sendFrame(long.encode(Array.from({ length: 3000 }, () => echo)));
    other.sendFrame(other.encode([echo]));
    const whole = long.next().then((answers) => {
      order.push('long');
      return answers;
    });
    void other.next().then(() => order.push('other'));
    strictEqual((await whole)?.length, 3000);
    deepStrictEqual(order, ['other', 'long']);
    await server.close();
  });

  test('unread responses of a pipe break the pipe', async () => {
    const server = testServer();
    const client = await RawClient.at(server, 'IPC$');
    const ids = idsOf(await client.create('srvsvc'));
    const head = Buffer.from('05000003100000001800000001000000000000000000ffff', 'hex');
    await client.ask({ ...echo, header: { credits: 200 } });
    const many = Buffer.concat(Array(2000).fill(head));
    let status = 0;
    for (let i = 0; i < 200 && status === 0; i++) status = (await client.ask(writing(ids, many))).status;
    strictEqual(status, NtStatus.PipeDisconnected);
    await server.close();
  });
});

const handleCalls = [
  'stat',
  'read',
  'write',
  'truncate',
  'list',
  'rename',
  'unlink',
  'reopen',
  'setStat',
  'watch',
  'streams',
  'openStream',
] as const;

/** A store that counts its handles: those that were not closed, and calls on one after it was closed. */
function counted(store: Vfs): { readonly vfs: Vfs; readonly handles: Set<Handle>; readonly misused: string[] } {
  const handles = new Set<Handle>();
  const misused: string[] = [];
  const used = (handle: Handle, call: string): void => {
    if (!handles.has(handle)) misused.push(`${call} of ${handle.kind} ${handle.name}`);
  };
  const count = (answer: Answer<Handle>): Answer<Handle> =>
    andThen(answer, (handle) => {
      if (isCode(handle)) return handle;
      handles.add(handle);
      const calls: Record<string, unknown> = {};
      for (const name of [...handleCalls, 'close'] as const) {
        const call = handle[name] as ((...parameters: unknown[]) => unknown) | undefined;
        if (call === undefined) continue;
        calls[name] = (...parameters: unknown[]) => {
          used(handle, name);
          if (name === 'rename') used(parameters[0] as Handle, 'rename into');
          if (name === 'close') handles.delete(handle);
          const answered = call.apply(handle, parameters);
          return name === 'openStream' ? count(answered as Answer<Handle>) : answered;
        };
      }
      return Object.assign(handle, calls);
    });
  const vfs: Vfs = {
    ...store,
    features: store.features,
    fileDescriptors: { handle: 2, directory: 1 },
    root: (...who) => count(store.root(...who)),
    open: (folder, ...how) => {
      used(folder, 'open in');
      return count(store.open(folder, ...how));
    },
  };
  return { vfs, handles, misused };
}

/** A request of some kind on an open that may exist or not. */
function anything(draw: (limit: number) => number, ids: Ids): Element {
  const name = ['a', 'b', 'folder', 'folder\\c', 'a:stream', ''][draw(6)] as string;
  const choices: (() => Element)[] = [
    () => ({
      command: Command.Create,
      body: createBody(name, {
        createDisposition: draw(6),
        createOptions: [0, 1, 0x1000][draw(3)] as number,
        desiredAccess: [0x1f01ff, 1, AccessMask.MaximumAllowed, 0x10000][draw(4)] as number,
        shareAccess: draw(8),
        requestedOplockLevel: [0, 1, 8, 9][draw(4)] as number,
      }),
    }),
    () => closing(ids, draw(2)),
    () => reading(ids, draw(5000)),
    () => writing(ids, Buffer.alloc(draw(3000)), draw(10_000)),
    () => locking(ids, BigInt(draw(4)), BigInt(draw(4)), [1, 2, 0x11, 0x12, 4][draw(5)] as number),
    () => listing(ids, '*', { flags: draw(4) }),
    () => ({
      command: Command.ChangeNotify,
      body: ChangeNotifyRequest.encode({ ...ids, flags: draw(2), outputBufferLength: 1000, completionFilter: 0xfff }),
    }),
    () => ({ command: Command.Cancel, body: CancelRequest.encode({}) }),
    () => setting(ids, [4, 10, 13, 19, 20, 15][draw(6)] as number, Buffer.alloc(8 + draw(40), draw(2))),
    () => control(ids, [0x00140078, 0x000900c4, 0x000980c8, 0x000940cf][draw(4)] as number, { input: Buffer.alloc(draw(33)) }),
    () => ({ command: Command.TreeDisconnect, body: TreeDisconnectRequest.encode({}) }),
    () => ({ command: Command.Logoff, body: LogoffRequest.encode({}) }),
    () => echo,
  ];
  const weights = draw(40) === 0 ? choices.length : choices.length - 3;
  return (choices[draw(weights)] as () => Element)();
}

describe('everything is released (RES, LIF)', () => {
  test('a request in an ended tree connect keeps the share’s directory from being closed', async () => {
    const toRoot = Buffer.concat([Buffer.alloc(16), Buffer.of(8, 0, 0, 0), Buffer.from('name', 'utf16le')]);
    for (const what of ['rename', 'create'] as const) {
      const clock = new FakeClock();
      const faults: Fault[] = [];
      const { vfs, handles, misused } = counted(createMemoryStore());
      const server = testServer({ clock, shares: { share: withFaults(vfs, faults, clock) } });
      const client = await RawClient.at(server);
      await client.create('folder', { createOptions: CreateOptions.DirectoryFile });
      const file = idsOf(await client.create('folder\\file'));
      faults.push({ call: 'open', times: 1e9, delayMs: 10 });
      const elements = {
        rename: setting(file, FileInformationClass.Rename, toRoot),
        create: { command: Command.Create, body: createBody('another') },
      };
      client.sendFrame(client.encode([elements[what]]));
      await turns(1);
      client.sendFrame(client.encode([{ command: Command.TreeDisconnect, body: TreeDisconnectRequest.encode({}) }]));
      for (let i = 0; i < 10; i++) {
        await turns(2);
        clock.advance(10);
      }
      deepStrictEqual(misused, [], what);
      strictEqual(handles.size, 0, what);
      await server.close();
    }
  });

  test('CLOSE with POSTQUERY_ATTRIB waits for its store, and for nothing else (3.3.5.10)', async () => {
    const clock = new FakeClock();
    const faults: Fault[] = [];
    const { vfs, handles } = counted(createMemoryStore());
    const server = testServer({ clock, shares: { share: withFaults(vfs, faults, clock) } });
    const client = await RawClient.at(server);
    const [first, second] = [idsOf(await client.create('file')), idsOf(await client.create('file'))];
    faults.push({ call: 'stat', times: 2, delayMs: 10 });
    for (const ids of [first, second]) client.sendFrame(client.encode([closing(ids, 1)]));
    await turns();
    clock.advance(10);
    for (let i = 0; i < 2; i++) strictEqual((await client.next())?.[0]?.status, NtStatus.Success);
    client.end();
    await turns();
    strictEqual(handles.size, 0);
    deepStrictEqual(counters(server), nothing);
    await server.close();
  });

  test('after thousands of random requests, chained, cancelled, disconnected and unfinished, all counters are zero', async () => {
    const random = fakeRandom(77);
    const draw = (limit: number): number => random.u32() % limit;
    const clock = new FakeClock();
    const broken = new Error('the store is broken');
    const often = (call: Call, every: number, how: Partial<Fault>): Fault[] =>
      Array.from({ length: 12 }, (_, i) => ({ call, nth: every * (i + 1), ...how }));
    const faults = [
      ...often('stat', 60, { times: 2, code: 'EIO' }),
      ...often('stat', 77, { error: broken }),
      ...often('open', 90, { code: 'EMFILE' }),
      ...often('open', 110, { error: broken }),
      ...often('list', 5, { error: broken }),
      ...often('truncate', 5, { code: 'ENOSPC' }),
      ...often('truncate', 7, { error: broken }),
      ...often('getDescriptor', 80, { error: broken }),
      ...often('reopen', 30, { error: broken }),
      ...often('setStat', 9, { error: broken }),
      ...often('openStream', 8, { error: broken }),
      ...often('rename', 3, { error: broken }),
      { call: 'read', nth: 9, times: 1e9, delayMs: 1 },
      ...often('open', 10, { times: 3, delayMs: 1 }),
      ...often('stat', 33, { times: 5, delayMs: 2 }),
    ] satisfies Fault[];
    const { vfs, handles, misused } = counted(createMemoryStore());
    const server = testServer({ clock, shares: { share: withFaults(vfs, faults, clock) } });
    for (let round = 0; round < 60; round++) {
      const clients = [await logged(server, clock), await logged(server, clock)];
      const known: Ids[] = [inherited, { persistentFileId: 1, volatileFileId: 1 }];
      for (const client of clients) {
        await pumped(clock, client.ask({ ...echo, header: { credits: 200 } }));
        const made = await pumped(
          clock,
          client.create('folder', { createOptions: CreateOptions.DirectoryFile, createDisposition: CreateDisposition.OpenIf }),
        );
        if (made?.status === 0) known.push(idsOf(made));
        const file = await pumped(clock, client.create('a'));
        if (file?.status === 0) known.push(idsOf(file));
      }
      for (let i = 0; i < 30; i++) {
        const client = clients[draw(2)] as RawClient;
        const chain = Array.from({ length: 1 + draw(3) }, (_, at) => ({
          ...anything(draw, known[draw(known.length)] as Ids),
          related: at > 0 && draw(2) === 0,
        }));
        client.sendFrame(client.encode(chain));
        if (draw(4) === 0) await turns(1);
        if (draw(8) === 0) clock.advance(draw(40_000));
      }
      for (const client of clients) {
        if (draw(3) === 0) await turns(2);
        client.end();
      }
      await turns(3);
    }
    for (let i = 0; i < 20; i++) {
      clock.advance(60_000);
      await turns(2);
    }
    deepStrictEqual(counters(server), nothing);
    strictEqual(clock.pending, 0);
    deepStrictEqual(
      [...handles].map(({ name, kind }) => `${kind} ${name}`),
      [],
    );
    deepStrictEqual(misused, []);
    await server.close();
  });
});

/** Responses of a server with a slow store. */
async function pumped<T>(clock: FakeClock, answer: Promise<T>): Promise<T | undefined> {
  let found: { value: T | undefined } | undefined;
  answer.then(
    (value) => (found = { value }),
    () => (found = { value: undefined }),
  );
  for (let i = 0; i < 50 && found === undefined; i++) {
    await turns(1);
    clock.advance(1);
  }
  return found?.value;
}

async function logged(server: Server, clock: FakeClock): Promise<RawClient> {
  const client = await pumped(clock, RawClient.at(server));
  if (client === undefined) throw new Error('no client could log on');
  return client;
}
