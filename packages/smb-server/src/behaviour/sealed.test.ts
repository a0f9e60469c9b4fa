import { ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { fakeRandom } from '@ring3/kit';
import {
  Capabilities,
  Cipher,
  Command,
  Decryptor,
  Dialect,
  EchoRequest,
  Encryptor,
  HeaderFlags,
  NtStatus,
  SessionSetupResponse,
  sessionKeys,
  TreeConnectRequest,
  TreeConnectResponse,
} from '@ring3/smb-proto';
import { createMemoryStore } from '@ring3/vfs';
import { createBody, type Element, RawClient, testServer } from '../testing/raw-client.ts';

const echo: Element = { command: Command.Echo, body: EchoRequest.encode({}) };
const connect = (share: string): Element => ({
  command: Command.TreeConnect,
  body: TreeConnectRequest.encode({ flags: 0, path: `\\\\s\\${share}` }),
});

/** A client of 3.0.2 that has logged on and has the session's keys. */
async function sealing(more: Parameters<typeof testServer>[0] = {}) {
  const client = new RawClient(testServer(more));
  await client.negotiate([Dialect.Smb302], [], Capabilities.Encryption);
  const answer = await client.logOn('ann', 'secret');
  strictEqual(answer.status, NtStatus.Success);
  const keys = sessionKeys(Dialect.Smb302, client.sessionKey as Uint8Array, undefined);
  const seal = new Encryptor(Cipher.Aes128Ccm, keys.clientToServer, fakeRandom());
  const open = new Decryptor(Cipher.Aes128Ccm, keys.serverToClient);
  const id = new Uint8Array(8);
  new DataView(id.buffer).setBigUint64(0, BigInt(client.sessionId), true);
  const sealed = (...elements: Element[]): Buffer => Buffer.concat(seal.encrypt([client.encode(elements)], id));
  return { client, answer, sealed, open };
}

test('an encrypted request gets an encrypted response (3.3.4.1.4)', async () => {
  const { client, sealed, open } = await sealing();
  client.sendFrame(sealed(echo));
  const raw = await client.nextRaw();
  strictEqual(raw?.[0], 0xfd);
  const plain = open.decrypt([raw as Uint8Array]);
  ok(plain !== undefined);
  strictEqual(Buffer.concat(plain).readUInt32LE(8), NtStatus.Success);
  strictEqual(Buffer.concat(plain).readUInt32LE(16) & HeaderFlags.Signed, 0);
});

test('a transform header that is short, has other flags or another session, and a wrong tag, end the connection (3.3.5.2.1)', async () => {
  const damages: ((frame: Buffer) => Buffer)[] = [
    (frame) => frame.subarray(0, 52 + 63),
    (frame) => frame.subarray(0, 40),
    (frame) => {
      frame.writeUInt16LE(2, 42);
      return frame;
    },
    (frame) => {
      frame.writeUInt32LE(99, 44);
      return frame;
    },
    (frame) => {
      frame.writeUInt8(frame.readUInt8(4) ^ 1, 4);
      return frame;
    },
    (frame) => {
      frame.writeUInt8(frame.readUInt8(frame.length - 1) ^ 1, frame.length - 1);
      return frame;
    },
    (frame) => {
      frame.writeUInt32LE(frame.readUInt32LE(36) + 1, 36);
      return frame;
    },
  ];
  for (const [i, damage] of damages.entries()) {
    const { client, sealed } = await sealing();
    client.sendFrame(damage(sealed(echo)));
    strictEqual(await client.next(), undefined, `damage ${i}`);
    ok(client.ended);
    strictEqual(client.server.connections.size, 0);
  }
});

test('all channels of a session use its cipher keys (3.3.5.5.3)', async () => {
  const { client, sealed, open } = await sealing();
  const second = new RawClient(client.server);
  second.clientGuid = client.clientGuid;
  await second.negotiate([Dialect.Smb302], [], Capabilities.Encryption);
  second.sendFrame(sealed(echo));
  strictEqual(await second.next(), undefined, 'not before the connection is a channel');
  const third = new RawClient(client.server);
  third.clientGuid = client.clientGuid;
  await third.negotiate([Dialect.Smb302], [], Capabilities.Encryption);
  strictEqual((await third.bind(client)).status, NtStatus.Success);
  client.messageId = third.messageId;
  third.sendFrame(sealed(echo));
  const plain = open.decrypt([(await third.nextRaw()) as Uint8Array]);
  strictEqual(Buffer.concat(plain ?? []).readUInt32LE(8), NtStatus.Success);
});

test('an encrypted frame without a negotiated cipher ends the connection (2.x)', async () => {
  const { sealed } = await sealing();
  const client = await RawClient.at(testServer());
  client.sendFrame(sealed(echo));
  strictEqual(await client.next(), undefined);
});

test('an element of another session inside an encrypted frame ends the connection (3.3.5.2.1.1)', async () => {
  const { client, sealed } = await sealing();
  const mine = client.sessionId;
  client.sessionId = 0;
  await client.logOn('bob', 'word');
  const bobs = client.sessionId;
  client.sessionId = mine;
  client.sendFrame(sealed({ ...connect('share'), header: { sessionId: bobs } }));
  strictEqual(await client.nextRaw(), undefined);
  ok(client.ended);
});

test('if encryption is required, unencrypted requests and clients without encryption are rejected (3.3.5.2.9, 3.3.5.5)', async () => {
  const { client, answer } = await sealing({ encryption: 'required' });
  strictEqual(answer.read(SessionSetupResponse).sessionFlags & 4, 4);
  client.sendFrame(client.encode([connect('share')]));
  strictEqual((await client.nextRaw())?.[0], 0xfd, 'the refusal itself is encrypted');
  const plain = new RawClient(testServer({ encryption: 'required' }));
  await plain.negotiate();
  strictEqual((await plain.logOn('ann', 'secret')).status, NtStatus.AccessDenied);
});

test('a session with EncryptData rejects unencrypted requests, whether or not encryption is required (3.3.5.2.9)', async () => {
  const { client, answer, sealed, open } = await sealing({ encryption: 'desired' });
  strictEqual(answer.read(SessionSetupResponse).sessionFlags & 4, 4);
  client.sendFrame(client.encode([connect('share')]));
  const refused = open.decrypt([(await client.nextRaw()) as Uint8Array]);
  strictEqual(Buffer.concat(refused ?? []).readUInt32LE(8), NtStatus.AccessDenied);
  client.sendFrame(sealed(connect('share')));
  const connected = open.decrypt([(await client.nextRaw()) as Uint8Array]);
  strictEqual(Buffer.concat(connected ?? []).readUInt32LE(8), NtStatus.Success);
});

test('a share that requires encryption reports it, and rejects unencrypted requests (3.3.5.7)', async () => {
  const shares = { secret: { vfs: createMemoryStore(), encryption: 'required' as const } };
  const { client, sealed, open } = await sealing({ shares });
  const answer = await client.ask(connect('secret'));
  strictEqual(answer.status, NtStatus.Success);
  strictEqual(answer.read(TreeConnectResponse).shareFlags & 0x8000, 0x8000);
  client.treeId = answer.header.treeId;
  client.sendFrame(client.encode([{ command: Command.Create, body: createBody('a') }]));
  const refused = open.decrypt([(await client.nextRaw()) as Uint8Array]);
  strictEqual(Buffer.concat(refused ?? []).readUInt32LE(8), NtStatus.AccessDenied);
  client.sendFrame(sealed({ command: Command.Create, body: createBody('a') }));
  const made = open.decrypt([(await client.nextRaw()) as Uint8Array]);
  strictEqual(Buffer.concat(made ?? []).readUInt32LE(8), NtStatus.Success);
});
