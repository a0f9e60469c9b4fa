/** AUT, STM, SES, CRY, IDN: properties of logon, sessions and keys against a client that violates the protocol. */
import { deepStrictEqual, notStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeClock, fakeRandom } from '@ring3/kit';
import {
  Capabilities,
  Command,
  createNtlmInitiator,
  Dialect,
  EchoRequest,
  EncryptionCapabilities,
  LogoffRequest,
  NegotiateContextType,
  NegotiateRequest311,
  NegotiateResponse,
  NtStatus,
  SessionSetupFlags,
  SessionSetupResponse,
  TreeConnectRequest,
  WriteRequest,
} from '@ring3/smb-proto';
import { closing, idsOf, reading, settingUp, writing } from '../testing/elements.ts';
import { RawClient, testServer } from '../testing/raw-client.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const initiator = (user: string, password: string) => createNtlmInitiator({ user, password, random: fakeRandom(9), now: () => 0 });
const connecting = (share: string) => ({
  command: Command.TreeConnect,
  body: TreeConnectRequest.encode({ flags: 0, path: `\\\\s\\${share}` }),
});

/** The first two steps of a logon; the caller sends the last token. */
async function halfLogOn(client: RawClient, user: string, password: string): Promise<Uint8Array> {
  const steps = initiator(user, password);
  const first = steps.next();
  if (first.state === 'failed' || first.token === undefined) throw new Error('no first token');
  const answer = await client.ask(settingUp(first.token));
  strictEqual(answer.status, NtStatus.MoreProcessingRequired);
  client.sessionId = answer.header.sessionId;
  const last = steps.next(answer.read(SessionSetupResponse).securityBuffer);
  if (last.state === 'failed' || last.token === undefined) throw new Error('no last token');
  return last.token;
}

describe('nothing changes before the proof is verified (AUT)', () => {
  test('PreviousSessionId ends nothing if the proof is wrong, or the session is another user’s', async () => {
    const server = testServer();
    const victim = await RawClient.at(server);
    for (const [user, password] of [
      ['ann', 'wrong'],
      ['nobody', 'x'],
      ['bob', 'word'],
    ] as const) {
      const thief = new RawClient(server);
      await thief.negotiate();
      await thief.logOn(user, password, victim.sessionId);
      strictEqual((await victim.create('still-there')).status, NtStatus.Success, user);
    }
    await server.close();
  });

  test('a session whose logon is not complete can do nothing, and has no signing key', async () => {
    const server = testServer();
    const client = new RawClient(server);
    await client.negotiate();
    await halfLogOn(client, 'ann', 'secret');
    strictEqual((await client.ask(connecting('share'))).status, NtStatus.UserSessionDeleted);
    strictEqual((await client.ask({ command: Command.Logoff, body: LogoffRequest.encode({}) })).status, NtStatus.UserSessionDeleted);
    await server.close();
  });

  test('a session of another connection cannot be bound, continued or reauthenticated', async () => {
    const server = testServer();
    const victim = await RawClient.at(server);
    const thief = new RawClient(server);
    await thief.negotiate();
    const first = initiator('ann', 'secret').next();
    const token = first.state === 'failed' ? undefined : first.token;
    for (const flags of [0, SessionSetupFlags.Binding]) {
      const answer = await thief.ask({ ...settingUp(token as Uint8Array, { flags }), header: { sessionId: victim.sessionId } });
      strictEqual(answer.status, flags === 0 ? NtStatus.UserSessionDeleted : NtStatus.InvalidParameter);
    }
    strictEqual((await victim.create('untouched')).status, NtStatus.Success);
    strictEqual(server.sessions.size, 1);
    await server.close();
  });

  test('failed logons are answered one after the other, however many are started at a time', async () => {
    const clock = new FakeClock();
    const server = testServer({ clock, limits: { failedLogonDelayMs: 250 } });
    const client = await RawClient.at(server);
    const [sessionId, tokens, ids] = [client.sessionId, [] as Uint8Array[], [] as number[]];
    for (let i = 0; i < 4; i++) {
      client.sessionId = 0;
      tokens.push(await halfLogOn(client, 'ann', `guess ${i}`));
      ids.push(client.sessionId);
    }
    client.sessionId = sessionId;
    for (const [i, token] of tokens.entries()) {
      client.sendFrame(client.encode([{ ...settingUp(token), header: { sessionId: ids[i] as number } }]));
    }
    const answered: number[] = [];
    for (let i = 0; i < tokens.length; i++) void client.next().then(() => answered.push(clock.now()));
    for (let ms = 0; ms < 1200; ms += 50) {
      await turn();
      await turn();
      clock.advance(50);
    }
    await turn();
    deepStrictEqual(answered, [250, 500, 750, 1000]);
    strictEqual(server.sessions.size, 1);
    await server.close();
  });

  test('after a token that fails inside the mechanism the session accepts the next one', async () => {
    const server = testServer();
    const client = new RawClient(server);
    await client.negotiate();
    for (const token of [Buffer.alloc(0), Buffer.from('NTLMSSP\0'), Buffer.from('NTLMSSP\0\x09\0\0\0'), Buffer.alloc(300, 0x60)]) {
      notStrictEqual((await client.ask(settingUp(token))).status, NtStatus.InternalError);
      strictEqual(server.sessions.size, 0);
    }
    strictEqual((await client.logOn('ann', 'secret')).status, NtStatus.Success);
    await server.close();
  });
});

describe('the states of connection and session (STM, SES)', () => {
  test('a rejected offer leaves nothing behind: no cipher of 3.1.1 on a connection of 2.1', async () => {
    const server = testServer({ encryption: 'desired' });
    const client = new RawClient(server);
    const ciphers = EncryptionCapabilities.encode({ ciphers: [1, 2] }).head;
    const contexts = [{ contextType: NegotiateContextType.EncryptionCapabilities, data: ciphers, reserved: 0 }];
    strictEqual((await client.negotiate([Dialect.Smb311], contexts)).status, NtStatus.InvalidParameter);
    strictEqual((await client.negotiate([Dialect.Smb21])).read(NegotiateResponse).dialectRevision, Dialect.Smb21);
    const [connection] = server.connections.values();
    strictEqual(connection?.negotiated.cipher, undefined);
    strictEqual((await client.logOn('ann', 'secret')).status, NtStatus.Success);
    strictEqual((await client.connect('share')).status, NtStatus.Success);
    await server.close();
  });

  test('a second NEGOTIATE ends the connection, also inside a chain', async () => {
    const server = testServer();
    const client = await RawClient.at(server);
    const body = NegotiateRequest311.encode({
      securityMode: 1,
      capabilities: Capabilities.LargeMtu,
      clientGuid: new Uint8Array(16),
      dialects: [Dialect.Smb202],
      negotiateContexts: [],
    });
    deepStrictEqual(await client.chain({ command: Command.Echo, body: EchoRequest.encode({}) }, { command: Command.Negotiate, body }), []);
    notStrictEqual(client.ended, undefined);
    strictEqual(server.sessions.size, 0);
    await server.close();
  });

  test('a guest does not become a user by reauthentication: the session has no keys to protect it', async () => {
    const server = testServer({ guest: true, signing: 'required' });
    const client = new RawClient(server);
    await client.negotiate();
    strictEqual((await client.logOn('stranger', 'x')).status, NtStatus.Success);
    strictEqual((await client.logOn('ann', 'secret')).status, NtStatus.AccessDenied);
    strictEqual(server.sessions.size, 0);
    await server.close();
  });

  test('a user who reauthenticates as a guest still has to sign', async () => {
    const server = testServer({ guest: true, signing: 'required' });
    const client = new RawClient(server);
    await client.negotiate();
    strictEqual((await client.logOn('ann', 'secret')).status, NtStatus.Success);
    const signer = client.signer;
    strictEqual((await client.logOn('stranger', 'x')).status, NtStatus.AccessDenied); // 3.3.5.2.4: not signed
    client.signsLogons = true;
    strictEqual((await client.logOn('stranger', 'x')).status, NtStatus.Success);
    client.signer = signer;
    strictEqual((await client.ask(connecting('share'))).status, NtStatus.AccessDenied);
    await server.close();
  });

  test('a failed reauthentication ends the session with everything on it, and no other session', async () => {
    const server = testServer();
    const [client, other] = [await RawClient.at(server), await RawClient.at(server, 'share', 'bob', 'word')];
    const ids = idsOf(await client.create('mine'));
    strictEqual((await client.logOn('ann', 'wrong')).status, NtStatus.LogonFailure);
    strictEqual((await client.ask(reading(ids, 1))).status, NtStatus.UserSessionDeleted);
    strictEqual((await other.create('mine', { shareAccess: 0 })).status, NtStatus.Success);
    deepStrictEqual([server.sessions.size, server.opens.size], [1, 1]);
    await server.close();
  });

  test('a request that ran when its session ended finds no session any more, and is answered once', async () => {
    const server = testServer();
    const client = await RawClient.at(server);
    const ids = idsOf(await client.create('file'));
    const logoff = { command: Command.Logoff, body: LogoffRequest.encode({}) };
    client.sendFrame(client.encode([writing(ids, 'before')]));
    client.sendFrame(client.encode([logoff]));
    client.sendFrame(client.encode([writing(ids, 'after')]));
    client.sendFrame(client.encode([closing(ids)]));
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push((await client.next())?.[0]?.status);
    deepStrictEqual(statuses, [NtStatus.Success, NtStatus.Success, NtStatus.UserSessionDeleted, NtStatus.UserSessionDeleted]);
    strictEqual(server.opens.size, 0);
    await server.close();
  });
});

describe('protection (CRY)', () => {
  test('if signing is required, a changed byte anywhere in a signed request is rejected', async () => {
    const server = testServer({ signing: 'required' });
    const client = new RawClient(server);
    await client.negotiate();
    await client.logOn('ann', 'secret');
    const tree = await client.ask({ ...connecting('share'), sign: true });
    client.treeId = tree.header.treeId;
    const made = await client.ask({ ...writing({ persistentFileId: 0, volatileFileId: 0 }, 'x'), sign: true });
    strictEqual(made.status, NtStatus.FileClosed);
    for (const at of [16, 20, 40, 48, 63, 64, 80, 112]) {
      const message = client.encode([{ command: Command.Write, body: writeBody(), sign: true }]);
      message[at] = (message[at] as number) ^ 1;
      client.sendFrame(message);
      const [answer] = (await client.next()) ?? [];
      // the flag itself and the ids are in the header: without them the request is unsigned, or of an unknown session
      ok(answer === undefined || answer.status === NtStatus.AccessDenied || answer.status === NtStatus.UserSessionDeleted, `byte ${at}`);
      if (answer === undefined) break;
    }
    await server.close();
  });
});

const writeBody = () =>
  WriteRequest.encode({
    persistentFileId: 1,
    volatileFileId: 1,
    offset: 0,
    channel: 0,
    remainingBytes: 0,
    flags: 0,
    writeChannelInfo: new Uint8Array(0),
    data: [Buffer.from('data')],
  });
