import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fakeLog } from '@ring3/kit';
import {
  AccessMask,
  AceType,
  ChangeNotifyRequest,
  ChangeNotifyResponse,
  CloseFlags,
  CloseResponse,
  Command,
  CreateDisposition,
  CreateOptions,
  CreateResponse,
  Dialect,
  decodeSecurityDescriptor,
  encodeSecurityDescriptor,
  encodeSymbolicLink,
  FileAttributes,
  FileBasicInformation,
  FileDirectoryInformation,
  FileFsAttributeInformation,
  FileInformationClass,
  FileLinkInformation,
  FileRenameInformation,
  FileSystemAttributes,
  Fsctl,
  FsInformationClass,
  fileAllAccess,
  fileGenericRead,
  fileNotifications,
  fileStreams,
  NotifyAction,
  NtStatus,
  OplockLevel,
  QueryDirectoryResponse,
  QueryInfoResponse,
  SecurityControl,
  type SecurityDescriptor,
  ShareFlags,
  TreeConnectResponse,
} from '@ring3/smb-proto';
import { createMemoryStore, type Handle, type Vfs, withoutFeatures } from '@ring3/vfs';
import { Frame, linked } from '@ring3/wire';
import type { ShareOptions } from '../objects/share.ts';
import type { Server } from '../server/server.ts';
import type { SmbServerOptions } from '../server/smb-server-options.ts';
import { asking, closing, control, type Ids, idsOf, listing, setting, watching, writing } from '../testing/elements.ts';
import { type Answer, type Element, RawClient, testServer } from '../testing/raw-client.ts';

const { Success, AccessDenied, ObjectNameNotFound, ObjectPathNotFound, ObjectNameInvalid, NoSuchFile } = NtStatus;
const { Open, Create, OpenIf, OverwriteIf, Supersede } = CreateDisposition;
const folder = { createOptions: CreateOptions.DirectoryFile };
const { Hidden, Archive, ReadOnly } = FileAttributes;

/**
 * A share `tested` with these options in addition to `share`, of the same store without any; `ann` at the plain one, `bob` at the other.
 */
async function stage(options: Partial<ShareOptions>, more: Partial<SmbServerOptions> = {}, vfs: Vfs = createMemoryStore()) {
  const server = testServer({ ...more, shares: { share: vfs, tested: { vfs, ...options } } });
  const plain = await RawClient.at(server);
  const client = await RawClient.at(server, 'tested', 'bob', 'word', Dialect.Smb21);
  return { server, plain, client, vfs };
}

/** The status of a tree connect to `tested`. */
async function connecting(server: Server, user = 'bob', password = 'word'): Promise<number> {
  const client = new RawClient(server);
  await client.negotiate();
  await client.logOn(user, password);
  return (await client.connect('tested')).status;
}

async function made(client: RawClient, name: string, more: Parameters<RawClient['create']>[1] = {}): Promise<Ids> {
  const answer = await client.create(name, more);
  equal(answer.status, Success, name);
  return idsOf(answer);
}
/** Makes a file (or directory) and closes it. */
const touched = async (client: RawClient, name: string, more: Parameters<RawClient['create']>[1] = {}): Promise<void> =>
  void (await client.ask(closing(await made(client, name, more))));

/** Names and FileAttributes that a directory lists, without `.` and `..`. */
async function listed(client: RawClient, name = '', pattern = '*'): Promise<Map<string, number> | number> {
  const ids = await made(client, name, { ...folder, createDisposition: Open, desiredAccess: fileGenericRead });
  const found = new Map<string, number>();
  for (;;) {
    const answer = await client.ask(listing(ids, pattern, { fileInformationClass: FileInformationClass.Directory }));
    if (answer.status === NtStatus.NoMoreFiles) break;
    if (answer.status !== Success) return answer.status;
    const bytes = Buffer.concat(answer.read(QueryDirectoryResponse).buffer);
    for (const { fileName, fileAttributes } of linked(FileDirectoryInformation, 8).read(new Frame(bytes), 0, bytes.length)) {
      if (fileName !== '.' && fileName !== '..') found.set(fileName, fileAttributes);
    }
  }
  await client.ask(closing(ids));
  return found;
}
const names = async (client: RawClient, name = ''): Promise<string[]> =>
  [...((await listed(client, name)) as Map<string, number>).keys()].sort();

const information = (answer: Answer): Uint8Array => Buffer.concat(answer.read(QueryInfoResponse).buffer);
const renaming = (ids: Ids, fileName: string): Element =>
  setting(ids, FileInformationClass.Rename, FileRenameInformation.encode({ replaceIfExists: 1, rootDirectory: 0n, fileName }).head);
const linking = (ids: Ids, fileName: string): Element =>
  setting(ids, FileInformationClass.Link, FileLinkInformation.encode({ replaceIfExists: 0, rootDirectory: 0n, fileName }).head);

describe('access to a share (smb.conf(5), ksmbd.conf(5))', () => {
  /** The access of a user on a share with these options: nothing, read, or write. */
  async function access(options: Partial<ShareOptions>, user = 'ann', password = 'secret'): Promise<string> {
    const server = testServer({ guest: true, shares: { tested: { vfs: createMemoryStore(), ...options } } });
    const client = new RawClient(server);
    await client.negotiate();
    await client.logOn(user, password);
    if ((await client.connect('tested')).status === AccessDenied) return 'none';
    const { status } = await client.create('new');
    return status === Success ? 'write' : 'read';
  }
  const ann = ['ANN'];
  const cases: readonly (readonly [Partial<ShareOptions>, string])[] = [
    [{}, 'write'],
    [{ readOnly: true }, 'read'],
    [{ users: ['bob'] }, 'none'],
    [{ users: ann, invalidUsers: ann }, 'none'],
    [{ invalidUsers: ann, writers: ann }, 'none'],
    [{ invalidUsers: ['bob'] }, 'write'],
    [{ readOnly: true, writers: ann }, 'write'],
    [{ readOnly: true, writers: ['bob'] }, 'read'],
    [{ writers: ['bob'] }, 'write'],
    [{ users: ['bob'], writers: ann }, 'none'],
    [{ readers: ann }, 'read'],
    [{ readers: ann, writers: ann }, 'read'],
    [{ readOnly: true, readers: ann, writers: ann }, 'read'],
  ];
  for (const [options, expected] of cases) {
    test(`${JSON.stringify(options)} gives ann this access: ${expected}`, async () => equal(await access(options), expected));
  }

  test('a guest is not the user whose name it sends: it cannot write to a read-only share', async () => {
    const options = { guest: true, readOnly: true, writers: ['stranger'] };
    equal(await access(options, 'stranger', 'x'), 'read');
    equal(await access({ guest: true, invalidUsers: ['stranger'] }, 'stranger', 'x'), 'none');
    equal(await access({ guest: true, writers: ['stranger'] }, 'other', 'x'), 'write');
  });

  test('FileFsAttributeInformation reports a read-only volume to users without write access (MS-FSCC 2.5.1)', async () => {
    const vfs = createMemoryStore();
    const server = testServer({ shares: { tested: { vfs, readOnly: true, writers: ['ann'] } } });
    for (const [user, password, writes] of [
      ['ann', 'secret', true],
      ['bob', 'word', false],
    ] as const) {
      const client = await RawClient.at(server, 'tested', user, password);
      const ids = await made(client, '', { ...folder, desiredAccess: 0x80, createDisposition: Open });
      const bytes = information(await client.ask(asking(ids, FsInformationClass.Attribute, { infoType: 2 })));
      const { fileSystemAttributes } = FileFsAttributeInformation.read(new Frame(bytes), 0, bytes.length);
      equal((fileSystemAttributes & FileSystemAttributes.ReadOnlyVolume) === 0, writes, user);
    }
  });
});

describe('hidden dot files (ksmbd.conf(5), "hide dot files")', () => {
  const basic = async (client: RawClient, ids: Ids): Promise<number> =>
    FileBasicInformation.read(new Frame(information(await client.ask(asking(ids, FileInformationClass.Basic)))), 0).fileAttributes;
  const setAttributes = (ids: Ids, fileAttributes: number): Element => {
    const frame = Frame.alloc(FileBasicInformation.byteLength);
    FileBasicInformation.write(frame, 0, { creationTime: 0n, lastAccessTime: 0n, lastWriteTime: 0n, changeTime: 0n, fileAttributes });
    return setting(ids, FileInformationClass.Basic, frame.bytes);
  };

  test('a name that begins with a dot has the attribute in every response with attributes, and only through this share', async () => {
    const { plain, client } = await stage({ hideDotFiles: true });
    for (const name of ['.file', 'file', '.folder', '.file:stream']) await touched(plain, name, name === '.folder' ? folder : {});
    deepEqual(
      await listed(client),
      new Map([
        ['.file', Hidden | Archive],
        ['file', Archive],
        ['.folder', Hidden | FileAttributes.Directory],
      ]),
    );
    deepEqual(await listed(client, '', '.file'), new Map([['.file', Hidden | Archive]]));
    equal(((await listed(plain)) as Map<string, number>).get('.file'), Archive);
    for (const name of ['.file', '.folder', '.file:stream', 'file']) {
      const isHidden = name !== 'file';
      const answer = await client.create(name, { createDisposition: Open });
      const ids = idsOf(answer);
      equal((answer.read(CreateResponse).fileAttributes & Hidden) !== 0, isHidden, `CREATE ${name}`);
      equal(((await basic(client, ids)) & Hidden) !== 0, isHidden, `QUERY_INFO ${name}`);
      const closed = await client.ask(closing(ids, CloseFlags.PostqueryAttrib));
      equal((closed.read(CloseResponse).fileAttributes & Hidden) !== 0, isHidden, `CLOSE ${name}`);
    }
  });

  test('"." and ".." are not hidden', async () => {
    const { client } = await stage({ hideDotFiles: true });
    const ids = await made(client, '', { ...folder, createDisposition: Open });
    const answer = await client.ask(listing(ids, '*', { fileInformationClass: FileInformationClass.Directory }));
    const bytes = Buffer.concat(answer.read(QueryDirectoryResponse).buffer);
    for (const { fileAttributes } of linked(FileDirectoryInformation, 8).read(new Frame(bytes), 0, bytes.length))
      equal(fileAttributes, FileAttributes.Directory);
  });

  test('a client that writes back the attributes that it read does not hide the file for good: under another name it is shown again', async () => {
    const { client } = await stage({ hideDotFiles: true });
    const ids = await made(client, '.file', { fileAttributes: Hidden });
    equal(await basic(client, ids), Hidden | Archive);
    equal((await client.ask(setAttributes(ids, Hidden | Archive | ReadOnly))).status, Success);
    equal(await basic(client, ids), Hidden | Archive | ReadOnly);
    equal((await client.ask(renaming(ids, 'file'))).status, Success);
    equal(await basic(client, ids), Archive | ReadOnly);
  });

  test('a file with a stored hidden attribute stays hidden through a dot name, and clearing the attribute there changes nothing', async () => {
    const { client } = await stage({ hideDotFiles: true });
    const ids = await made(client, 'file', { fileAttributes: Hidden });
    await client.ask(renaming(ids, '.file'));
    await client.ask(setAttributes(ids, Archive));
    equal(await basic(client, ids), Hidden | Archive);
    await client.ask(renaming(ids, 'file'));
    equal(await basic(client, ids), Hidden | Archive);
    await client.ask(setAttributes(ids, Archive));
    equal(await basic(client, ids), Archive);
  });

  test('a dot file can be overwritten by a CREATE without the hidden attribute', async () => {
    const { client } = await stage({ hideDotFiles: true });
    await touched(client, '.file');
    for (const createDisposition of [OverwriteIf, Supersede]) await touched(client, '.file', { createDisposition });
    await touched(client, '.file', { createDisposition: OverwriteIf, fileAttributes: Hidden });
    const ids = await made(client, '.file', { createDisposition: Open });
    await client.ask(renaming(ids, 'file'));
    equal(await basic(client, ids), Archive);
  });
});

describe('vetoed names (ksmbd.conf(5), "veto files")', () => {
  const veto = ['.secret*', '*.tmp'];
  async function vetoed(more: Partial<ShareOptions> = {}, vfs?: Vfs) {
    const there = await stage({ veto, ...more }, {}, vfs);
    for (const name of ['.secrets', 'shown', 'shown\\.secret', 'only']) await touched(there.plain, name, folder);
    for (const name of ['a.TMP', 'file', '.secrets\\file', '.secrets\\other', 'shown\\file', 'only\\x.tmp'])
      await touched(there.plain, name);
    return there;
  }

  test('are not listed, by any pattern', async () => {
    const { client, plain } = await vetoed();
    deepEqual(await names(client), ['file', 'only', 'shown']);
    deepEqual(await names(client, 'shown'), ['file']);
    deepEqual(await names(client, 'only'), []);
    for (const pattern of ['a.TMP', 'A.tmp', '*.tmp', '.secrets', '.s*']) equal(await listed(client, '', pattern), NoSuchFile, pattern);
    deepEqual(await names(plain), ['.secrets', 'a.TMP', 'file', 'only', 'shown']);
  });

  test('are not opened, by any CREATE: the name does not exist, nor a path through it', async () => {
    const { client } = await vetoed();
    for (const createDisposition of Object.values(CreateDisposition)) {
      for (const name of ['a.tmp', 'A.TMP', 'a.tmp:stream', 'a.tmp::$DATA', 'new.tmp', 'shown\\new.tmp']) {
        equal((await client.create(name, { createDisposition })).status, ObjectNameNotFound, `${name} ${createDisposition}`);
      }
      equal((await client.create('.secrets\\file', { createDisposition })).status, ObjectPathNotFound);
      equal((await client.create('shown\\.SECRET\\x', { createDisposition })).status, ObjectPathNotFound);
      equal((await client.create('nowhere\\x.tmp', { createDisposition })).status, ObjectPathNotFound);
    }
    for (const createDisposition of [Open, Create, OpenIf]) {
      equal((await client.create('.secrets', { ...folder, createDisposition })).status, ObjectNameNotFound);
      equal((await client.create('.secret new', { ...folder, createDisposition })).status, ObjectNameNotFound);
    }
    const { DirectoryFile, OpenReparsePoint } = CreateOptions;
    equal((await client.create('.secrets', { createOptions: DirectoryFile | OpenReparsePoint })).status, ObjectNameNotFound);
  });

  test('cannot be the target of a rename or link, and nothing there is replaced', async () => {
    const { client, plain } = await vetoed();
    const ids = await made(client, 'file');
    for (const name of ['x.tmp', 'a.tmp', '.secrets', '\\x.TMP', 'shown\\.secret']) {
      equal((await client.ask(renaming(ids, name))).status, ObjectNameNotFound, name);
      equal((await client.ask(linking(ids, name))).status, ObjectNameNotFound, name);
    }
    equal((await client.ask(renaming(ids, '.secrets\\x'))).status, ObjectPathNotFound);
    equal((await client.ask(linking(ids, '.secrets\\x'))).status, ObjectPathNotFound);
    deepEqual(await names(plain, '.secrets'), ['file', 'other']);
    const moved = await made(client, 'shown', { ...folder, createDisposition: Open });
    equal((await client.ask(renaming(moved, 'x.tmp'))).status, ObjectNameNotFound);
  });

  test('keep a directory that holds nothing else from being deleted', async () => {
    const { client, plain } = await vetoed();
    const ids = await made(client, 'only', { ...folder, createDisposition: Open });
    equal((await client.ask(setting(ids, FileInformationClass.Disposition, Buffer.of(1)))).status, NtStatus.DirectoryNotEmpty);
    await client.ask(closing(ids));
    deepEqual(await names(plain, 'only'), ['x.tmp']);
  });

  test('are moved with their directory', async () => {
    const { client, plain } = await vetoed();
    const ids = await made(client, 'only', { ...folder, createDisposition: Open });
    equal((await client.ask(renaming(ids, 'elsewhere'))).status, Success);
    deepEqual(await names(plain, 'elsewhere'), ['x.tmp']);
  });

  const linkTo = async (client: RawClient, name: string, target: string): Promise<void> => {
    const ids = await made(client, name);
    const input = encodeSymbolicLink({ substituteName: target, printName: target, relative: true });
    equal((await client.ask(control(ids, Fsctl.SetReparsePoint, { input }))).status, Success);
    await client.ask(closing(ids));
  };

  test('are not reached through a link: its target does not exist', async () => {
    const { client, plain } = await vetoed();
    await linkTo(plain, 'to file', 'a.TMP');
    await linkTo(plain, 'to folder', '.secrets');
    await linkTo(client, 'made here', '.secrets\\file');
    await linkTo(plain, 'to shown', 'shown\\file');
    for (const name of ['to file', 'to folder', 'made here']) {
      equal((await client.create(name, { createDisposition: Open })).status, ObjectNameNotFound, name);
    }
    equal((await client.create('to folder\\file', { createDisposition: Open })).status, ObjectPathNotFound);
    equal((await client.create('to shown', { createDisposition: Open })).status, Success);
  });

  test('are not reached through a link of a store that does not know the path of its target: no link is followed', async () => {
    const { client, plain } = await vetoed({}, withoutFeatures(createMemoryStore(), ['path']));
    await linkTo(plain, 'to file', 'a.TMP');
    await linkTo(plain, 'to shown', 'shown\\file');
    for (const name of ['to file', 'to shown']) equal((await client.create(name, { createDisposition: Open })).status, AccessDenied);
    equal((await plain.create('to shown', { createDisposition: Open })).status, Success);
  });

  test('are not reported by CHANGE_NOTIFY: a rename to such a name is a removal, from one an addition', async () => {
    const { client, plain } = await vetoed();
    const ids = await made(client, '', { ...folder, createDisposition: Open, desiredAccess: fileGenericRead });
    const watching: Element = {
      command: Command.ChangeNotify,
      body: ChangeNotifyRequest.encode({ ...ids, flags: 1, outputBufferLength: 4096, completionFilter: 0xfff }),
    };
    const seen: [number, string][] = [];
    equal((await client.ask(watching)).status, NtStatus.Pending);
    await touched(plain, 'new.tmp');
    await touched(plain, '.secrets\\new');
    await plain.ask(writing(await made(plain, 'a.TMP'), 'changed'));
    const file = await made(plain, 'file');
    for (const name of ['.secret file', '.secrets\\inside', 'out again'])
      equal((await plain.ask(renaming(file, name))).status, Success, name);
    for (let answer = ((await client.next()) as Answer[])[0] as Answer; ; answer = await client.ask(watching)) {
      if (answer.status !== Success) break;
      const bytes = Buffer.concat(answer.read(ChangeNotifyResponse).buffer);
      for (const { action, fileName } of fileNotifications.read(new Frame(bytes), 0, bytes.length)) seen.push([action, fileName]);
    }
    deepEqual(
      seen.filter(([action]) => action !== NotifyAction.Modified),
      [
        [NotifyAction.Removed, 'file'],
        [NotifyAction.Added, 'out again'],
      ],
    );
    for (const [, name] of seen) ok(!/secret|tmp/i.test(name), name);
  });
});

describe('a forced user (ksmbd.conf(5), "force user")', () => {
  const ownerOf = async (client: RawClient, ids: Ids): Promise<string | undefined> =>
    decodeSecurityDescriptor(information(await client.ask(asking(ids, 0, { infoType: 3, additionalInformation: 1 })))).owner;

  test('owns what any user makes, and the files’ descriptors are checked for it', async () => {
    const { server, client, plain } = await stage({ forceUser: 'ANN' });
    const { sid } = server.users.identityOfUser('ann') as { sid: string };
    equal(await ownerOf(client, await made(client, 'file')), sid);
    equal(await ownerOf(client, await made(client, 'folder', folder)), sid);
    const hers = await made(plain, 'hers');
    const annAlone = [{ type: AceType.AccessAllowed, flags: 0, mask: fileAllAccess, sid }];
    const descriptor = encodeSecurityDescriptor({ control: 0, dacl: { revision: 2, aces: annAlone } });
    equal((await plain.ask(setting(hers, 0, descriptor, { infoType: 3, additionalInformation: 4 }))).status, Success);
    const bob = await RawClient.at(server, 'share', 'bob', 'word');
    equal((await bob.create('hers', { createDisposition: Open })).status, AccessDenied);
    equal((await client.create('hers', { createDisposition: Open })).status, Success);
  });

  test('is the user of the store’s calls', async () => {
    const vfs = createMemoryStore();
    const seen = new Set<string>();
    const watched: Vfs = {
      ...vfs,
      features: vfs.features,
      root: (who) => {
        seen.add(who.name);
        return vfs.root(who);
      },
      open: (dir, name, how, who, signal) => {
        seen.add(who.name);
        return vfs.open(dir, name, how, who, signal);
      },
    };
    const server = testServer({ shares: { tested: { vfs: watched, forceUser: 'ann' } } });
    const client = await RawClient.at(server, 'tested', 'bob', 'word');
    const ids = await made(client, 'file');
    await client.ask(renaming(ids, 'renamed'));
    await listed(client, '', 'renamed');
    deepEqual([...seen], ['ann']);
  });

  test('the share’s lists are checked for the user who logged on', async () => {
    const { server } = await stage({ forceUser: 'ann', users: ['ann'] });
    equal(await connecting(server), AccessDenied);
    equal(await connecting(server, 'ann', 'secret'), Success);
    const other = await stage({ forceUser: 'ann', readOnly: true, writers: ['bob'], invalidUsers: ['ann'] });
    await touched(other.client, 'new');
  });

  test('a guest acts as that user too', async () => {
    const { server } = await stage({ forceUser: 'ann', guest: true }, { guest: true });
    const guest = await RawClient.at(server, 'tested', 'stranger', 'x');
    equal(await ownerOf(guest, await made(guest, 'file')), server.users.identityOfUser('ann')?.sid);
  });

  test('if the user does not exist, all tree connects fail, and the log has the reason', async () => {
    const log = fakeLog();
    const { server } = await stage({ forceUser: 'nobody' }, { log });
    equal(await connecting(server), NtStatus.NoSuchUser);
    ok(log.lines.some(({ level, fields }) => level === 'warn' && fields?.['forceUser'] === 'nobody' && fields['share'] === 'tested'));
    server.users.add('nobody', 'x');
    equal(await connecting(server), Success);
  });
});

describe('no oplocks (ksmbd.conf(5), "oplocks")', () => {
  test('no oplock is granted or broken; those of other shares of the store are', async () => {
    const { client, server } = await stage({ oplocks: false });
    for (const requestedOplockLevel of [OplockLevel.Ii, OplockLevel.Exclusive, OplockLevel.Batch]) {
      const answer = await client.create(`file ${requestedOplockLevel}`, { requestedOplockLevel });
      equal(answer.read(CreateResponse).oplockLevel, OplockLevel.None);
    }
    const other = await RawClient.at(server, 'share', 'ann', 'secret', Dialect.Smb21);
    const answer = await other.create('theirs', { requestedOplockLevel: OplockLevel.Batch });
    equal(answer.read(CreateResponse).oplockLevel, OplockLevel.Batch);
    equal((await client.create('theirs')).status, NtStatus.Pending);
  });
});

describe('no streams', () => {
  test('a name with a colon is invalid, for CREATE and for renaming', async () => {
    const { client, plain } = await stage({ streams: false });
    await touched(plain, 'file:stream');
    for (const createDisposition of Object.values(CreateDisposition)) {
      for (const name of ['file:stream', 'file:new', 'file::$DATA', 'new:stream', ':stream', 'folder:$I30:$INDEX_ALLOCATION']) {
        equal((await client.create(name, { createDisposition })).status, ObjectNameInvalid, `${name} ${createDisposition}`);
      }
    }
    const ids = await made(client, 'file');
    equal((await client.ask(renaming(ids, ':other'))).status, ObjectNameInvalid);
    equal((await client.ask(renaming(ids, 'file:other'))).status, ObjectNameInvalid);
  });

  test('neither the volume nor a file reports streams', async () => {
    const { client, plain } = await stage({ streams: false });
    await touched(plain, 'file:stream');
    const streamsOf = async (who: RawClient): Promise<string[]> => {
      const ids = await made(who, 'file');
      const bytes = information(await who.ask(asking(ids, FileInformationClass.Stream)));
      return fileStreams.read(new Frame(bytes), 0, bytes.length).map(({ streamName }) => streamName);
    };
    deepEqual(await streamsOf(client), ['::$DATA']);
    deepEqual(await streamsOf(plain), ['::$DATA', ':stream:$DATA']);
    const hasStreams = async (who: RawClient): Promise<boolean> => {
      const ids = await made(who, 'file');
      const bytes = information(await who.ask(asking(ids, FsInformationClass.Attribute, { infoType: 2 })));
      const { fileSystemAttributes } = FileFsAttributeInformation.read(new Frame(bytes), 0, bytes.length);
      return (fileSystemAttributes & FileSystemAttributes.NamedStreams) !== 0;
    };
    equal(await hasStreams(client), false);
    equal(await hasStreams(plain), true);
  });

  test('an overwritten file loses the streams that others created, all the same (MS-FSA 2.1.5.1.2)', async () => {
    const { client, plain } = await stage({ streams: false });
    await touched(plain, 'file:stream');
    await touched(client, 'file', { createDisposition: OverwriteIf });
    equal((await plain.create('file:stream', { createDisposition: Open })).status, ObjectNameNotFound);
  });
});

describe('a maximum of connections (MS-SMB2 3.3.5.7)', () => {
  test('a tree connect beyond it is rejected, until another one ends in any way', async () => {
    const { server, client } = await stage({ maxConnections: 2 });
    const second = await RawClient.at(server, 'tested');
    equal(await connecting(server), NtStatus.RequestNotAccepted);
    await second.ask({ command: Command.TreeDisconnect, body: closing({ persistentFileId: 0, volatileFileId: 0 }).body });
    equal((await second.connect('tested')).status, NtStatus.RequestNotAccepted);
    second.end();
    const third = await RawClient.at(server, 'tested');
    equal((await third.create('file')).status, Success);
    equal((await client.connect('tested')).status, NtStatus.RequestNotAccepted);
    equal((await client.connect('share')).status, Success);
  });

  test('one session that connects twice counts twice', async () => {
    const { client } = await stage({ maxConnections: 2 });
    equal((await client.connect('TESTED')).status, Success);
    equal((await client.connect('tested')).status, NtStatus.RequestNotAccepted);
  });

  test('tree connects from before the share was replaced still count', async () => {
    const { server, vfs } = await stage({});
    server.shares.replace('TESTED', { vfs, maxConnections: 1 });
    equal(await connecting(server), NtStatus.RequestNotAccepted);
    server.shares.replace('tested', { vfs, maxConnections: 2 });
    equal(await connecting(server), Success);
    server.shares.replace('tested', { vfs, maxConnections: 0 });
    equal(await connecting(server), Success);
  });
});

describe('a share that is replaced while it is used', () => {
  test('applies its new options to new tree connects; existing ones keep theirs', async () => {
    const { server, client, vfs } = await stage({});
    const ids = await made(client, '.file');
    server.shares.replace('tested', { vfs, readOnly: true, veto: ['.*'], comment: 'other' });
    await touched(client, 'new');
    await client.ask(closing(ids));
    deepEqual(await names(client), ['.file', 'new']);
    const later = await RawClient.at(server, 'tested', 'bob', 'word');
    deepEqual(await names(later), ['new']);
    equal((await later.create('newer')).status, AccessDenied);
  });

  test('has one state of its files for both', async () => {
    const { server, client, vfs } = await stage({});
    await made(client, 'file', { shareAccess: 0 });
    server.shares.replace('tested', { vfs, hideDotFiles: true });
    const later = await RawClient.at(server, 'tested', 'bob', 'word');
    equal((await later.create('file')).status, NtStatus.SharingViolation);
  });
});

describe('hidden names, listings by access and notifications that are switched off', () => {
  test('names of `hide` are shown as hidden, in any case, and nothing is stored', async () => {
    const { client, plain } = await stage({ hide: ['*.tmp', 'private'] });
    for (const name of ['a.TMP', 'private', 'public']) await touched(client, name);
    const shown = (await listed(client)) as Map<string, number>;
    deepEqual(
      [...shown].filter(([, attributes]) => (attributes & Hidden) !== 0).map(([name]) => name),
      ['a.TMP', 'private'],
    );
    for (const attributes of ((await listed(plain)) as Map<string, number>).values()) equal(attributes & Hidden, 0);
  });

  /** Only ann may read it, or do less than read it. */
  const allowing = (user: string, mask: number) => ({
    control: SecurityControl.DaclProtected,
    dacl: { revision: 2, aces: [{ type: AceType.AccessAllowed, flags: 0, mask, sid: user }] },
  });

  test('access-based enumeration leaves out the entries that the user may not read (MS-SMB2 3.3.5.18)', async () => {
    const { server, client, plain, vfs } = await stage({ accessBasedEnumeration: true });
    const [ann, bob] = ['ann', 'bob'].map((name) => server.users.identityOfUser(name)!.sid) as [string, string];
    for (const name of ['mine', 'theirs', 'attributes only', 'by everybody']) await touched(plain, name);
    await touched(plain, 'their directory', folder);
    const root = (await vfs.root(server.users.identityOfUser('ann')!)) as Handle;
    const describe = async (name: string, descriptor: SecurityDescriptor): Promise<void> => {
      const how = { access: 'metadata', kind: 'any', disposition: 'open' } as const;
      const handle = (await vfs.open(root, name, how, server.users.identityOfUser('ann')!)) as Handle;
      await handle.setDescriptor!(encodeSecurityDescriptor(descriptor));
      await handle.close();
    };
    await describe('mine', allowing(bob, fileGenericRead));
    await describe('theirs', allowing(ann, fileAllAccess));
    await describe('attributes only', allowing(bob, AccessMask.FileReadAttributes | AccessMask.ReadControl));
    await describe('their directory', allowing(ann, fileAllAccess));
    deepEqual(await names(client), ['by everybody', 'mine']);
    deepEqual(await names(plain), ['attributes only', 'by everybody', 'mine', 'their directory', 'theirs']);
    const { shareFlags } = (await client.connect('tested')).read(TreeConnectResponse);
    equal(shareFlags & ShareFlags.AccessBasedDirectoryEnum, ShareFlags.AccessBasedDirectoryEnum);
  });

  test('without notifications CHANGE_NOTIFY is NOT_IMPLEMENTED, and NOT_SUPPORTED if the store has none (MS-SMB2 3.3.5.19)', async () => {
    const off = await stage({ changeNotify: false });
    const ids = await made(off.client, '', { ...folder, createDisposition: Open });
    equal((await off.client.ask(watching(ids))).status, NtStatus.NotImplemented);
    const { client } = await stage({}, {}, withoutFeatures(createMemoryStore(), ['watch']));
    const other = await made(client, '', { ...folder, createDisposition: Open });
    equal((await client.ask(watching(other))).status, NtStatus.NotSupported);
  });
});
