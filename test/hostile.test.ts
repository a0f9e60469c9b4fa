/**
 * Messages that no regular client sends: the server responds or disconnects, never fails internally, and other clients are not affected.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeClock, fakeRandom, linkPair } from '@ring3/kit';
import {
  Connection,
  connectTcp,
  createBody,
  type Exchange,
  encodeForFile,
  framing,
  type Open,
  type Reply,
  type Request,
  SmbClientError,
  type TreeConnect,
} from '@ring3/smb-client';
import { Command, CreateDisposition, CreateOptions, Dialect, Header, headerLength, NtStatus, ReadRequest } from '@ring3/smb-proto';
import { createSmbServer, type SmbServer, type SmbServerOptions } from '@ring3/smb-server';
import { createMemoryStore } from '@ring3/vfs';
import { type Encoded, nameOf } from '@ring3/wire';
import { requests } from './requests.ts';

const empty = new Uint8Array();

/** A server on the memory store that counts internal errors. */
async function start(more: Partial<SmbServerOptions> = {}): Promise<{ server: SmbServer; errors: unknown[] }> {
  const options = {
    shares: { share: createMemoryStore() },
    users: { user: 'password' },
    signing: 'enabled',
    listen: false,
    limits: { failedLogonDelayMs: 0 },
    ...more,
  } as const;
  const server = await createSmbServer(options);
  const errors: unknown[] = [];
  server.events.on('error', (error) => errors.push(error));
  return { server, errors };
}

/** A client's connection whose frames are passed through `tamper` if it is set. */
interface Client {
  readonly connection: Connection;
  readonly tree: TreeConnect;
  tamper: ((message: Uint8Array) => Uint8Array) | undefined;
}

async function client(server: SmbServer): Promise<Client> {
  const [near, far] = linkPair();
  server.accept(far);
  const made: { tamper: Client['tamper'] } = { tamper: undefined };
  const connection = await Connection.open(near, {
    random: fakeRandom(11),
    dialects: [Dialect.Smb302], // at 3.1.1 TREE_CONNECT is signed: a changed one would only be checked up to its signature
    tamper: (chunks) => {
      if (made.tamper === undefined) return chunks;
      const message = made.tamper(Buffer.concat(chunks.slice(1)));
      return [framing(message.length), message];
    },
  });
  const session = await connection.logon({ user: 'user', password: 'password' });
  return Object.assign(made, { connection, tree: await session.connect('share') });
}

const opened = (tree: TreeConnect): Promise<Open> => tree.create({ name: 'file', createDisposition: CreateDisposition.OpenIf });

/** The outcome of a request: its response, `waits` after an interim response, or `closed`. */
async function outcome(connection: Connection, exchange: Exchange): Promise<Reply | 'waits' | 'closed'> {
  const closed = connection.closed.then(() => 'closed' as const);
  await Promise.race([exchange.pending, closed]);
  return await Promise.race([exchange.reply.catch(() => 'closed' as const), new Promise<'waits'>((found) => setImmediate(found, 'waits'))]);
}

/** The outcome of a message without a response. */
async function silence(connection: Connection): Promise<'waits' | 'closed'> {
  const turn = new Promise<'waits'>((found) => setImmediate(() => setImmediate(found, 'waits')));
  return await Promise.race([connection.closed.then(() => 'closed' as const), turn]);
}

/** Clients that are replaced when the server disconnects them or they lose their session, tree connect or open. */
class Attackers {
  readonly #server: SmbServer;
  #client: Client | undefined;
  hangUps = 0;

  constructor(server: SmbServer) {
    this.#server = server;
  }

  /** Sends one well-formed request of this command, changed, and waits for the outcome. */
  async attack(command: Command, change: (message: Uint8Array) => Uint8Array): Promise<Reply | 'waits' | 'closed'> {
    this.#client ??= await client(this.#server);
    const { connection, tree } = this.#client;
    const folder = command === Command.QueryDirectory || command === Command.ChangeNotify;
    const open = await (folder ? tree.create({ name: '', createOptions: CreateOptions.DirectoryFile }) : opened(tree));
    const body = (requests(open.fileId).find(([found]) => found === command) as [Command, Encoded])[1];
    const request: Request = { ...tree.request(command, body), encrypt: false };
    this.#client.tamper = change;
    const exchange = connection.send(request);
    this.#client.tamper = undefined;
    const found = command === Command.Cancel ? await silence(connection) : await outcome(connection, exchange);
    if (found === 'waits' && command !== Command.Cancel) connection.cancel(exchange);
    if (found === 'closed') this.hangUps++;
    const lost = found === 'closed' || command === Command.Logoff || command === Command.TreeDisconnect || command === Command.SessionSetup;
    if (!lost) {
      const ids = await open.close().then(
        () => undefined,
        (error: { status?: number }) => error,
      );
      if (ids === undefined || ids.status === NtStatus.FileClosed) return found;
    }
    await connection.close(true);
    this.#client = undefined;
    return found;
  }

  async end(): Promise<void> {
    await this.#client?.connection.close(true);
  }
}

const samples = requests(new Uint8Array(16));

describe('every message', () => {
  for (const [command, sample] of samples) {
    const name = nameOf(Command, command);
    const { length } = sample.head;

    test(`${name} truncated at any byte is rejected, or the connection is closed (3.3.5.2.6)`, async () => {
      const { server, errors } = await start();
      const attackers = new Attackers(server);
      const bystander = await client(server);
      for (let cut = 1; cut < length; cut++) {
        const found = await attackers.attack(command, (message) => message.subarray(0, cut));
        if (cut < headerLength) assert.equal(found, 'closed', `${cut} bytes`);
        else if (typeof found === 'object') assert.notEqual(found.status, NtStatus.InternalError, `${cut} bytes`);
      }
      await opened(bystander.tree);
      await attackers.end();
      assert.deepEqual(errors, []);
      await server.close();
    });

    test(`${name} with each field at its limits causes no internal error`, async () => {
      const { server, errors } = await start();
      const attackers = new Attackers(server);
      const bystander = await client(server);
      for (let at = headerLength; at + 4 <= length; at += 2) {
        for (const value of [0, 1, 0x7fff, 0xffff, 0x80000000, 0xffffffff]) {
          const found = await attackers.attack(command, (message) => {
            const changed = Buffer.from(message);
            if (value > 0xffff) changed.writeUInt32LE(value, at);
            else changed.writeUInt16LE(value, at);
            return changed;
          });
          if (typeof found === 'object') assert.notEqual(found.status, NtStatus.InternalError, `${value} at ${at}`);
        }
      }
      await opened(bystander.tree);
      await attackers.end();
      assert.deepEqual(errors, []);
      await server.close();
    });
  }
});

describe('ids of others', () => {
  test('a command without a session, or with one of another connection, is rejected (3.3.5.2.9)', async () => {
    const { server, errors } = await start();
    const victim = await client(server);
    const open = await opened(victim.tree);
    for (const sessionId of [new Uint8Array(8), victim.tree.session.sessionId]) {
      for (const [command, body] of requests(open.fileId)) {
        if (command === Command.SessionSetup || command === Command.Cancel || command === Command.Echo) continue;
        const [near, far] = linkPair();
        server.accept(far);
        const connection = await Connection.open(near, {
          dialects: [Dialect.Smb302],
          tamper: (chunks) => {
            const [prefix, head, ...rest] = chunks.map((chunk) => Buffer.from(chunk)) as [Buffer, Buffer, ...Buffer[]];
            if (head.readUInt16LE(Header.offset.command) !== Command.Negotiate) head.set(sessionId, Header.offset.sessionId);
            return [prefix, head, ...rest];
          },
        });
        const found = await outcome(connection, connection.send({ command, body, treeId: victim.tree.treeId }));
        if (found !== 'closed') assert.equal((found as Reply).status, NtStatus.UserSessionDeleted, nameOf(Command, command));
        await connection.close(true);
      }
    }
    assert.equal(await open.write(0, [Buffer.from('still mine')]), 10);
    assert.deepEqual(errors, []);
    await server.close();
  });

  test('a tree connect or an open of another session is unknown (3.3.5.2.11, 3.3.5.10)', async () => {
    const { server, errors } = await start();
    const victim = await client(server);
    const open = await opened(victim.tree);
    const thief = await client(server);
    await thief.tree.disconnect();
    const body = (): Encoded => createBody({ name: 'file' });
    const session = thief.tree.session;
    for (const treeId of [thief.tree.treeId, victim.tree.treeId + 1000]) {
      const { status } = await thief.connection.send({ command: Command.Create, body: body(), session, treeId }).reply;
      assert.equal(status, NtStatus.NetworkNameDeleted);
    }
    const tree = await session.connect('share');
    const wanted = { flags: 0, length: 1, offset: 0, minimumCount: 0, channel: 0, remainingBytes: 0, readChannelInfo: empty };
    const { status } = await tree.send(Command.Read, encodeForFile(ReadRequest, open.fileId, wanted)).reply;
    assert.equal(status, NtStatus.FileClosed);
    assert.deepEqual(errors, []);
    await server.close();
  });
});

describe('a connection', () => {
  test('is closed at a command before NEGOTIATE, at a second NEGOTIATE and at bytes that are not SMB (3.3.5.2)', async () => {
    const { server, errors } = await start();
    const bare = (): Connection => {
      const [near, far] = linkPair();
      server.accept(far);
      return new Connection(near);
    };
    for (const [command, body] of requests(new Uint8Array(16))) {
      if (command === Command.Cancel) continue;
      const connection = bare();
      await assert.rejects(connection.send({ command, body }).reply, SmbClientError, nameOf(Command, command));
    }
    for (const bytes of [
      Buffer.alloc(300),
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.alloc(64, 0xff),
      Buffer.of(0),
      Buffer.from('\xfdSMB', 'latin1'),
    ]) {
      const connection = bare();
      connection.sendFrame(bytes);
      await connection.closed;
    }
    const twice = (await client(server)).connection;
    await assert.rejects(
      Connection.open(twice.link).then(() => twice.closed),
      SmbClientError,
    );
    assert.deepEqual(errors, []);
    await server.close();
  });

  test('with random bytes is closed, however they are split', async () => {
    const { server, errors } = await start();
    const random = fakeRandom(5);
    for (let i = 0; i < 300; i++) {
      const [near, far] = linkPair({ pieces: 1 + (random.u32() % 50) });
      server.accept(far);
      const connection = new Connection(near);
      const noise = random.fill(Buffer.alloc(random.u32() % 400));
      if (i % 2 === 0) connection.sendFrame(noise);
      else connection.sendRaw(noise);
      connection.sendFrame(Buffer.from('\xfeSMB', 'latin1'), noise);
      await new Promise(setImmediate);
      near.close();
    }
    await opened((await client(server)).tree);
    assert.deepEqual(errors, []);
    await server.close();
  });

  test('that announces a frame above the limit before logon is closed at once', async () => {
    const { server } = await start();
    const [near, far] = linkPair();
    server.accept(far);
    const connection = new Connection(near);
    connection.sendRaw(framing(16 * 1024 + 1));
    await connection.closed;
    await server.close();
  });

  test('without a logon is closed at its time limit; 10,000 of them do not prevent other logons', async () => {
    const clock = new FakeClock();
    const { server, errors } = await start({ clock, limits: { connectionsForAddress: 20_000 } });
    const links = Array.from({ length: 10_000 }, () => {
      const [near, far] = linkPair();
      server.accept(far);
      return near;
    });
    const ended = links.map((link) => new Promise<void>((done) => link.open({ receive: () => {}, end: () => done() })));
    const honest = await client(server);
    await opened(honest.tree);
    clock.advance(10_000);
    await Promise.all(ended);
    assert.equal(server.view.connections().length, 1);
    await opened(honest.tree);
    assert.deepEqual(errors, []);
    await server.close();
  });

  test('whose client never reads uses at most its budget, and other clients are not affected', async () => {
    const { server, errors } = await start({ listen: true, encryption: 'off' });
    const { port } = server.address as { port: number };
    const link = await connectTcp(port);
    const connection = await Connection.open(link, { credits: 8000 });
    const tree = await (await connection.logon({ user: 'user', password: 'password' })).connect('share');
    const open = await opened(tree);
    const block = Buffer.alloc(2 ** 20);
    for (let i = 0; i < 8; i++) await open.write(i * block.length, [block]);
    const before = process.memoryUsage().arrayBuffers;
    link.pause();
    for (let i = 0; i < 100; i++) void open.read(0, 8 * 2 ** 20).catch(() => {});
    const other = await Connection.open(await connectTcp(port));
    const otherTree = await (await other.logon({ user: 'user', password: 'password' })).connect('share');
    for (let i = 0; i < 50; i++) await (await otherTree.create({ name: '', createOptions: CreateOptions.DirectoryFile })).close();
    assert.ok(process.memoryUsage().arrayBuffers - before < 128 * 2 ** 20);
    await connection.close(true);
    await other.close();
    assert.deepEqual(errors, []);
    await server.close();
  });
});
