import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import {
  AccessMask,
  type Ace,
  AceFlags,
  AceType,
  Command,
  CreateContextName,
  CreateDisposition,
  CreateOptions,
  decodeSecurityDescriptor,
  encodeSecurityDescriptor,
  fileAllAccess,
  fileGenericRead,
  NtStatus,
  QueryInfoRequest,
  QueryInfoResponse,
  SecurityControl,
  type SecurityDescriptor,
  SecurityInformation,
  SetInfoRequest,
} from '@ring3/smb-proto';
import { createMemoryStore, expectAnswer, type Identity } from '@ring3/vfs';
import { idsOf } from '../testing/elements.ts';
import { RawClient, testServer } from '../testing/raw-client.ts';

type Ids = { persistentFileId: number; volatileFileId: number };
const { Group, Owner, Dacl } = SecurityInformation;
const allow = (sid: string, mask: number, flags = 0): Ace => ({ type: AceType.AccessAllowed, flags, mask, sid });
const listOf = (...aces: Ace[]): SecurityDescriptor => ({ control: 0, dacl: { revision: 2, aces } });

async function get(client: RawClient, ids: Ids, additionalInformation = Owner | Dacl): Promise<SecurityDescriptor> {
  const asked = {
    infoType: 3,
    fileInfoClass: 0,
    outputBufferLength: 4096,
    additionalInformation,
    flags: 0,
    input: new Uint8Array(0),
  };
  const answer = await client.ask({ command: Command.QueryInfo, body: QueryInfoRequest.encode({ ...ids, ...asked }) });
  return decodeSecurityDescriptor(new Uint8Array(Buffer.concat(answer.read(QueryInfoResponse).buffer)));
}
async function set(client: RawClient, ids: Ids, descriptor: SecurityDescriptor, additionalInformation: number = Dacl): Promise<number> {
  const given = { infoType: 3, fileInfoClass: 0, additionalInformation, buffer: encodeSecurityDescriptor(descriptor) };
  return (await client.ask({ command: Command.SetInfo, body: SetInfoRequest.encode({ ...ids, ...given }) })).status;
}

test('a new file belongs to its creator, and every user of the share has access, until a descriptor is set', async () => {
  const server = testServer();
  const ann = await RawClient.at(server);
  const file = idsOf(await ann.create('file'));
  const { owner, dacl } = await get(ann, file);
  strictEqual(owner, [...server.sessions.values()][0]?.identity.sid);
  deepStrictEqual(dacl?.aces, [allow('S-1-1-0', fileAllAccess, AceFlags.Inherited)]);
  const bob = await RawClient.at(server, 'share', 'bob', 'word');
  strictEqual((await bob.create('file')).status, NtStatus.Success);
});

test('rights that the descriptor does not grant are denied at CREATE, also to the owner except for reading and changing the descriptor (MS-DTYP 2.5.3.2)', async () => {
  const server = testServer();
  const ann = await RawClient.at(server);
  const bob = await RawClient.at(server, 'share', 'bob', 'word');
  const sid = [...server.sessions.values()][0]?.identity.sid as string;
  const file = idsOf(await ann.create('file'));
  strictEqual(await set(ann, file, listOf(allow(sid, AccessMask.FileReadData))), NtStatus.Success);
  const open = (client: RawClient, desiredAccess: number) =>
    client.create('file', { desiredAccess, createDisposition: CreateDisposition.Open }).then(({ status }) => status);
  strictEqual(await open(ann, AccessMask.FileReadData), NtStatus.Success);
  strictEqual(await open(ann, AccessMask.FileWriteData), NtStatus.AccessDenied);
  strictEqual(await open(ann, AccessMask.WriteDac), NtStatus.Success);
  strictEqual(await open(bob, AccessMask.FileReadData), NtStatus.AccessDenied);
  strictEqual(await open(bob, AccessMask.WriteDac), NtStatus.AccessDenied);
  strictEqual(await open(bob, AccessMask.FileReadAttributes), NtStatus.Success, 'the folder may be listed (MS-FSA 2.1.5.1.2.1)');
  strictEqual(await open(bob, AccessMask.Delete), NtStatus.Success, 'the folder gives FILE_DELETE_CHILD');
});

test('a directory whose descriptor allows no new files gets none, and its inheritable entries are inherited (MS-DTYP 2.5.3.4)', async () => {
  const server = testServer();
  const ann = await RawClient.at(server);
  const everyone = (mask: number, flags = 0) => allow('S-1-1-0', mask, flags);
  const folder = idsOf(await ann.create('folder', { createOptions: CreateOptions.DirectoryFile }));
  const inherits = AceFlags.ObjectInherit | AceFlags.ContainerInherit;
  strictEqual(await set(ann, folder, listOf(everyone(AccessMask.GenericRead, inherits), everyone(fileAllAccess))), NtStatus.Success);
  deepStrictEqual((await get(ann, folder)).dacl?.aces[0], everyone(fileGenericRead, inherits), 'generic rights are mapped when set');
  const child = idsOf(await ann.create('folder\\child'));
  deepStrictEqual((await get(ann, child)).dacl?.aces, [everyone(fileGenericRead)], 'not marked: the folder does not inherit automatically');
  const automatic = SecurityControl.DaclAutoInherited | SecurityControl.DaclAutoInheritReq;
  await set(ann, folder, { ...listOf(everyone(fileAllAccess, inherits)), control: automatic });
  const marked = idsOf(await ann.create('folder\\marked'));
  deepStrictEqual((await get(ann, marked)).dacl?.aces, [everyone(fileAllAccess, AceFlags.Inherited)]);
  await set(ann, folder, listOf(everyone(fileAllAccess & ~AccessMask.FileAddFile)));
  strictEqual((await ann.create('folder\\more')).status, NtStatus.AccessDenied);
  strictEqual((await ann.create('folder\\more', { createOptions: CreateOptions.DirectoryFile })).status, NtStatus.Success);
});

test('a CREATE may carry the descriptor; a malformed one creates nothing (3.3.5.9.2)', async () => {
  const client = await RawClient.at(testServer());
  const data = encodeSecurityDescriptor(listOf(allow('S-1-1-0', AccessMask.FileReadData)));
  const made = await client.create('own', { createContexts: [{ name: CreateContextName.SdBuffer, data }] });
  deepStrictEqual((await get(client, idsOf(made))).dacl?.aces, [allow('S-1-1-0', AccessMask.FileReadData)]);
  for (let length = 0; length < data.length; length++) {
    const createContexts = [{ name: CreateContextName.SdBuffer, data: data.subarray(0, length) }];
    strictEqual((await client.create('none', { createContexts })).status, NtStatus.InvalidParameter, `${length} bytes`);
  }
  strictEqual((await client.create('none', { createDisposition: CreateDisposition.Open })).status, NtStatus.ObjectNameNotFound);
});

test('owner, group and mode that a Linux client sends as SIDs are those of the new file or directory (idsfromsid, modefromsid)', async () => {
  const client = await RawClient.at(testServer());
  const given = {
    ...listOf(allow('S-1-5-88-3-488', 0), allow('S-1-5-88-1-1001', fileAllAccess), allow('S-1-5-11', fileAllAccess)),
    owner: 'S-1-5-88-1-1000',
    group: 'S-1-5-88-2-1001',
  };
  const data = encodeSecurityDescriptor(given);
  for (const [name, createOptions] of [
    ['file', 0],
    ['directory', CreateOptions.DirectoryFile],
  ] as const) {
    const made = await client.create(name, { createOptions, createContexts: [{ name: CreateContextName.SdBuffer, data }] });
    const { owner, group, dacl } = await get(client, idsOf(made), Owner | Group | Dacl);
    deepStrictEqual([owner, group, dacl?.aces], [given.owner, given.group, given.dacl?.aces]);
  }
});

test('only the user’s own SIDs can become owner, and only with the right WRITE_OWNER (MS-FSA 2.1.5.17)', async () => {
  const client = await RawClient.at(testServer());
  const file = idsOf(await client.create('file'));
  strictEqual(await set(client, file, { control: 0, owner: 'S-1-5-18' }, Owner), NtStatus.InvalidOwner);
  const reader = idsOf(await client.create('file', { desiredAccess: AccessMask.ReadControl }));
  strictEqual(await set(client, reader, listOf(), Dacl), NtStatus.AccessDenied);
});

test('an entry that another program made inherits the descriptor of its directory, as if a client had made it', async () => {
  const store = createMemoryStore();
  const server = testServer({ shares: { share: store } });
  const ann = await RawClient.at(server);
  const bob = await RawClient.at(server, 'share', 'bob', 'word');
  const sid = [...server.sessions.values()][0]?.identity.sid as string;
  const inherits = AceFlags.ObjectInherit | AceFlags.ContainerInherit;
  const folder = idsOf(await ann.create('mine', { createOptions: CreateOptions.DirectoryFile }));
  await set(ann, folder, listOf(allow(sid, fileAllAccess, inherits)));
  const program: Identity = { name: 'program', sid: 'S-1-5-18', groups: [], guest: false };
  const root = expectAnswer(await store.root(program), 'root');
  const mine = expectAnswer(await store.open(root, 'mine', { access: 'metadata', kind: 'folder', disposition: 'open' }, program), 'mine');
  const how = { access: 'metadata', disposition: 'create' } as const;
  const below = expectAnswer(await store.open(mine, 'below', { ...how, kind: 'folder' }, program), 'below');
  expectAnswer(await store.open(below, 'file', { ...how, kind: 'file' }, program), 'file');
  const desiredAccess = AccessMask.FileReadData;
  strictEqual((await bob.create('mine\\below\\file', { desiredAccess })).status, NtStatus.AccessDenied);
  strictEqual((await bob.create('mine\\below\\new')).status, NtStatus.AccessDenied);
  const read = await ann.create('mine\\below\\file', { desiredAccess: desiredAccess | AccessMask.ReadControl });
  deepStrictEqual((await get(ann, idsOf(read))).dacl?.aces, [allow(sid, fileAllAccess)]);
});

test('a symbolic link does not bypass the descriptor of its target’s directory', async () => {
  const store = createMemoryStore();
  const server = testServer({ shares: { share: store } });
  const ann = await RawClient.at(server);
  const bob = await RawClient.at(server, 'share', 'bob', 'word');
  const sid = [...server.sessions.values()][0]?.identity.sid as string;
  const folder = idsOf(await ann.create('mine', { createOptions: CreateOptions.DirectoryFile }));
  await set(ann, folder, listOf(allow(sid, fileAllAccess, AceFlags.ObjectInherit | AceFlags.ContainerInherit)));
  const program: Identity = { name: 'program', sid: 'S-1-5-18', groups: [], guest: false };
  const root = expectAnswer(await store.root(program), 'root');
  const mine = expectAnswer(await store.open(root, 'mine', { access: 'metadata', kind: 'folder', disposition: 'open' }, program), 'mine');
  const how = { access: 'metadata', disposition: 'create' } as const;
  expectAnswer(await store.open(mine, 'file', { ...how, kind: 'file' }, program), 'file');
  const below = expectAnswer(await store.open(mine, 'below', { ...how, kind: 'folder' }, program), 'below');
  expectAnswer(await store.open(below, 'deep', { ...how, kind: 'file' }, program), 'deep');
  for (const [name, target] of [
    ['to-file', 'mine/file'],
    ['to-folder', 'mine/below'],
  ] as const) {
    expectAnswer(await store.open(root, name, { ...how, kind: 'link', target }, program), name);
  }
  const open = (client: RawClient, name: string) =>
    client.create(name, { desiredAccess: AccessMask.FileReadData, createDisposition: CreateDisposition.Open }).then(({ status }) => status);
  for (const name of ['to-file', 'to-folder\\deep']) {
    strictEqual(await open(ann, name), NtStatus.Success, name);
    strictEqual(await open(bob, name), NtStatus.AccessDenied, name);
  }
});
