import { deepStrictEqual, notStrictEqual, ok, strictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { fakeRandom } from '@ring3/kit';
import {
  AvId,
  avPairs,
  createNtlmInitiator,
  Dialect,
  Fsctl,
  IoctlResponse,
  NegotiateResponse,
  NtlmChallenge,
  NtStatus,
  SecurityMode,
  SessionSetupResponse,
} from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import { NdrWriter } from '../pipe/ndr.ts';
import type { Server } from '../server/server.ts';
import { control, echo, idsOf, settingUp } from '../testing/elements.ts';
import { RawClient, testServer } from '../testing/raw-client.ts';
import { binding, calling, srvsvc, wkssvc } from '../testing/rpc.ts';

/** A client that has negotiated a dialect, and the response. */
async function negotiated(server: Server, dialects: readonly number[] = [Dialect.Smb21, Dialect.Smb302]) {
  const client = new RawClient(server);
  const answer = await client.negotiate(dialects);
  return { client, answer, response: answer.status === 0 ? answer.read(NegotiateResponse) : undefined };
}

/** The names in the CHALLENGE of a new logon. */
async function challenged(client: RawClient): Promise<string[]> {
  const first = createNtlmInitiator({ user: 'ann', password: 'x', random: fakeRandom(), now: () => 0 }).next();
  if (first.state === 'failed' || first.token === undefined) throw new Error('no first token');
  const answer = await client.ask({ ...settingUp(first.token), header: { sessionId: 0 } });
  strictEqual(answer.status, NtStatus.MoreProcessingRequired);
  const challenge = NtlmChallenge.read(new Frame(answer.read(SessionSetupResponse).securityBuffer), 0);
  const info = challenge.targetInfo;
  const pairs = avPairs.read(new Frame(info), 0, info.length).filter(({ id }) => id === AvId.NbDomainName || id === AvId.NbComputerName);
  return [challenge.targetName, ...pairs.map(({ value }) => value)].map((name) => Buffer.from(name).toString('utf16le'));
}

test('options of NEGOTIATE apply to new connections; existing ones keep what they negotiated', async () => {
  const server = testServer();
  const before = await negotiated(server);
  strictEqual(before.response?.dialectRevision, Dialect.Smb302);
  strictEqual(before.response?.securityMode, SecurityMode.SigningEnabled);
  server.configure({ dialects: { min: Dialect.Smb202, max: Dialect.Smb21 }, signing: 'required' });
  const after = await negotiated(server);
  strictEqual(after.response?.dialectRevision, Dialect.Smb21);
  strictEqual(after.response?.securityMode, SecurityMode.SigningEnabled | SecurityMode.SigningRequired);
  strictEqual((await negotiated(server, [Dialect.Smb302])).answer.status, NtStatus.NotSupported);
  for (const { client } of [before, after]) strictEqual((await client.logOn('ann', 'secret')).status, NtStatus.Success);
  deepStrictEqual(
    [...server.sessions.values()].map(({ signingRequired }) => signingRequired),
    [false, true],
  );
  strictEqual((await before.client.connect('share')).status, NtStatus.Success);
  strictEqual((await after.client.connect('share')).status, NtStatus.AccessDenied);
  await server.close();
});

test('encryption that is required from now on does not affect existing sessions, nor new ones on their connections', async () => {
  const server = testServer({ encryption: 'desired' });
  const client = await RawClient.at(server);
  server.configure({ encryption: 'required' });
  strictEqual((await client.create('file')).status, NtStatus.Success);
  client.sessionId = 0;
  strictEqual((await client.logOn('bob', 'word')).status, NtStatus.Success);
  const { client: late } = await negotiated(server);
  await late.logOn('ann', 'secret').catch(() => {});
  strictEqual(server.sessions.size, 2);
  await server.close();
});

test('who may log on changes at once, also on existing connections', async () => {
  const server = testServer();
  const { client } = await negotiated(server);
  notStrictEqual((await client.logOn('somebody', 'x')).status, NtStatus.Success);
  server.configure({ guest: true });
  client.sessionId = 0;
  strictEqual((await client.logOn('somebody', 'x')).status, NtStatus.Success);
  server.configure({ guest: false });
  client.sessionId = 0;
  notStrictEqual((await client.logOn('somebody', 'x')).status, NtStatus.Success);
  await server.close();
});

test('the target name and information of NTLM have the current name (MS-NLMP 2.2.1.2)', async () => {
  const server = testServer();
  const { client } = await negotiated(server);
  deepStrictEqual(await challenged(client), ['RING3', 'RING3', 'RING3']);
  server.configure({ name: 'tower' });
  deepStrictEqual(await challenged(client), ['TOWER', 'TOWER', 'TOWER']);
  await server.close();
});

test('a logon in progress continues under the name that it was sent', async () => {
  const server = testServer();
  const { client } = await negotiated(server);
  const steps = createNtlmInitiator({ user: 'ann', password: 'secret', random: fakeRandom(), now: () => 0 });
  const first = steps.next();
  const answer = await client.ask(settingUp((first as { token: Uint8Array }).token));
  server.configure({ name: 'TOWER' });
  client.sessionId = answer.header.sessionId;
  const last = steps.next(answer.read(SessionSetupResponse).securityBuffer);
  strictEqual((await client.ask(settingUp((last as { token: Uint8Array }).token))).status, NtStatus.Success);
  await server.close();
});

test('an open pipe reports the current names and comment', async () => {
  const server = testServer();
  const client = await RawClient.at(server, 'IPC$');
  for (const [name, { abstract, version, getInfo }] of Object.entries({ srvsvc, wkssvc })) {
    const ids = idsOf(await client.create(name));
    const transceive = async (input: Uint8Array): Promise<Buffer> => {
      const answer = await client.ask(control(ids, Fsctl.PipeTransceive, { input }));
      strictEqual(answer.status, NtStatus.Success);
      return Buffer.concat(answer.read(IoctlResponse).output);
    };
    await transceive(binding(abstract, version));
    for (const [serverName, workgroup, comment] of [
      ['TOWER', 'HOME', 'The tower'],
      ['CELLAR', 'BELOW', 'Ünder the tower'],
    ] as const) {
      server.configure({ name: serverName, workgroup, comment });
      const response = await transceive(calling(getInfo, new NdrWriter().u32(0).u32(101).finish()));
      for (const text of [serverName, name === 'srvsvc' ? comment : workgroup])
        ok(response.includes(Buffer.from(`${text}\0`, 'utf16le')), text);
    }
  }
  await server.close();
});

test('an invalid value changes nothing, nor do the valid values with it', async () => {
  const server = testServer();
  const { options } = server;
  for (const name of ['', 'much too long a name']) throws(() => server.configure({ workgroup: 'HOME', comment: 'x', name }), RangeError);
  throws(() => server.configure({ comment: '' }), RangeError);
  throws(() => server.configure({ limits: { connections: 1, opens: 0 } }), RangeError);
  strictEqual(server.options, options);
  await server.close();
});

test('limits apply at once, also to connected clients', async () => {
  const server = testServer();
  const client = await RawClient.at(server);
  await client.create('one');
  server.configure({ limits: { opensForSession: 1, connections: 1 } });
  strictEqual((await client.create('two')).status, NtStatus.TooManyOpenedFiles);
  const refused = new RawClient(server);
  strictEqual(await refused.next(), undefined);
  server.configure({ limits: { opensForSession: 2 } });
  strictEqual((await client.create('two')).status, NtStatus.Success);
  strictEqual((await client.create('three')).status, NtStatus.TooManyOpenedFiles);
  await server.close();
});

test('credits above a lowered limit are used up; those of a raised one are granted to new connections', async () => {
  const server = testServer({ limits: { maxCredits: 64 } });
  const client = await RawClient.at(server);
  const granted = async (): Promise<number> => (await client.ask({ ...echo, header: { credits: 100 } })).header.credits;
  await granted();
  server.configure({ limits: { maxCredits: 2 } });
  for (let held = 64; held > 2; held--) strictEqual(await granted(), 0);
  strictEqual(await granted(), 1);
  server.configure({ limits: { maxCredits: 128 } });
  strictEqual(await granted(), 63); // it held one of at most 64
  strictEqual((await (await RawClient.at(server)).ask({ ...echo, header: { credits: 500 } })).header.credits > 64, true);
  await server.close();
});

test('a larger budget resumes the connections that the smaller one paused', async () => {
  const server = testServer({ limits: { totalBytes: 1000 } });
  const [first, second] = [await RawClient.at(server), await RawClient.at(server)];
  first.sendBytes(Buffer.concat([Buffer.of(0, 1, 0, 0), Buffer.alloc(2000)]));
  await new Promise(setImmediate);
  second.sendBytes(Buffer.concat([Buffer.of(0, 1, 0, 0), Buffer.alloc(2000)]));
  await new Promise(setImmediate);
  ok(server.budget.over);
  server.configure({ limits: { totalBytes: 1_000_000 } });
  strictEqual(server.budget.over, false);
  first.sendBytes(Buffer.alloc(0x10000 - 2000));
  strictEqual(await first.next(), undefined); // not a message, but it has arrived
  strictEqual(second.ended, undefined);
  await server.close();
});
