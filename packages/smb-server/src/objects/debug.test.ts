/** Debug output: what each switch logs, and what is never logged. */
import { deepStrictEqual, match, ok, strictEqual } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type DebugLine, DebugLines, DebugSwitches, fakeLog } from '@ring3/kit';
import { Command, CreateDisposition, CreateOptions, Dialect, OplockLevel, SessionSetupRequest, sessionKeys } from '@ring3/smb-proto';
import { createMemoryStore } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import { acknowledging, closing, disposing, idsOf, reading, renaming, writing } from '../testing/elements.ts';
import { createBody, RawClient, testServer } from '../testing/raw-client.ts';
import { type DebugWord, debugWords } from '../values/debug-words.ts';
import { Users } from '../values/users.ts';

interface Lines {
  readonly debug: DebugSwitches<DebugWord>;
  readonly lines: { readonly what: string; readonly fields: DebugLine['fields'] }[];
}

/** Switches whose lines are kept; all on, as a fake log is at level trace. */
function linesOf(...only: DebugWord[]): Lines {
  const { lines, ...log } = fakeLog();
  const debug = new DebugSwitches(debugWords, new DebugLines({ ...log, lines } as never));
  if (only.length === 0) return { debug, lines };
  debug.toggle('all');
  for (const word of only) debug.toggle(word);
  return { debug, lines };
}

describe('what each switch logs', () => {
  test('smb: each request with its command, ids, status and time; of payload only the length', async () => {
    const { debug, lines } = linesOf('smb');
    const server = testServer({ debug });
    const client = await RawClient.at(server);
    const ids = idsOf(await client.create('a'));
    await client.ask(writing(ids, Buffer.from('top secret payload')));
    await client.ask(reading(ids, 100));
    deepStrictEqual(lines.map(({ what }) => what).slice(-3), ['Create Success', 'Write Success', 'Read Success']);
    const { fields } = lines.at(-2) as Lines['lines'][number];
    deepStrictEqual([fields['debug'], fields['connection'], fields['path']], ['smb', 1, 'a']);
    strictEqual(typeof fields['ms'], 'number');
    match(String(fields['asked']), /WriteRequest \{.*offset: 0.*data: <18 bytes>/);
    match(String(lines.at(-1)?.fields['answer']), /data: <18 bytes>/);
    await server.close();
  });

  test('conn: accepted, negotiated, ended and why; rejected by a limit', async () => {
    const { debug, lines } = linesOf('conn');
    const server = testServer({ debug, limits: { connections: 1, connectionsForAddress: 1 } });
    const client = await RawClient.at(server);
    new RawClient(server);
    await client.connect('none');
    await server.close();
    deepStrictEqual(
      lines.map(({ what }) => what),
      ['accepted', 'negotiated', 'rejected by a limit', 'ended'],
    );
    strictEqual(lines[1]?.fields['dialect'], 'Smb302');
    strictEqual(lines[3]?.fields['reason'], 'the server is closing');
  });

  test('auth: who logged on and what protects the session, or why not', async () => {
    const { debug, lines } = linesOf('auth');
    const server = testServer({ debug });
    await RawClient.at(server);
    const wrong = new RawClient(server);
    await wrong.negotiate();
    await wrong.logOn('ann', 'not it');
    const whats = lines.map(({ what }) => what);
    deepStrictEqual(whats, ['session setup continues', 'logged on', 'session setup continues', 'logon failed', 'session setup failed']);
    const { user, mechanism, signing, encryption } = lines[1]?.fields ?? {};
    deepStrictEqual(
      { user, mechanism, signing, encryption },
      { user: 'ann', mechanism: 'ntlm', signing: 'possible', encryption: 'impossible' },
    );
    strictEqual(lines[3]?.fields['user'], 'ann');
    await server.close();
  });

  test('vfs: calls of the store with names and results, also of handles that were already open', async () => {
    const { debug, lines } = linesOf('rdma');
    const server = testServer({ debug });
    const client = await RawClient.at(server);
    const ids = idsOf(await client.create('a'));
    deepStrictEqual(lines, []);
    debug.toggle('vfs');
    await client.ask(writing(ids, Buffer.from('12345')));
    await client.ask(renaming(ids, 'b'));
    await client.create('none', { createDisposition: CreateDisposition.Open });
    const calls = lines.map(({ what, fields: { name, entry, to, length, result } }) => ({ what, name, entry, to, length, result }));
    const call = (more: object) => ({ name: '', entry: undefined, to: undefined, length: undefined, ...more });
    deepStrictEqual(
      calls.find(({ what }) => what === 'write'),
      call({ what: 'write', name: 'a', length: 5, result: 5 }),
    );
    deepStrictEqual(
      calls.find(({ what }) => what === 'rename'),
      call({ what: 'rename', name: 'a', to: 'b', result: 'done' }),
    );
    deepStrictEqual(calls.at(-1), call({ what: 'open', entry: 'none', result: 'ENOENT' }));
    await server.close();
  });

  test('oplock: granted, broken, acknowledged', async () => {
    const { debug, lines } = linesOf('oplock');
    const server = testServer({ debug });
    const client = await RawClient.at(server, 'share', 'ann', 'secret', Dialect.Smb21);
    const ids = idsOf(await client.create('a', { requestedOplockLevel: OplockLevel.Batch }));
    const other = await RawClient.at(server);
    other.sendFrame(other.encode([{ command: Command.Create, body: createBody('a') }]));
    const [broken] = (await client.next()) ?? [];
    strictEqual(broken?.header.command, Command.OplockBreak);
    await client.ask(acknowledging(ids, OplockLevel.Ii));
    deepStrictEqual(
      lines.map(({ what, fields }) => [what, fields['path'], fields['held'] ?? fields['to'] ?? fields['level']]),
      [
        ['granted', 'a', 'batch'],
        ['broken', 'a', 'levelII'],
        ['acknowledged', 'a', 'levelII'],
      ],
    );
    await server.close();
  });

  test('ipc: opened pipes', async () => {
    const { debug, lines } = linesOf('ipc');
    const server = testServer({ debug });
    const client = await RawClient.at(server, 'IPC$');
    await client.create('srvsvc');
    await client.create('winreg');
    deepStrictEqual(
      lines.map(({ what, fields }) => [what, fields['pipe']]),
      [
        ['pipe opened', 'srvsvc'],
        ['no such pipe', 'winreg'],
      ],
    );
    await server.close();
  });
});

test('all switches together never log a password, a hash, a token or a key', async () => {
  const { debug, lines } = linesOf();
  const log = fakeLog();
  const users = { ann: 'correct horse battery', bob: 'staple 4711' };
  const shares = { share: { vfs: createMemoryStore(), guest: true } };
  const server = testServer({ debug, log, shares, users, guest: true, anonymous: true, encryption: 'desired' });
  const secrets = new Map<string, string>();
  const keep = (name: string, bytes: Uint8Array): void => {
    if (bytes.length === 0) return; // a dialect without such a key
    for (const encoding of ['hex', 'base64', 'base64url', 'latin1'] as const)
      secrets.set(`${name} as ${encoding} (${secrets.size})`, Buffer.from(bytes).toString(encoding));
    secrets.set(`${name} as a list (${secrets.size})`, [...bytes].join(','));
  };
  const known = new Users('S-1-5-21-1-2-3');
  for (const [user, password] of Object.entries(users)) {
    secrets.set(`${user}'s password`, password);
    known.add(user, password);
    keep(`${user}'s hash`, known.hashOf(user) as Uint8Array);
  }
  for (const dialect of [Dialect.Smb21, Dialect.Smb302]) {
    for (const [user, password] of [...Object.entries(users), ['ann', 'wrong one'], ['nobody', 'guessed'], ['', '']] as const) {
      const client = new RawClient(server);
      await client.negotiate([dialect]);
      client.sendFrame = (message) => {
        keep('a token', SessionSetupRequest.read(new Frame(message), 0, message.length).securityBuffer);
        RawClient.prototype.sendFrame.call(client, message);
      };
      await client.logOn(user, password);
      client.sendFrame = RawClient.prototype.sendFrame;
      secrets.set(`what ${user} tried`, password === '' ? 'guessed' : password);
      const { sessionKey } = client;
      if (sessionKey !== undefined) {
        keep('a session key', sessionKey);
        const keys = sessionKeys(dialect, sessionKey, undefined);
        for (const [name, key] of Object.entries(keys)) keep(`the key ${name}`, key);
      }
      await client.connect('IPC$');
      await client.create('srvsvc');
      await client.connect('share');
      const made = await client.create('file', { createOptions: CreateOptions.DeleteOnClose });
      if (made.status !== 0) continue;
      const ids = idsOf(made);
      await client.ask(writing(ids, Buffer.from('the payload')));
      await client.ask(reading(ids, 20));
      await client.ask(disposing(ids, true));
      await client.ask(closing(ids));
      client.end();
    }
  }
  secrets.set('payload', 'the payload');
  secrets.set('payload as hex', Buffer.from('the payload').toString('hex'));
  const said = JSON.stringify([...lines, ...log.lines], (_name, value) => (typeof value === 'bigint' ? String(value) : value));
  ok(lines.length > 50);
  for (const word of ['smb', 'auth', 'vfs', 'ipc', 'conn']) ok(said.includes(`"debug":"${word}"`), word);
  for (const [name, secret] of secrets) ok(!said.toLowerCase().includes(secret.toLowerCase()), `${name} was logged`);
  await server.close();
});
