import { deepEqual, equal } from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  AccessMask,
  AceType,
  CreateContextName,
  CreateDisposition,
  CreateOptions,
  decodeSecurityDescriptor,
  encodeSecurityDescriptor,
  fileAllAccess,
  InfoType,
  NtStatus,
  QueryInfoResponse,
  SecurityInformation,
  WellKnownSid,
} from '@ring3/smb-proto';
import { createMemoryStore } from '@ring3/vfs';
import type { ShareOptions } from '../objects/share.ts';
import { asking, idsOf, setting } from '../testing/elements.ts';
import { RawClient, testServer } from '../testing/raw-client.ts';

const { Success, AccessDenied } = NtStatus;

describe('administrators of a share (MS-FSA 2.1.5.1, MS-LSAD 3.1.1.2.1)', () => {
  const { AccessSystemSecurity, ReadControl, WriteDac, WriteOwner, FileReadData, FileWriteData } = AccessMask;
  const { Owner, Dacl, Sacl } = SecurityInformation;
  const administrators = WellKnownSid.BuiltinAdministrators;

  /** A file and a directory whose descriptors grant no access, and clients of both users. */
  async function stage(options: Partial<ShareOptions>) {
    const server = testServer({ guest: true, shares: { tested: { vfs: createMemoryStore(), ...options } } });
    const [ann, bob] = [await RawClient.at(server, 'tested'), await RawClient.at(server, 'tested', 'bob', 'word')];
    const closed = { control: 0, owner: 'S-1-5-21-9-9-9-9', dacl: { revision: 2, aces: [] } };
    for (const [name, createOptions] of [
      ['file', 0],
      ['folder', CreateOptions.DirectoryFile],
    ] as const) {
      const data = encodeSecurityDescriptor({
        ...closed,
        owner: server.users.identityOf({ user: 'bob', guest: false, anonymous: false }).sid,
      });
      await bob.create(name, { createOptions, createContexts: [{ name: CreateContextName.SdBuffer, data }] });
    }
    const status = (client: RawClient, name: string, desiredAccess: number, createOptions = 0): Promise<number> =>
      client.create(name, { desiredAccess, createOptions, createDisposition: CreateDisposition.Open }).then((answer) => answer.status);
    return { server, ann, bob, status };
  }

  test('only an administrator opens a file for its system ACL', async () => {
    const { ann, bob, status } = await stage({ admins: ['ANN'] });
    equal(await status(ann, 'file', AccessSystemSecurity), Success);
    equal(await status(ann, 'file', AccessSystemSecurity | FileReadData), AccessDenied, 'the descriptor still counts');
    equal(await status(bob, 'file', AccessSystemSecurity), NtStatus.PrivilegeNotHeld);
    equal((await ann.create('new', { desiredAccess: AccessSystemSecurity | ReadControl })).status, Success);
    const plain = await stage({});
    equal(await status(plain.ann, 'file', AccessSystemSecurity), NtStatus.PrivilegeNotHeld);
  });

  test('an administrator takes ownership, and backs up and restores against the descriptor', async () => {
    const { ann, bob, status } = await stage({ admins: ['ann'] });
    const { OpenForBackupIntent, DirectoryFile } = CreateOptions;
    equal(await status(ann, 'file', WriteOwner), Success);
    equal(await status(bob, 'file', WriteOwner), AccessDenied);
    for (const right of [FileReadData, FileWriteData, WriteDac]) {
      equal(await status(ann, 'file', right), AccessDenied, 'without the intent');
      equal(await status(ann, 'file', right, OpenForBackupIntent), Success, right.toString(16));
      equal(await status(bob, 'file', right | WriteOwner, OpenForBackupIntent), AccessDenied);
    }
    const create = { createDisposition: CreateDisposition.Create, desiredAccess: FileReadData };
    equal((await ann.create('folder\\a', create)).status, AccessDenied);
    equal((await ann.create('folder\\a', { ...create, createOptions: OpenForBackupIntent })).status, Success);
    equal((await ann.create('folder\\b', { ...create, createOptions: OpenForBackupIntent | DirectoryFile })).status, Success);
  });

  test('the system ACL is kept and read, and any owner set', async () => {
    const { ann } = await stage({ admins: ['ann'] });
    const file = idsOf(await ann.create('own', { desiredAccess: AccessSystemSecurity | ReadControl | WriteDac | WriteOwner }));
    const sacl = { revision: 2, aces: [{ type: AceType.SystemAudit, flags: 0x80, mask: FileReadData, sid: WellKnownSid.Everyone }] };
    const set = (information: number, descriptor: Parameters<typeof encodeSecurityDescriptor>[0]): Promise<number> =>
      ann
        .ask(setting(file, 0, encodeSecurityDescriptor(descriptor), { infoType: InfoType.Security, additionalInformation: information }))
        .then((answer) => answer.status);
    equal(await set(Sacl, { control: 0, sacl }), Success);
    equal(await set(Owner, { control: 0, owner: 'S-1-5-21-1-2-3-4' }), Success);
    const answer = await ann.ask(asking(file, 0, { infoType: InfoType.Security, additionalInformation: Owner | Dacl | Sacl }));
    const read = decodeSecurityDescriptor(Buffer.concat(answer.read(QueryInfoResponse).buffer));
    deepEqual(
      [read.owner, read.sacl?.aces.map(({ sid, mask }) => [sid, mask])],
      ['S-1-5-21-1-2-3-4', [[WellKnownSid.Everyone, FileReadData]]],
    );
  });

  test('an administrator belongs to BUILTIN\\Administrators, also as a forced user; a guest never does', async () => {
    const aces = [{ type: AceType.AccessAllowed, flags: 0, mask: fileAllAccess, sid: administrators }];
    for (const options of [{ admins: ['ann'] }, { admins: ['ann'], forceUser: 'bob' }]) {
      const { ann, status } = await stage(options);
      const data = encodeSecurityDescriptor({ control: 0, dacl: { revision: 2, aces } });
      equal((await ann.create('theirs', { createContexts: [{ name: CreateContextName.SdBuffer, data }] })).status, Success);
      equal(await status(ann, 'theirs', FileReadData), Success);
    }
    const { server } = await stage({ admins: ['stranger', 'ann'], guest: true });
    const guest = await RawClient.at(server, 'tested', 'stranger', 'x');
    equal((await guest.create('file', { desiredAccess: AccessSystemSecurity })).status, NtStatus.PrivilegeNotHeld);
  });

  test('a share that can only be read stays so', async () => {
    const { ann } = await stage({ admins: ['ann'], readers: ['ann'] });
    const { status } = await ann.create('file', { desiredAccess: FileWriteData, createOptions: CreateOptions.OpenForBackupIntent });
    equal(status, AccessDenied);
  });
});

test('users of a share are compared without case by the table of file names (MS-UCODEREF 3.1.5.3)', async () => {
  const server = testServer({
    users: { jürgen: 'secret' },
    shares: { tested: { vfs: createMemoryStore(), users: ['JÜRGEN'] }, other: { vfs: createMemoryStore(), users: ['STRASSE'] } },
  });
  const client = new RawClient(server);
  await client.negotiate();
  equal((await client.logOn('Jürgen', 'secret')).status, Success);
  equal((await client.connect('tested')).status, Success);
  equal((await client.connect('other')).status, AccessDenied);
  equal(server.users.hashOf('straße'), undefined);
});
