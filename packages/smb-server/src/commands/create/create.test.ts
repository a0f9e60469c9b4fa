import { deepEqual, equal } from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  AccessMask,
  CreateContextName,
  CreateDisposition,
  CreateOptions,
  CreateResponse,
  Dialect,
  FileAttributes,
  FileBasicInformation,
  FileInformationClass,
  NtStatus,
  OplockLevel,
} from '@ring3/smb-proto';
import { createMemoryStore, intercept } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import { closing, idsOf, opening, setting, writing } from '../../testing/elements.ts';
import { type Answer, RawClient, testServer } from '../../testing/raw-client.ts';

const { DirectoryFile, NonDirectoryFile, DeleteOnClose } = CreateOptions;
const { ReadOnly, Temporary } = FileAttributes;
const create = CreateDisposition.Create;
const open = CreateDisposition.Open;

const attributesOf = (client: RawClient, name: string): Promise<number> =>
  client.create(name, { createDisposition: open }).then((answer) => answer.read(CreateResponse).fileAttributes);

describe('CREATE that reconnects a durable open (MS-SMB2 3.3.5.9.7, 3.3.5.9.12)', () => {
  const context = (name: string, length: number) => ({ name, data: new Uint8Array(length) });
  const v1 = context(CreateContextName.DurableHandleReconnect, 16);
  const v2 = context(CreateContextName.DurableHandleReconnectV2, 36);
  const asks1 = context(CreateContextName.DurableHandleRequest, 16);
  const asks2 = context(CreateContextName.DurableHandleRequestV2, 32);

  for (const dialect of [Dialect.Smb202, Dialect.Smb21, Dialect.Smb302]) {
    test(`an open that is not there is not found, whatever the name is, at ${dialect.toString(16)}`, async () => {
      const client = await RawClient.at(testServer(), 'share', 'ann', 'secret', dialect);
      await client.create('there');
      for (const createContexts of [[v1], [v2], [asks1, v1], [v1, asks1]]) {
        for (const name of ['there', 'missing', '', 'a\\..\\b', '*']) {
          equal((await client.create(name, { createContexts })).status, NtStatus.ObjectNameNotFound, name);
        }
      }
      equal((await client.create('missing', { createDisposition: open })).status, NtStatus.ObjectNameNotFound, 'nothing was made');
      await client.connect('IPC$');
      equal((await client.create('srvsvc', { createContexts: [v1] })).status, NtStatus.ObjectNameNotFound);
    });
  }

  test('contexts of both versions exclude each other, and a request of version 2 its reconnect (3.3.5.9.6, 3.3.5.9.10)', async () => {
    const client = await RawClient.at(testServer());
    for (const createContexts of [
      [v1, v2],
      [v1, asks2],
      [asks1, v2],
      [asks1, asks2],
      [asks2, v2],
    ]) {
      equal((await client.create('file', { createContexts })).status, NtStatus.InvalidParameter);
    }
  });

  test('a request for a durable open is ignored without an oplock that keeps the handle', async () => {
    const client = await RawClient.at(testServer());
    for (const createContexts of [[asks1], [asks2]]) {
      const answer = await client.create('file', { createContexts });
      deepEqual([answer.status, answer.read(CreateResponse).createContexts], [NtStatus.Success, []]);
    }
  });
});

describe('file attributes (MS-FSCC 2.6)', () => {
  const ignored = [0x8000, 0x20000, 0x40000, 0x80000, 0x100000, 0x400000, 0x20000000];

  test('CREATE and SET_INFO take every attribute that is defined, and keep what a store without tiers can', async () => {
    const client = await RawClient.at(testServer());
    for (const attribute of [...ignored, 0x80020, 0x100022]) {
      const name = attribute.toString(16);
      const answer = await client.create(name, { createDisposition: create, fileAttributes: attribute });
      deepEqual([answer.status, answer.read(CreateResponse).fileAttributes], [NtStatus.Success, 0x20 | (attribute & 2)], name);
      const folder = { createDisposition: create, createOptions: DirectoryFile, fileAttributes: attribute };
      equal((await client.create(`folder ${name}`, folder)).status, NtStatus.Success, name);
      const information = Frame.alloc(FileBasicInformation.byteLength);
      const times = { creationTime: 0n, lastAccessTime: 0n, lastWriteTime: 0n, changeTime: 0n };
      FileBasicInformation.write(information, 0, { ...times, fileAttributes: attribute | FileAttributes.Hidden });
      equal((await client.ask(setting(idsOf(answer), FileInformationClass.Basic, information.bytes))).status, NtStatus.Success, name);
      equal((await attributesOf(client, name)) & ~0x20, FileAttributes.Hidden, name);
    }
  });

  test('CREATE rejects undefined attributes', async () => {
    const client = await RawClient.at(testServer());
    for (const attribute of [0x8, 0x40, 0x10000, 0x200000, 0x800000, 0x1000000, 0x40000000, 0x80000000]) {
      const { status } = await client.create('file', { fileAttributes: attribute | FileAttributes.Archive });
      equal(status, NtStatus.InvalidParameter, attribute.toString(16));
    }
  });
});

describe('CREATE with FILE_DELETE_ON_CLOSE (MS-FSA 2.1.5.1)', () => {
  test('needs DELETE among the requested rights', async () => {
    const client = await RawClient.at(testServer());
    for (const [desiredAccess, status] of [
      [AccessMask.FileReadData | AccessMask.FileWriteData, NtStatus.InvalidParameter],
      [AccessMask.GenericRead, NtStatus.InvalidParameter],
      [AccessMask.GenericWrite, NtStatus.InvalidParameter],
      [AccessMask.Delete, NtStatus.Success],
      [AccessMask.GenericAll, NtStatus.Success],
      [AccessMask.MaximumAllowed, NtStatus.InvalidParameter],
      [AccessMask.MaximumAllowed | AccessMask.Delete, NtStatus.Success],
    ] as const) {
      for (const createOptions of [DeleteOnClose, DeleteOnClose | DirectoryFile]) {
        const answer = await client.create('x', { desiredAccess, createOptions });
        equal(answer.status, status, desiredAccess.toString(16));
        if (answer.status === NtStatus.Success) await client.ask(closing(idsOf(answer)));
      }
    }
  });

  test('cannot delete a read-only file, nor create one (2.1.5.1.1, 2.1.5.1.2.1)', async () => {
    const client = await RawClient.at(testServer());
    for (const [name, createOptions] of [
      ['file', 0],
      ['folder', DirectoryFile],
      ['other::$INDEX_ALLOCATION', 0],
    ] as const) {
      const made = { createDisposition: create, createOptions: createOptions | DeleteOnClose, fileAttributes: ReadOnly };
      equal((await client.create(name, made)).status, NtStatus.CannotDelete, name);
      const answer = await client.create(name, { createDisposition: create, createOptions, fileAttributes: ReadOnly });
      equal(answer.status, NtStatus.Success, name);
      await client.ask(closing(idsOf(answer)));
      const opened = { createDisposition: open, createOptions: createOptions | DeleteOnClose, desiredAccess: AccessMask.Delete };
      equal((await client.create(name, opened)).status, NtStatus.CannotDelete, name);
    }
    const writes = { createDisposition: open, createOptions: DeleteOnClose, desiredAccess: AccessMask.Delete | AccessMask.FileWriteData };
    equal((await client.create('file', writes)).status, NtStatus.AccessDenied, 'data of a read-only file come first');
  });
});

test('CREATE with FILE_DIRECTORY_FILE and an option that only files have is an invalid parameter (MS-FSA 2.1.5.1)', async () => {
  const client = await RawClient.at(testServer());
  const { SequentialOnly, NoIntermediateBuffering, NoEaKnowledge, RandomAccess, DisallowExclusive, OpenNoRecall } = CreateOptions;
  for (const option of [SequentialOnly, NoIntermediateBuffering, NoEaKnowledge, RandomAccess, DisallowExclusive, OpenNoRecall]) {
    equal((await client.create('directory', { createOptions: DirectoryFile | option })).status, NtStatus.InvalidParameter, String(option));
  }
  const { WriteThrough, OpenForBackupIntent, OpenReparsePoint, SynchronousIoNonalert } = CreateOptions;
  const createOptions = DirectoryFile | WriteThrough | OpenForBackupIntent | OpenReparsePoint | SynchronousIoNonalert;
  equal((await client.create('directory', { createOptions })).status, NtStatus.Success);
});

describe('CREATE of a directory', () => {
  test('rejects FILE_ATTRIBUTE_TEMPORARY, and an open of an existing one ignores it (MS-FSA 2.1.5.1.1)', async () => {
    const client = await RawClient.at(testServer());
    for (const createDisposition of [create, CreateDisposition.OpenIf]) {
      const { status } = await client.create('d', { createDisposition, createOptions: DirectoryFile, fileAttributes: Temporary });
      equal(status, NtStatus.InvalidParameter);
    }
    equal((await client.create('d', { createOptions: DirectoryFile })).status, NtStatus.Success);
    equal((await client.create('d', { createOptions: DirectoryFile, fileAttributes: Temporary })).status, NtStatus.Success);
    equal((await client.create('f', { createDisposition: create, fileAttributes: Temporary })).status, NtStatus.Success);
  });

  test('is never overwritten or superseded (MS-FSA 2.1.5.1.2)', async () => {
    const client = await RawClient.at(testServer());
    await client.create('d', { createDisposition: create, createOptions: DirectoryFile });
    for (const createDisposition of [CreateDisposition.Supersede, CreateDisposition.Overwrite, CreateDisposition.OverwriteIf]) {
      equal((await client.create('d', { createDisposition })).status, NtStatus.ObjectNameCollision);
      equal((await client.create('d::$INDEX_ALLOCATION', { createDisposition })).status, NtStatus.ObjectNameCollision);
      equal((await client.create('', { createDisposition })).status, NtStatus.AccessDenied);
      equal((await client.create('d', { createDisposition, createOptions: NonDirectoryFile })).status, NtStatus.FileIsADirectory);
    }
  });

  test('by the stream type $INDEX_ALLOCATION, which has no data (MS-FSA 2.1.5.1)', async () => {
    const client = await RawClient.at(testServer());
    equal((await client.create('d::$INDEX_ALLOCATION', { createDisposition: create })).status, NtStatus.Success);
    equal((await attributesOf(client, 'd')) & FileAttributes.Directory, FileAttributes.Directory);
    equal((await client.create('e::$INDEX_ALLOCATION', { createOptions: NonDirectoryFile })).status, NtStatus.FileIsADirectory);
    equal((await client.create('d::$INDEX_ALLOCATION', { createOptions: NonDirectoryFile })).status, NtStatus.FileIsADirectory);
    equal((await client.create('e:x:$INDEX_ALLOCATION', { createDisposition: create })).status, NtStatus.InvalidParameter);
    await client.create('f');
    equal((await client.create('f::$INDEX_ALLOCATION')).status, NtStatus.NotADirectory);
  });
});

describe('the metadata in the response to a CREATE', () => {
  test('comes from the one question that the checks ask the store', async () => {
    let asked = 0;
    const counted = intercept(createMemoryStore(), () => void asked++, new Set(['stat']));
    const client = await RawClient.at(testServer({ shares: { share: counted } }));
    await client.ask(closing(idsOf(await client.create('file'))));
    asked = 0;
    await client.create('file');
    equal(asked, 1);
  });

  test('is that after the break of an oplock, during which the holder wrote (3.3.4.6)', async () => {
    const server = testServer();
    const [holder, other] = [await RawClient.at(server), await RawClient.at(server, 'share', 'bob', 'word')];
    const held = idsOf(await holder.create('file', { requestedOplockLevel: OplockLevel.Batch }));
    equal((await other.ask(opening('file'))).status, NtStatus.Pending);
    await holder.next(); // the break
    await holder.ask(writing(held, 'cached'));
    await holder.ask(closing(held));
    const opened = ((await other.next()) as Answer[])[0] as Answer;
    equal(opened.read(CreateResponse).endOfFile, 6n);
  });
});
