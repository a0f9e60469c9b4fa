import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import {
  CancelRequest,
  CloseRequest,
  Command,
  Dialect,
  EchoRequest,
  HeaderFlags,
  LogoffRequest,
  NegotiateRequestPlain,
  NtStatus,
  QueryInfoRequest,
  ReadRequest,
  TreeConnectRequest,
  TreeDisconnectRequest,
} from '@ring3/smb-proto';
import { echo, idsOf } from '../testing/elements.ts';
import { createBody, type Element, RawClient, testServer } from '../testing/raw-client.ts';

const close = (ids = { persistentFileId: -1, volatileFileId: -1 }): Element => ({
  command: Command.Close,
  body: CloseRequest.encode({ flags: 0, ...ids }),
});
const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

test('anything but a negotiate as the first message closes the connection (3.3.5.2.6)', async () => {
  const client = new RawClient(testServer());
  deepStrictEqual(await client.chain(echo), []);
  ok(client.ended);
});

test('a second negotiate closes the connection (3.3.5.4)', async () => {
  const client = new RawClient(testServer());
  await client.negotiate();
  await client.negotiate().catch(() => {});
  ok(client.ended);
});

test('a message id is valid once: the second use closes the connection (3.3.5.2.3)', async () => {
  const client = await RawClient.at(testServer());
  const header = { messageId: client.messageId };
  strictEqual((await client.ask({ ...echo, header })).status, NtStatus.Success);
  deepStrictEqual(await client.chain({ ...echo, header }), []);
  ok(client.ended);
});

test('frames above 16 KiB, or with another type, end a connection before logon', async () => {
  for (const start of ['00004001', '00ffffff', '05000000', '00000000']) {
    const client = new RawClient(testServer());
    client.sendBytes(fromHex(start));
    strictEqual(await client.next(), undefined, start);
    ok(client.ended, start);
  }
});

test('a NetBIOS session request is answered, and the messages continue (RFC 1002 4.3.2)', async () => {
  const client = new RawClient(testServer());
  client.sendBytes(fromHex('81000000'));
  client.sendBytes(fromHex('85000000'));
  strictEqual((await client.negotiate()).status, NtStatus.Success);
});

test('a negotiate with only SMB1 is rejected, one with 2.002 continues with SMB2 (3.3.5.3)', async () => {
  const smb1 = (...dialects: string[]): Uint8Array => {
    const text = Buffer.concat(dialects.map((dialect) => Buffer.from(`\x02${dialect}\0`)));
    const head = Buffer.alloc(35);
    head.write('\xffSMB\x72', 'latin1');
    head.writeUInt16LE(text.length, 33);
    return Buffer.concat([head, text]);
  };
  const old = new RawClient(testServer());
  old.sendFrame(smb1('NT LM 0.12'));
  strictEqual(await old.next(), undefined);
  ok(old.ended);
  const newer = new RawClient(testServer());
  newer.sendFrame(smb1('NT LM 0.12', 'SMB 2.002', 'SMB 2.???'));
  const [answer] = (await newer.next()) ?? [];
  strictEqual(answer?.status, NtStatus.Success);
  newer.messageId = 1;
  strictEqual((await newer.negotiate([Dialect.Smb302])).status, NtStatus.Success);
});

test('session, signature, tree connect, open, structure: the first wrong one decides the status', async () => {
  const client = await RawClient.at(testServer());
  const body = QueryInfoRequest.encode({
    infoType: 1,
    fileInfoClass: 5,
    outputBufferLength: 100,
    additionalInformation: 0,
    flags: 0,
    persistentFileId: 1,
    volatileFileId: 1,
    input: new Uint8Array(0),
  });
  body.head[64] = 99; // StructureSize
  const broken: Element = { command: Command.QueryInfo, body };
  strictEqual((await client.ask({ ...broken, header: { sessionId: 77, treeId: 77 } })).status, NtStatus.UserSessionDeleted);
  const badlySigned = { flags: HeaderFlags.Signed, treeId: 77 };
  strictEqual((await client.ask({ ...broken, header: badlySigned })).status, NtStatus.AccessDenied);
  strictEqual((await client.ask({ ...broken, header: { treeId: 77 } })).status, NtStatus.NetworkNameDeleted);
  strictEqual((await client.ask(broken)).status, NtStatus.FileClosed);
  const ids = idsOf(await client.create('a'));
  const known = { ...body, head: body.head.slice() };
  const view = new DataView(known.head.buffer);
  view.setBigUint64(64 + 24, BigInt(ids.persistentFileId), true);
  view.setBigUint64(64 + 32, BigInt(ids.volatileFileId), true);
  strictEqual((await client.ask({ ...broken, body: known })).status, NtStatus.InvalidParameter);
  strictEqual((await client.ask(echo)).status, NtStatus.Success, 'and the connection lives');
});

test('an unknown command closes the connection before logon and is an invalid parameter after it (3.3.5.2.6)', async () => {
  const unknown: Element = { command: 0x13, body: EchoRequest.encode({}) };
  const stranger = new RawClient(testServer());
  await stranger.negotiate();
  deepStrictEqual(await stranger.chain(unknown), []);
  const client = await RawClient.at(testServer());
  strictEqual((await client.ask(unknown)).status, NtStatus.InvalidParameter);
});

test('if signing is required, an unsigned request is rejected and a signed one gets a signed response (3.3.5.2.4)', async () => {
  const server = testServer({ signing: 'required' });
  const client = new RawClient(server);
  await client.negotiate();
  await client.logOn('ann', 'secret');
  const connect: Element = { command: Command.TreeConnect, body: TreeConnectRequest.encode({ flags: 0, path: '\\\\s\\share' }) };
  strictEqual((await client.ask(connect)).status, NtStatus.AccessDenied);
  const answer = await client.ask({ ...connect, sign: true });
  strictEqual(answer.status, NtStatus.Success);
  ok((answer.header.flags & HeaderFlags.Signed) !== 0);
  ok(client.signer?.verify([answer.bytes.slice()], 'server'));
});

test('ids of another session are unknown on this connection', async () => {
  const server = testServer();
  const ann = await RawClient.at(server);
  const bob = await RawClient.at(server, 'share', 'bob', 'word');
  const ids = idsOf(await ann.create('a'));
  strictEqual((await bob.ask({ ...close(ids), header: { sessionId: ann.sessionId } })).status, NtStatus.UserSessionDeleted);
  strictEqual((await bob.ask(close(ids))).status, NtStatus.FileClosed);
  strictEqual((await ann.ask(close(ids))).status, NtStatus.Success);
});

test('related elements inherit the open; those after a failed CREATE fail with its status (3.3.5.2.7.2)', async () => {
  const client = await RawClient.at(testServer());
  const create: Element = { command: Command.Create, body: createBody('a') };
  const read: Element = {
    command: Command.Read,
    body: ReadRequest.encode({
      flags: 0,
      length: 10,
      offset: 0,
      persistentFileId: -1,
      volatileFileId: -1,
      minimumCount: 0,
      channel: 0,
      remainingBytes: 0,
      readChannelInfo: new Uint8Array(0),
    }),
    related: true,
  };
  const good = await client.chain(create, read, { ...close(), related: true });
  deepStrictEqual(
    good.map(({ status }) => status),
    [NtStatus.Success, NtStatus.EndOfFile, NtStatus.Success],
  );
  strictEqual((good[1]?.bytes.length ?? 1) % 8, 0);
  const missing: Element = { command: Command.Create, body: createBody('nowhere', { createDisposition: 1 }) };
  const bad = await client.chain(missing, read, { ...close(), related: true });
  deepStrictEqual(
    bad.map(({ status }) => status),
    [NtStatus.ObjectNameNotFound, NtStatus.ObjectNameNotFound, NtStatus.ObjectNameNotFound],
  );
});

test('a chain that begins with a related element fails to its end (3.3.5.2.7.2)', async () => {
  const client = await RawClient.at(testServer());
  const answers = await client.chain({ ...echo, related: true }, { ...close(), related: true });
  deepStrictEqual(
    answers.map(({ status }) => status),
    [NtStatus.InvalidParameter, NtStatus.InvalidParameter],
  );
});

test('an object that ended inside a chain does not exist for the rest of it', async () => {
  const server = testServer();
  const client = await RawClient.at(server);
  const tree: Element = { command: Command.TreeDisconnect, body: TreeDisconnectRequest.encode({}) };
  const after = await client.chain(tree, { command: Command.Create, body: createBody('a'), related: true });
  deepStrictEqual(
    after.map(({ status }) => status),
    [NtStatus.Success, NtStatus.NetworkNameDeleted],
  );
  await client.connect('share');
  const left = await client.chain({ command: Command.Logoff, body: LogoffRequest.encode({}) }, { ...tree, related: true });
  deepStrictEqual(
    left.map(({ status }) => status),
    [NtStatus.Success, NtStatus.UserSessionDeleted],
  );
  strictEqual(server.sessions.size, 0);
});

test('a chain whose next element lies outside, or is not aligned, closes the connection', async () => {
  for (const nextCommand of [1, 63, 65, 4096, 0xffffffff]) {
    const client = await RawClient.at(testServer());
    client.sendFrame(client.encode([{ ...echo, header: { nextCommand } }]));
    strictEqual(await client.next(), undefined, String(nextCommand));
    ok(client.ended);
  }
});

test('the end of the connection closes its opens, and the tables are empty', async () => {
  const server = testServer();
  const client = await RawClient.at(server);
  await client.create('a');
  strictEqual(server.connections.size, 1);
  client.sendBytes(fromHex('07000000'));
  await client.next();
  strictEqual(server.connections.size, 0);
  strictEqual(server.sessions.size, 0);
});

test('every truncated message of the logon is answered or ends the connection, and the server continues', async () => {
  const server = testServer();
  const whole = NegotiateRequestPlain.encode({
    securityMode: 1,
    capabilities: 0,
    clientGuid: new Uint8Array(16),
    negotiateContextOffset: 0,
    negotiateContextCount: 0,
    dialects: [0x0302],
  });
  const honest = new RawClient(server);
  const message = honest.encode([{ command: Command.Negotiate, body: whole }]);
  for (let length = 1; length < message.length; length++) {
    const client = new RawClient(server);
    client.sendFrame(message.subarray(0, length));
    const answer = await client.next();
    ok(answer === undefined ? client.ended !== undefined : answer[0]?.status === NtStatus.InvalidParameter, `${length} bytes`);
  }
  honest.messageId = 0;
  strictEqual((await honest.negotiate()).status, NtStatus.Success);
});

test('a CANCEL has no response, even if its signature is wrong or its session has ended (3.3.5.16)', async () => {
  const client = await RawClient.at(testServer());
  const cancel: Element = { command: Command.Cancel, body: CancelRequest.encode({}) };
  client.sendFrame(client.encode([{ ...cancel, header: { flags: HeaderFlags.Signed } }]));
  client.sendFrame(client.encode([{ ...cancel, header: { sessionId: 77 } }]));
  client.sendFrame(client.encode([cancel]));
  const answer = await client.ask(echo);
  strictEqual(answer.header.command, Command.Echo);
});
