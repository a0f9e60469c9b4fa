/** Events: who did what to a file, as an audit needs it. */
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import {
  AccessMask,
  Command,
  CreateDisposition,
  CreateOptions,
  encodeSecurityDescriptor,
  FileEndOfFileInformation,
  FileInformationClass,
  InfoType,
  NtStatus,
  SecurityInformation,
} from '@ring3/smb-proto';
import { createMemoryStore } from '@ring3/vfs';
import type { Server } from '../server/server.ts';
import { closing, disposing, idsOf, inherited, reading, renaming, setting, writing } from '../testing/elements.ts';
import { createBody, RawClient, testServer } from '../testing/raw-client.ts';
import type { ServerEvents } from './events.ts';

type Name = 'open' | 'write' | 'close' | 'delete' | 'rename' | 'security' | 'refused';
const names: readonly Name[] = ['open', 'write', 'close', 'delete', 'rename', 'security', 'refused'];

interface Seen {
  readonly what: Name;
  readonly [field: string]: unknown;
}

/** The events of files, in order, without the fields about the client. */
function listen(server: Server): { seen: Seen[]; actors: object[] } {
  const heard = { seen: [] as Seen[], actors: [] as object[] };
  for (const what of names) {
    server.events.on(what, (...[event]: ServerEvents[Name]) => {
      const { user, peer, session, ...rest } = event;
      heard.seen.push({ what, user, ...rest });
      heard.actors.push({ peer, session });
    });
  }
  return heard;
}

const made = { access: 0x001f01ff, action: 'created', kind: 'file' };

test('a file is opened, written, read, renamed and closed: the first write once, bytes at the close', async () => {
  const server = testServer();
  const { seen, actors } = listen(server);
  const client = await RawClient.at(server);
  const ids = idsOf(await client.create('a'));
  for (let i = 0; i < 3; i++) await client.ask(writing(ids, '12345'));
  await client.ask(reading(ids, 3));
  await client.ask(renaming(ids, 'b'));
  await client.ask(closing(ids));
  const file = { user: 'ann', share: 'share', path: 'a' };
  deepStrictEqual(seen, [
    { what: 'open', ...file, ...made },
    { what: 'write', ...file },
    { what: 'rename', ...file, to: 'b', how: 'rename' },
    { what: 'close', ...file, path: 'b', bytesRead: 3, bytesWritten: 15 },
  ]);
  strictEqual(new Set(actors.map((actor) => JSON.stringify(actor))).size, 1);
  deepStrictEqual(actors[0], { peer: server.connections.get(1)?.link.peer, session: client.sessionId });
  await server.close();
});

test('the disposition is that of the CREATE; another size is a change of data', async () => {
  const server = testServer();
  const { seen } = listen(server);
  const client = await RawClient.at(server);
  const { OpenIf, Open, OverwriteIf, Supersede } = CreateDisposition;
  for (const createDisposition of [OpenIf, Open, OverwriteIf, Supersede])
    await client.ask(closing(idsOf(await client.create('a', { createDisposition }))));
  const folder = idsOf(await client.create('d', { createOptions: CreateOptions.DirectoryFile }));
  await client.ask(closing(folder));
  deepStrictEqual(
    seen.filter(({ what }) => what === 'open').map((event) => [event['action'], event['kind']]),
    [
      ['created', 'file'],
      ['opened', 'file'],
      ['overwritten', 'file'],
      ['superseded', 'file'],
      ['created', 'folder'],
    ],
  );
  seen.length = 0;
  const ids = idsOf(await client.create('a'));
  const size = new Uint8Array(FileEndOfFileInformation.byteLength);
  size[0] = 100;
  strictEqual((await client.ask(setting(ids, FileInformationClass.EndOfFile, size))).status, NtStatus.Success);
  deepStrictEqual(seen.at(-1), { what: 'write', user: 'ann', share: 'share', path: 'a' });
  await server.close();
});

test('a deletion is reported when the file is deleted, with the client that requested it', async () => {
  const server = testServer();
  const { seen } = listen(server);
  const ann = await RawClient.at(server);
  const bob = await RawClient.at(server, 'share', 'bob', 'word');
  const [hers, his] = [idsOf(await ann.create('a')), idsOf(await bob.create('a'))];
  strictEqual((await ann.ask(disposing(hers, true))).status, NtStatus.Success);
  await ann.ask(closing(hers));
  strictEqual(
    seen.some((event) => event.what === 'delete'),
    false,
  );
  await bob.ask(closing(his));
  deepStrictEqual(seen.at(-1), { what: 'delete', user: 'ann', share: 'share', path: 'a' });
  seen.length = 0;
  await bob.ask(closing(idsOf(await bob.create('b', { createOptions: CreateOptions.DeleteOnClose }))));
  deepStrictEqual(seen.at(-1), { what: 'delete', user: 'bob', share: 'share', path: 'b' });
  const kept = idsOf(await bob.create('c'));
  await bob.ask(disposing(kept, true));
  await bob.ask(disposing(kept, false));
  await bob.ask(closing(kept));
  strictEqual(seen.at(-1)?.what, 'close');
  await server.close();
});

test('a deleted stream is reported with its name, a deleted file without one', async () => {
  const server = testServer();
  const { seen } = listen(server);
  const client = await RawClient.at(server);
  await client.ask(closing(idsOf(await client.create('a:s', { createOptions: CreateOptions.DeleteOnClose }))));
  deepStrictEqual(seen.at(-1), { what: 'delete', user: 'ann', share: 'share', path: 'a:s' });
  await server.close();
});

test('a denied request is reported with share and path: of a TREE_CONNECT, of a CREATE, of an open', async () => {
  const server = testServer({
    shares: {
      share: createMemoryStore(),
      look: { vfs: createMemoryStore(), readOnly: true },
      Mine: { vfs: createMemoryStore(), users: ['bob'] },
    },
  });
  const { seen } = listen(server);
  const client = await RawClient.at(server);
  await client.connect('mine');
  await client.connect('none');
  await client.connect('look');
  await client.create('new', { createDisposition: CreateDisposition.Create });
  await client.create('gone', { createDisposition: CreateDisposition.Open, desiredAccess: AccessMask.FileReadData });
  await client.connect('share');
  const ids = idsOf(await client.create('a', { desiredAccess: AccessMask.FileReadData }));
  await client.ask(writing(ids, 'no'));
  const refused = { user: 'ann', what: 'refused', status: NtStatus.AccessDenied };
  deepStrictEqual(
    seen.filter((event) => event.what === 'refused'),
    [
      { ...refused, share: 'Mine', path: '', command: 'TreeConnect' },
      { ...refused, share: 'look', path: 'new', command: 'Create' },
      { ...refused, share: 'share', path: 'a', command: 'Write' },
    ],
  );
  await server.close();
});

test('a failed CREATE is reported once, not for each related request of its chain', async () => {
  const server = testServer();
  const { seen } = listen(server);
  const client = await RawClient.at(server, 'look');
  const answers = await client.chain(
    { command: Command.Create, body: createBody('new', { createDisposition: CreateDisposition.Create }) },
    { ...closing(inherited), related: true },
  );
  deepStrictEqual(
    answers.map(({ status }) => status),
    [NtStatus.AccessDenied, NtStatus.AccessDenied],
  );
  strictEqual(seen.length, 1);
  await server.close();
});

test('a new descriptor is reported with the parts that were set', async () => {
  const server = testServer();
  const { seen } = listen(server);
  const client = await RawClient.at(server);
  const ids = idsOf(await client.create('a'));
  const buffer = encodeSecurityDescriptor({ control: 0, dacl: null });
  const more = { infoType: InfoType.Security, additionalInformation: SecurityInformation.Dacl };
  strictEqual((await client.ask(setting(ids, 0, buffer, more))).status, NtStatus.Success);
  deepStrictEqual(seen.at(-1), { what: 'security', user: 'ann', share: 'share', path: 'a', information: SecurityInformation.Dacl });
  await server.close();
});
