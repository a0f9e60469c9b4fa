import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fakeRandom, linkPair } from '@ring3/kit';
import {
  CloseRequest,
  CloseResponse,
  Command,
  CreateRequest,
  CreateResponse,
  Dialect,
  EchoRequest,
  EchoResponse,
  ErrorResponse,
  FlushResponse,
  Header,
  HeaderFlags,
  NtStatus,
  ReadResponse,
  StatusError,
  WriteResponse,
} from '@ring3/smb-proto';
import { type Encoded, Frame } from '@ring3/wire';
import fc from 'fast-check';
import { Connection } from './connection.ts';
import { SmbClientError } from './errors.ts';
import { type Answer, type Asked, type FakeServer, fakeServer } from './fake-server.ts';
import { FrameSplitter, framing } from './framing.ts';
import { encodeForFile, relatedFileId } from './request.ts';
import type { TreeConnect } from './tree-connect.ts';

const random = fakeRandom(7);
const created = (): Encoded =>
  CreateResponse.encode({
    oplockLevel: 0,
    createAction: 1,
    creationTime: 0n,
    lastAccessTime: 0n,
    lastWriteTime: 0n,
    changeTime: 0n,
    allocationSize: 0n,
    endOfFile: 0n,
    fileAttributes: 0x80,
    persistentFileId: 1,
    volatileFileId: 2,
    createContexts: [],
  });
const closed = (): Encoded =>
  CloseResponse.encode({
    flags: 0,
    creationTime: 0n,
    lastAccessTime: 0n,
    lastWriteTime: 0n,
    changeTime: 0n,
    allocationSize: 0n,
    endOfFile: 0n,
    fileAttributes: 0,
  });
const failed = (status: number): Answer => ({ status, body: ErrorResponse.encode({ errorData: new Uint8Array() }) });
const echo = (connection: Connection) => connection.send({ command: Command.Echo, body: EchoRequest.encode({}) });

async function connected(
  script: (asked: Asked, server: FakeServer) => void,
): Promise<{ server: FakeServer; connection: Connection; tree: TreeConnect }> {
  const server = fakeServer(script);
  const connection = await Connection.open(server.link, { random });
  const session = await connection.logon({ user: 'user', password: 'password' });
  return { server, connection, tree: await session.connect('share') };
}

test('a stream cut anywhere gives the same frames (2.1)', () => {
  const frames = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sent, cuts) => {
      const stream = Buffer.concat(sent.flatMap((frame) => [framing(frame.length), frame]));
      const got: Buffer[] = [];
      const splitter = new FrameSplitter((chunks) => got.push(Buffer.concat(chunks)));
      for (let at = 0, i = 0; at < stream.length; i++) splitter.receive(stream.subarray(at, (at += cuts[i % cuts.length] as number)));
      assert.deepEqual(
        got,
        sent.map((frame) => Buffer.from(frame)),
      );
    }),
  );
});

describe('NEGOTIATE', () => {
  test('keeps what the server chose (3.2.5.2)', async () => {
    const server = fakeServer(() => {});
    const connection = await Connection.open(server.link, { random });
    assert.equal(connection.dialect, Dialect.Smb311);
    assert.deepEqual([connection.negotiated?.cipher, connection.negotiated?.signingAlgorithm], [2, 2]);
    assert.equal(connection.negotiated?.multiCredit, true);
    await connection.close();
  });

  test('refuses a dialect that was not offered (3.2.5.2)', async () => {
    const server = fakeServer(() => {}, { dialectRevision: Dialect.Smb21, negotiateContexts: [] });
    await assert.rejects(Connection.open(server.link, { random, dialects: [Dialect.Smb302, Dialect.Smb311] }), SmbClientError);
  });
});

describe('a session', () => {
  test('is told a wrong password as the status of the server', async () => {
    const connection = await Connection.open(fakeServer(() => {}).link, { random });
    const logon = connection.logon({ user: 'user', password: 'wrong' });
    await assert.rejects(logon, (error) => error instanceof StatusError && error.status === NtStatus.LogonFailure);
    assert.equal(connection.sessions.size, 0);
  });

  test('signs its requests where the server requires it (3.2.4.1.1)', async () => {
    const { server, tree } = await connected((asked, fake) => fake.answer(asked, { body: created() }));
    await tree.create({ name: 'a' });
    const create = server.asked.at(-1)?.header;
    assert.equal(create?.flags, HeaderFlags.Signed);
    assert.equal(create?.treeId, 5);
  });

  for (const signature of ['none', 'wrong'] as const) {
    test(`believes no answer whose signature is ${signature === 'none' ? 'missing' : 'wrong'} (3.2.5.1.3)`, async () => {
      const { tree } = await connected((asked, fake) => fake.answer(asked, { body: created(), signature }));
      await assert.rejects(tree.create({ name: 'a' }), SmbClientError);
    });
  }
});

describe('credits', () => {
  test('a READ of 1 MiB costs 16 credits and message ids (3.2.4.1.5)', async () => {
    const { server, connection, tree } = await connected((asked, fake) => {
      if (asked.header.command === Command.Create) fake.answer(asked, { body: created(), credits: 32 });
      else fake.answer(asked, { body: ReadResponse.encode({ dataRemaining: 0, data: [Buffer.alloc(2 ** 20, 1)] }), credits: 16 });
    });
    const open = await tree.create({ name: 'a' });
    const [before, credits] = [connection.nextMessageId, connection.credits];
    const data = await open.read(0, 2 ** 20);
    assert.equal(
      data.reduce((sum, chunk) => sum + chunk.length, 0),
      2 ** 20,
    );
    assert.equal(server.asked.at(-1)?.header.creditCharge, 16);
    assert.equal(connection.nextMessageId, before + 16);
    assert.equal(connection.credits, credits);
  });

  test('requests wait while there are none, and go in their order when some come (3.2.4.1.2)', async () => {
    const held: Asked[] = [];
    const { server, connection } = await connected((asked) => held.push(asked));
    const spare = connection.credits;
    const replies = Array.from({ length: spare + 2 }, () => echo(connection).reply);
    await new Promise(setImmediate);
    assert.equal(held.length, spare);
    for (let i = 0; i < spare + 2; i++) {
      server.answer(held[i] as Asked, { body: EchoResponse.encode({}), credits: 1 });
      await replies[i];
    }
    assert.deepEqual(
      held.map(({ header }) => header.messageId),
      held.map((_, i) => (held[0] as Asked).header.messageId + i),
    );
  });
});

describe('a request', () => {
  test('that the server answers later is pending, and a CANCEL names its AsyncId (3.2.5.1.5, 3.2.4.24)', async () => {
    const { server, connection, tree } = await connected((asked, fake) => {
      const { command } = asked.header;
      if (command === Command.Create) return fake.answer(asked, { body: created() });
      if (command === Command.ChangeNotify)
        return fake.answer(asked, { ...failed(NtStatus.Pending), flags: HeaderFlags.AsyncCommand, asyncId: 77, signature: 'none' });
      const notify = fake.asked.find(({ header }) => header.command === Command.ChangeNotify) as Asked;
      fake.answer(notify, { ...failed(NtStatus.Cancelled), flags: HeaderFlags.AsyncCommand, asyncId: 77, credits: 0 });
    });
    const open = await tree.create({ name: 'folder' });
    const exchange = open.changeNotify(1);
    await exchange.pending;
    connection.cancel(exchange);
    assert.equal((await exchange.reply).status, NtStatus.Cancelled);
    const cancel = server.asked.at(-1)?.header;
    assert.equal(cancel?.flags, (HeaderFlags.AsyncCommand | HeaderFlags.Signed) >>> 0);
    assert.deepEqual([cancel?.processId, cancel?.treeId], [77, 0]);
  });

  test('fails with the status of the server, named', async () => {
    const { tree } = await connected((asked, fake) => fake.answer(asked, failed(NtStatus.ObjectNameNotFound)));
    await assert.rejects(tree.create({ name: 'gone' }), {
      message: 'CREATE gone: ObjectNameNotFound',
      status: NtStatus.ObjectNameNotFound,
    });
  });

  test('fails when the link ends before its answer', async () => {
    const { connection } = await connected(() => {});
    const { reply } = echo(connection);
    await connection.close();
    await assert.rejects(reply, SmbClientError);
    await assert.rejects(echo(connection).reply, SmbClientError);
  });
});

test('an answer that nobody asked for ends the connection', async () => {
  const { server, connection } = await connected(() => {});
  const header = { ...(server.asked.at(-1) as Asked).header, messageId: 9999 };
  server.answer({ ...(server.asked.at(-1) as Asked), header }, { body: EchoResponse.encode({}) });
  assert.match(await connection.closed, /message 9999/);
});

test('the data of a WRITE leave as the chunks that they are, after the head (2.2.21)', async () => {
  const { server, tree } = await connected((asked, fake) => {
    const write = asked.header.command === Command.Write;
    fake.answer(asked, { body: write ? WriteResponse.encode({ count: 6 }) : created(), credits: 4 });
  });
  const open = await tree.create({ name: 'a' });
  assert.equal(await open.write(0, [Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5, 6)]), 6);
  assert.deepEqual([...(server.asked.at(-1) as Asked).frame.bytes.subarray(-6)], [1, 2, 3, 4, 5, 6]);
});

test('a compound is one frame whose elements start at multiples of 8, each signed (3.2.4.1.4)', async () => {
  const { server, connection, tree } = await connected((asked, fake) => {
    const answers: Record<number, () => Encoded> = {
      [Command.Create]: created,
      [Command.Close]: closed,
      [Command.Flush]: () => FlushResponse.encode({}),
    };
    fake.answer(asked, { body: (answers[asked.header.command] as () => Encoded)() });
  });
  const flags = HeaderFlags.RelatedOperations;
  const exchanges = connection.compound([
    tree.request(Command.Create, CreateRequest.encode({ ...createFields, name: 'odd' })),
    tree.request(Command.Close, encodeForFile(CloseRequest, relatedFileId, { flags: 0 }), { flags }),
  ]);
  const replies = await Promise.all(exchanges.map(({ reply }) => reply));
  assert.deepEqual(
    replies.map(({ status, signed }) => [status, signed]),
    [
      [0, true],
      [0, true],
    ],
  );
  const [create, close] = server.asked.slice(-2) as [Asked, Asked];
  assert.equal(create.frame, close.frame);
  assert.equal(close.at % 8, 0);
  assert.equal(create.header.nextCommand, close.at);
  assert.equal(close.header.flags, (HeaderFlags.RelatedOperations | HeaderFlags.Signed) >>> 0);
  assert.deepEqual([...close.frame.bytes.subarray(-16)], [...relatedFileId]);
});
const createFields = {
  requestedOplockLevel: 0,
  impersonationLevel: 2,
  desiredAccess: 1,
  fileAttributes: 0,
  shareAccess: 7,
  createDisposition: 1,
  createOptions: 0,
  createContexts: [],
};

test('faults can be put into frames, and frames of any bytes sent', async () => {
  const server = fakeServer(() => {});
  const connection = new Connection(server.link, {
    random,
    tamper: (chunks) => chunks.map((chunk) => (chunk.length > 4 ? chunk.map((byte, i) => (i === 20 ? 9 : byte)) : chunk)),
  });
  const header = EchoRequest.encode({});
  Header.write(new Frame(header.head), 0, {
    creditCharge: 0,
    status: 0,
    command: Command.Echo,
    credits: 1,
    flags: 0,
    nextCommand: 0,
    messageId: 3,
    processId: 0,
    treeId: 0,
    sessionId: 0,
    signature: new Uint8Array(16),
  });
  connection.sendFrame(header.head);
  await new Promise(setImmediate);
  assert.equal(server.asked[0]?.header.messageId, 3);
  const [near, far] = linkPair();
  const got: Uint8Array[] = [];
  far.open({ receive: (bytes) => got.push(bytes), end: () => {} });
  new Connection(near, { tamper: () => [Uint8Array.of(1, 2)] }).send({ command: Command.Echo, body: EchoRequest.encode({}) });
  await new Promise(setImmediate);
  assert.deepEqual(Buffer.concat(got), Buffer.of(1, 2));
});
