import { deepStrictEqual, notStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import {
  CreateDisposition,
  CreateOptions,
  DispositionFlags,
  FileAttributes,
  FileDispositionInformationEx,
  FileFsAttributeInformation,
  FileInformationClass,
  FileLinkInformation,
  FileRenameInformationEx,
  FileStandardInformation,
  FileSystemAttributes,
  FsInformationClass,
  InfoType,
  NtStatus,
  QueryInfoResponse,
  ReadResponse,
  RenameFlags,
  ShareAccess,
} from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import { asking, closing, disposing, type Ids, idsOf, reading, renaming, setting, writing } from '../../testing/elements.ts';
import { RawClient, testServer } from '../../testing/raw-client.ts';

const { Delete, PosixSemantics, ForceImageSectionCheck, OnClose, IgnoreReadOnly } = DispositionFlags;
const disposingEx = (ids: Ids, flags: number) => {
  const frame = Frame.alloc(FileDispositionInformationEx.byteLength);
  FileDispositionInformationEx.write(frame, 0, { flags });
  return setting(ids, FileInformationClass.DispositionEx, frame.bytes);
};
const movingEx = (ids: Ids, fileName: string, flags: number) =>
  setting(ids, FileInformationClass.RenameEx, FileRenameInformationEx.encode({ flags, rootDirectory: 0n, fileName }).head);

const statusOf = async (client: RawClient, element: Parameters<RawClient['ask']>[0]): Promise<number> => (await client.ask(element)).status;
const opened = async (client: RawClient, name: string, more: Parameters<RawClient['create']>[1] = {}): Promise<Ids> =>
  idsOf(await client.create(name, more));
const exists = async (client: RawClient, name: string): Promise<number> => {
  const answer = await client.create(name, { createDisposition: CreateDisposition.Open });
  if (answer.status === NtStatus.Success) await client.ask(closing(idsOf(answer)));
  return answer.status;
};
const text = async (client: RawClient, ids: Ids): Promise<string> =>
  Buffer.concat((await client.ask(reading(ids, 100))).read(ReadResponse).data).toString();

test('POSIX_SEMANTICS: the name is deleted when the handle is closed, other opens keep the file (FILE_DISPOSITION_INFORMATION_EX)', async () => {
  const client = await RawClient.at(testServer());
  const other = await opened(client, 'file');
  const deleting = await opened(client, 'file');
  await client.ask(writing(other, 'data'));
  strictEqual(await statusOf(client, disposingEx(deleting, Delete | PosixSemantics)), NtStatus.Success);
  strictEqual(await exists(client, 'file'), NtStatus.DeletePending, 'until the handle is closed');
  await client.ask(closing(deleting));
  strictEqual(await exists(client, 'file'), NtStatus.ObjectNameNotFound);
  strictEqual(await text(client, other), 'data');
  strictEqual(await statusOf(client, writing(other, 'more')), NtStatus.Success);
  const standard = (await client.ask(asking(other, FileInformationClass.Standard))).read(QueryInfoResponse);
  const { numberOfLinks, deletePending } = FileStandardInformation.read(new Frame(Buffer.concat(standard.buffer)), 0);
  deepStrictEqual([numberOfLinks, deletePending], [0, 1]);
  const fresh = await opened(client, 'file', { createDisposition: CreateDisposition.Create });
  await client.ask(writing(fresh, 'new'));
  strictEqual(await statusOf(client, closing(other)), NtStatus.Success);
  strictEqual(await text(client, fresh), 'new', 'the last close of the former file deletes nothing');
  strictEqual(await exists(client, 'file'), NtStatus.Success);
});

test('without POSIX_SEMANTICS the name stays until the last close; the flag of one handle does not hold for another', async () => {
  const client = await RawClient.at(testServer());
  const other = await opened(client, 'file');
  const deleting = await opened(client, 'file');
  await client.ask(disposingEx(other, Delete | PosixSemantics));
  await client.ask(disposingEx(deleting, Delete));
  await client.ask(closing(deleting));
  strictEqual(await exists(client, 'file'), NtStatus.DeletePending);
  await client.ask(closing(other));
  strictEqual(await exists(client, 'file'), NtStatus.ObjectNameNotFound);
});

test('a disposition without DELETE clears the deletion of any open (MS-FSA 2.1.5.15.3)', async () => {
  const client = await RawClient.at(testServer());
  const one = await opened(client, 'file');
  const two = await opened(client, 'file');
  await client.ask(disposingEx(one, Delete | PosixSemantics));
  strictEqual(await statusOf(client, disposingEx(two, 0)), NtStatus.Success);
  await client.ask(closing(one));
  strictEqual(await exists(client, 'file'), NtStatus.Success);
});

test('ON_CLOSE sets and clears FILE_DELETE_ON_CLOSE of the handle: nothing is delete-pending before it is closed', async () => {
  const client = await RawClient.at(testServer());
  const set = await opened(client, 'set');
  strictEqual(await statusOf(client, disposingEx(set, Delete | OnClose)), NtStatus.Success);
  strictEqual(await exists(client, 'set'), NtStatus.Success);
  await client.ask(closing(set));
  strictEqual(await exists(client, 'set'), NtStatus.ObjectNameNotFound);
  const cleared = await opened(client, 'cleared', { createOptions: CreateOptions.DeleteOnClose });
  strictEqual(await statusOf(client, disposingEx(cleared, OnClose)), NtStatus.Success);
  await client.ask(closing(cleared));
  strictEqual(await exists(client, 'cleared'), NtStatus.Success);
  const other = await opened(client, 'both');
  const both = await opened(client, 'both');
  await client.ask(disposingEx(both, Delete | OnClose | PosixSemantics));
  await client.ask(closing(both));
  strictEqual(await exists(client, 'both'), NtStatus.ObjectNameNotFound);
  await client.ask(closing(other));
});

test('a read-only file is deleted with IGNORE_READONLY_ATTRIBUTE only; undefined flags are invalid (FILE_DISPOSITION_INFORMATION_EX)', async () => {
  const client = await RawClient.at(testServer());
  await client.ask(closing(await opened(client, 'file', { fileAttributes: FileAttributes.ReadOnly })));
  const file = await opened(client, 'file', { desiredAccess: 0x00010080 });
  strictEqual(await statusOf(client, disposingEx(file, Delete | PosixSemantics)), NtStatus.CannotDelete);
  strictEqual(await statusOf(client, disposingEx(file, Delete | 0x20)), NtStatus.InvalidParameter);
  strictEqual(await statusOf(client, disposingEx(file, 0x80000000)), NtStatus.InvalidParameter);
  strictEqual(await statusOf(client, disposingEx(file, Delete | ForceImageSectionCheck | IgnoreReadOnly)), NtStatus.Success);
  await client.ask(closing(file));
  strictEqual(await exists(client, 'file'), NtStatus.ObjectNameNotFound);
});

test('a directory is deleted with POSIX_SEMANTICS while another has it open, if it is empty', async () => {
  const client = await RawClient.at(testServer());
  const directory = { createOptions: CreateOptions.DirectoryFile };
  const other = await opened(client, 'dir', directory);
  const deleting = await opened(client, 'dir', directory);
  await client.ask(closing(await opened(client, 'dir\\file')));
  strictEqual(await statusOf(client, disposingEx(deleting, Delete | PosixSemantics)), NtStatus.DirectoryNotEmpty);
  const file = await opened(client, 'dir\\file');
  await client.ask(disposing(file, true));
  await client.ask(closing(file));
  strictEqual(await statusOf(client, disposingEx(deleting, Delete | PosixSemantics)), NtStatus.Success);
  await client.ask(closing(deleting));
  strictEqual(await exists(client, 'dir'), NtStatus.ObjectNameNotFound);
  await client.ask(closing(other));
});

test('FileRenameInformationEx: an open target is replaced with POSIX_SEMANTICS only, and its opens stay (MS-FSCC 2.4)', async () => {
  const client = await RawClient.at(testServer());
  const target = await opened(client, 'target');
  await client.ask(writing(target, 'old'));
  const file = await opened(client, 'file');
  await client.ask(writing(file, 'new'));
  const replace = RenameFlags.ReplaceIfExists;
  strictEqual(await statusOf(client, movingEx(file, 'target', 0)), NtStatus.ObjectNameCollision);
  strictEqual(await statusOf(client, movingEx(file, 'target', RenameFlags.PosixSemantics)), NtStatus.ObjectNameCollision);
  strictEqual(await statusOf(client, movingEx(file, 'target', replace)), NtStatus.AccessDenied);
  strictEqual(await statusOf(client, movingEx(file, 'target', replace | RenameFlags.PosixSemantics)), NtStatus.Success);
  strictEqual(await text(client, target), 'old');
  const found = await opened(client, 'target', { createDisposition: CreateDisposition.Open });
  strictEqual(await text(client, found), 'new');
  strictEqual(await exists(client, 'file'), NtStatus.ObjectNameNotFound);
  for (const ids of [target, file, found]) strictEqual(await statusOf(client, closing(ids)), NtStatus.Success);
  strictEqual(await exists(client, 'target'), NtStatus.Success);
});

test('FileRenameInformationEx: each flag is executed or rejected (MS-FSCC 2.4)', async () => {
  const client = await RawClient.at(testServer());
  await client.ask(closing(await opened(client, 'target', { fileAttributes: FileAttributes.ReadOnly })));
  const file = await opened(client, 'file');
  const { ReplaceIfExists, IgnoreReadOnlyAttribute, SuppressPinStateInheritance, SuppressStorageReserveInheritance } = RenameFlags;
  for (const resizing of [0x10, 0x20, 0x80, 0x100])
    strictEqual(await statusOf(client, movingEx(file, 'other', resizing)), NtStatus.NotSupported);
  for (const undefinedFlag of [0x200, 0x80000000])
    strictEqual(await statusOf(client, movingEx(file, 'other', undefinedFlag)), NtStatus.InvalidParameter);
  strictEqual(await statusOf(client, movingEx(file, 'target', ReplaceIfExists)), NtStatus.AccessDenied, 'it is read-only');
  strictEqual(await statusOf(client, movingEx(file, 'target', ReplaceIfExists | IgnoreReadOnlyAttribute)), NtStatus.Success);
  const pin = await statusOf(client, movingEx(file, 'pin', SuppressPinStateInheritance));
  strictEqual(pin, NtStatus.Success);
  strictEqual(await statusOf(client, movingEx(file, 'reserve', SuppressStorageReserveInheritance)), NtStatus.Success);
});

test('an empty directory is replaced by a directory with POSIX_SEMANTICS only (MS-FSA 2.1.5.15.11, decision 0074)', async () => {
  const client = await RawClient.at(testServer());
  const directory = { createOptions: CreateOptions.DirectoryFile };
  const { ReplaceIfExists: replace, PosixSemantics: posix } = RenameFlags;
  const from = await opened(client, 'from', directory);
  await client.ask(closing(await opened(client, 'from\\inside')));
  const empty = await opened(client, 'empty', directory);
  await client.ask(closing(await opened(client, 'full', directory)));
  await client.ask(closing(await opened(client, 'full\\kept')));
  const file = await opened(client, 'file');
  strictEqual((await client.ask(renaming(from, 'empty', 1))).status, NtStatus.AccessDenied);
  strictEqual(await statusOf(client, movingEx(from, 'empty', replace)), NtStatus.AccessDenied);
  strictEqual(await statusOf(client, movingEx(from, 'full', replace | posix)), NtStatus.DirectoryNotEmpty);
  strictEqual(await statusOf(client, movingEx(file, 'empty', replace | posix)), NtStatus.AccessDenied);
  strictEqual(await statusOf(client, movingEx(from, 'empty', replace | posix)), NtStatus.Success);
  strictEqual(await exists(client, 'empty\\inside'), NtStatus.Success);
  strictEqual(await exists(client, 'from'), NtStatus.ObjectNameNotFound);
  strictEqual(await exists(client, 'full\\kept'), NtStatus.Success);
  for (const ids of [from, empty, file]) strictEqual(await statusOf(client, closing(ids)), NtStatus.Success);
});

test('POSIX_SEMANTICS does not replace a target whose opens do not share deletion', async () => {
  const client = await RawClient.at(testServer());
  await opened(client, 'target', { shareAccess: ShareAccess.Read | ShareAccess.Write, desiredAccess: 3 });
  const file = await opened(client, 'file');
  const flags = RenameFlags.ReplaceIfExists | RenameFlags.PosixSemantics;
  strictEqual(await statusOf(client, movingEx(file, 'target', flags)), NtStatus.SharingViolation);
});

test('the volume reports FILE_SUPPORTS_POSIX_UNLINK_RENAME (MS-FSCC 2.5.1)', async () => {
  const client = await RawClient.at(testServer());
  const root = await opened(client, '');
  const answer = await client.ask(asking(root, FsInformationClass.Attribute, { infoType: InfoType.FileSystem }));
  const bytes = Buffer.concat(answer.read(QueryInfoResponse).buffer);
  const { fileSystemAttributes } = FileFsAttributeInformation.read(new Frame(bytes), 0, bytes.length);
  notStrictEqual(fileSystemAttributes & FileSystemAttributes.SupportsPosixUnlinkRename, 0);
});

test('a file with two names: the deleted name is removed, whichever open is closed last (MS-FSA 2.1.5.5)', async () => {
  for (const first of ['deleting', 'other'] as const) {
    const client = await RawClient.at(testServer());
    const made = await opened(client, 'one');
    await client.ask(
      setting(made, FileInformationClass.Link, FileLinkInformation.encode({ replaceIfExists: 0, rootDirectory: 0n, fileName: 'two' }).head),
    );
    await client.ask(closing(made));
    const deleting = await opened(client, 'one');
    const other = await opened(client, 'two');
    strictEqual(await statusOf(client, disposing(deleting, true)), NtStatus.Success);
    strictEqual(await exists(client, 'one'), NtStatus.DeletePending);
    strictEqual(await exists(client, 'two'), NtStatus.Success, 'the other name is not deleted');
    for (const ids of first === 'deleting' ? [deleting, other] : [other, deleting]) await client.ask(closing(ids));
    strictEqual(await exists(client, 'one'), NtStatus.ObjectNameNotFound);
    strictEqual(await exists(client, 'two'), NtStatus.Success);
  }
});
