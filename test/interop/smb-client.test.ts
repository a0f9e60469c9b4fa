import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  Connection,
  type ConnectionOptions,
  connectTcp,
  createBody,
  encodeForFile,
  type LogonOptions,
  list,
  relatedFileId,
  type TreeConnect,
} from '@ring3/smb-client';
import {
  Cipher,
  CloseRequest,
  Command,
  CompletionFilter,
  CreateDisposition,
  CreateOptions,
  Dialect,
  FileInformationClass,
  FileStandardInformation,
  Fsctl,
  HeaderFlags,
  InfoType,
  LockFlags,
  NtStatus,
  SigningAlgorithm,
} from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import { need } from './programs.ts';
import { startRing3 } from './ring3.ts';
import { served } from './served.ts';
import { startSmbd } from './smbd.ts';

interface Server extends AsyncDisposable {
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/** The client is tested against Samba; ring3 must behave the same. */
const servers: [string, { skip?: string }, (folder: string) => Promise<Server>][] = [
  ['Samba', need('smbd'), startSmbd],
  ['ring3', {}, (folder) => startRing3(folder, ['--encryption', 'off'])],
];
for (const [name, options, start] of servers) describe(`our own client on ${name}`, options, () => judge(start));

function judge(start: (folder: string) => Promise<Server>): void {
  const stage = served(start);

  const onShare = async (
    use: (tree: TreeConnect) => Promise<void>,
    options: ConnectionOptions = {},
    logon: Partial<LogonOptions> = {},
  ): Promise<void> => {
    await using connection = await Connection.open(await connectTcp(stage.server.port), options);
    const session = await connection.logon({ user: stage.server.user, password: stage.server.password, ...logon });
    const tree = await session.connect('share');
    await use(tree);
    await tree.disconnect();
    await session.logoff();
  };

  const all: [string, ConnectionOptions, Partial<LogonOptions>][] = [
    ...Object.entries(Dialect)
      .filter(([name]) => name !== 'Wildcard')
      .map(([name, dialect]): (typeof all)[number] => [`${name}, signed`, { dialects: [dialect] }, { sign: true }]),
    ...Object.entries(SigningAlgorithm).map(([name, algorithm]): (typeof all)[number] => [
      `3.1.1 signed by ${name}`,
      { signingAlgorithms: [algorithm] },
      { sign: true },
    ]),
    ...Object.entries(Cipher).map(([name, cipher]): (typeof all)[number] => [
      `3.1.1 encrypted by ${name}`,
      { ciphers: [cipher] },
      { encrypt: true },
    ]),
    ['3.0 encrypted', { dialects: [Dialect.Smb30] }, { encrypt: true }],
    ['NTLM without SPNEGO', {}, { raw: true }],
  ];
  for (const [name, options, logon] of all) {
    test(`writes and reads: ${name}`, () =>
      onShare(
        async (tree) => {
          const open = await tree.create({ name: 'data', createDisposition: CreateDisposition.OverwriteIf });
          const data = Buffer.alloc(tree.connection.negotiated?.multiCredit === true ? 2 ** 20 : 65536, name);
          assert.equal(await open.write(0, [data.subarray(0, 1000), data.subarray(1000)]), data.length);
          assert.ok(Buffer.concat(await open.read(0, data.length)).equals(data));
          assert.deepEqual(await open.read(data.length, 10), []);
          assert.equal((await open.close(true)).endOfFile, BigInt(data.length));
        },
        options,
        logon,
      ));
  }

  test('lists, queries, renames, locks and deletes', () =>
    onShare(async (tree) => {
      await (await tree.createDirectory('folder')).close();
      for (let i = 0; i < 700; i++) {
        await (await tree.create({ name: `folder\\name-${i}`, createDisposition: CreateDisposition.Create })).close();
      }
      const names: string[] = [];
      for await (const { fileName } of list(tree, 'folder', 'name-*')) names.push(fileName);
      assert.equal(new Set(names).size, 700);

      const open = await tree.create({ name: 'folder\\name-0', desiredAccess: 0x001f01ff });
      await open.write(0, [Buffer.from('text')]);
      const standard = await open.queryInfo(InfoType.File, FileInformationClass.Standard);
      assert.equal(FileStandardInformation.read(new Frame(standard), 0).endOfFile, 4n);
      await open.lock([{ offset: 0n, length: 2n, flags: LockFlags.ExclusiveLock | LockFlags.FailImmediately }]);
      const other = await tree.create({ name: 'folder\\name-0' });
      await assert.rejects(other.read(0, 4), { status: NtStatus.FileLockConflict });
      await open.close();
      await other.close();
      for await (const { fileName } of list(tree, 'folder', 'name-*')) {
        await (
          await tree.create({ name: `folder\\${fileName}`, desiredAccess: 0x10000, createOptions: CreateOptions.DeleteOnClose })
        ).close();
      }
      await (await tree.create({ name: 'folder', desiredAccess: 0x10000, createOptions: CreateOptions.DeleteOnClose })).close();
    }));

  test('waits for a change and cancels; opens and closes in one compound; requests a resume key', () =>
    onShare(async (tree) => {
      const folderOpen = await tree.create({ name: '', desiredAccess: 0x81, createOptions: CreateOptions.DirectoryFile });
      const change = folderOpen.changeNotify(CompletionFilter.FileName);
      await change.pending;
      tree.connection.cancel(change);
      assert.equal((await change.reply).status, NtStatus.Cancelled);

      const exchanges = tree.connection.compound([
        tree.request(Command.Create, createBody({ name: 'data', createDisposition: CreateDisposition.OpenIf })),
        tree.request(Command.Close, encodeForFile(CloseRequest, relatedFileId, { flags: 0 }), { flags: HeaderFlags.RelatedOperations }),
      ]);
      for (const { reply } of exchanges) assert.equal((await reply).status, NtStatus.Success);

      const open = await tree.create({ name: 'data' });
      assert.equal((await open.ioctl(Fsctl.SrvRequestResumeKey, new Uint8Array(), 32)).length, 32);
      await open.close();
    }));

  test('accepts the final response of a reauthentication of the same session, and gets the status for a wrong password', async () => {
    await using connection = await Connection.open(await connectTcp(stage.server.port));
    const credentials = { user: stage.server.user, password: stage.server.password };
    const session = await connection.logon({ ...credentials, sign: true });
    await session.reauthenticate(credentials);
    await (await session.connect('share')).disconnect();
    await assert.rejects(connection.logon({ ...credentials, password: 'wrong' }), { status: NtStatus.LogonFailure });
  });
}
