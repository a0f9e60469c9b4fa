import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AccessMask,
  ChangeNotifyRequest,
  ChangeNotifyResponse,
  CloseRequest,
  Command,
  CompletionFilter,
  CreateOptions,
  FileDispositionInformation,
  FileInformationClass,
  fileNotifications,
  LogoffRequest,
  NotifyAction,
  NtStatus,
  SetInfoRequest,
  TreeDisconnectRequest,
} from '@ring3/smb-proto';
import { createMemoryStore, withoutFeatures } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import { disposing, idsOf, writing } from '../testing/elements.ts';
import { type Answer, type Element, RawClient, testServer } from '../testing/raw-client.ts';

type Ids = { persistentFileId: number; volatileFileId: number };
const names = CompletionFilter.FileName | CompletionFilter.DirName;

const watching = (ids: Ids, { flags = 0, outputBufferLength = 1000, completionFilter = names } = {}): Element => ({
  command: Command.ChangeNotify,
  body: ChangeNotifyRequest.encode({ ...ids, flags, outputBufferLength, completionFilter }),
});
const closing = (ids: Ids): Element => ({ command: Command.Close, body: CloseRequest.encode({ flags: 0, ...ids }) });
const next = async (client: RawClient): Promise<Answer> => ((await client.next()) as Answer[])[0] as Answer;
function changesOf(answer: Answer): [number, string][] {
  assert.equal(answer.status, NtStatus.Success);
  const buffer = Buffer.concat(answer.read(ChangeNotifyResponse).buffer);
  return fileNotifications.read(new Frame(buffer), 0, buffer.length).map(({ action, fileName }) => [action, fileName]);
}

async function stage() {
  const server = testServer();
  const watcher = await RawClient.at(server);
  const other = await RawClient.at(server, 'share', 'bob', 'word');
  const folder = idsOf(await watcher.create('folder', { createOptions: CreateOptions.DirectoryFile }));
  return { server, watcher, other, folder };
}

test('CHANGE_NOTIFY on a file, without the right to list, or for more than MaxTransactSize fails (3.3.5.19)', async () => {
  const { watcher, folder } = await stage();
  const file = idsOf(await watcher.create('file'));
  assert.equal((await watcher.ask(watching(file))).status, NtStatus.InvalidParameter);
  assert.equal((await watcher.ask(watching(folder, { outputBufferLength: 65537 }))).status, NtStatus.InvalidParameter);
  const blind = { createOptions: CreateOptions.DirectoryFile, desiredAccess: AccessMask.FileReadAttributes };
  const unlisted = idsOf(await watcher.create('folder', blind));
  assert.equal((await watcher.ask(watching(unlisted))).status, NtStatus.AccessDenied);
});

test('changes in the directory are reported, of any client (3.3.4.1.3, MS-FSCC 2.7.1)', async () => {
  const { watcher, other, folder } = await stage();
  assert.equal((await watcher.ask(watching(folder))).status, NtStatus.Pending);
  await other.create('folder\\new');
  assert.deepEqual(changesOf(await next(watcher)), [[NotifyAction.Added, 'new']]);
});

test('a named stream that is added, written or removed completes the requests whose filter asks for it (2.2.35)', async () => {
  const { watcher, other, folder } = await stage();
  const watch = async (completionFilter: number): Promise<void> => {
    assert.equal((await watcher.ask(watching(folder, { completionFilter }))).status, NtStatus.Pending);
  };
  await other.create('folder\\file');
  await watch(CompletionFilter.StreamName);
  const stream = idsOf(await other.create('folder\\file:side'));
  assert.deepEqual(changesOf(await next(watcher)), [[NotifyAction.AddedStream, 'file:side']]);
  const again = idsOf(await watcher.create('folder', { createOptions: CreateOptions.DirectoryFile }));
  const asked = watching(again, { completionFilter: CompletionFilter.StreamSize | CompletionFilter.StreamWrite });
  assert.equal((await watcher.ask(asked)).status, NtStatus.Pending);
  await other.ask(writing(stream, 'data'));
  assert.deepEqual(changesOf(await next(watcher)), [[NotifyAction.ModifiedStream, 'file:side']]);
  await watch(CompletionFilter.StreamName);
  await other.ask(disposing(stream, true));
  await other.ask(closing(stream));
  assert.deepEqual(changesOf(await next(watcher)), [[NotifyAction.RemovedStream, 'file:side']]);
});

test('changes between two requests are kept for the next one (MS-FSA 2.1.5.11)', async () => {
  const { watcher, other, folder } = await stage();
  await watcher.ask(watching(folder));
  for (const name of ['a', 'b', 'c']) await other.create(`folder\\${name}`);
  assert.deepEqual(changesOf(await next(watcher)), [[NotifyAction.Added, 'a']]);
  assert.deepEqual(changesOf(await watcher.ask(watching(folder))), [
    [NotifyAction.Added, 'b'],
    [NotifyAction.Added, 'c'],
  ]);
});

test('more changes than the buffer holds complete with STATUS_NOTIFY_ENUM_DIR (3.3.5.19)', async () => {
  const { watcher, other, folder } = await stage();
  await watcher.ask(watching(folder, { outputBufferLength: 40 }));
  for (const name of ['a', 'b', 'c', 'd']) await other.create(`folder\\${name}`);
  await next(watcher);
  const answer = await watcher.ask(watching(folder, { outputBufferLength: 40 }));
  assert.equal(answer.status, NtStatus.NotifyEnumDir);
  assert.equal((await watcher.ask(watching(folder))).status, NtStatus.Pending, 'and then it starts again');
});

test('a watch of the tree reports changes below it, one of the directory does not (2.2.35)', async () => {
  const { watcher, other, folder } = await stage();
  const wide = idsOf(await watcher.create('folder', { createOptions: CreateOptions.DirectoryFile }));
  await other.create('folder\\below', { createOptions: CreateOptions.DirectoryFile });
  await watcher.ask(watching(wide, { flags: 1 }));
  await watcher.ask(watching(folder));
  await other.create('folder\\below\\deep');
  assert.deepEqual(changesOf(await next(watcher)), [[NotifyAction.Added, 'below\\deep']]);
  const answers = [await watcher.ask(closing(folder)), await next(watcher)];
  assert.deepEqual(answers.map(({ status }) => status).sort(), [NtStatus.Success, NtStatus.NotifyCleanup], 'it was still waiting');
});

test('a waiting request ends with NOTIFY_CLEANUP when its open, tree or session does (3.3.5.10, 3.3.5.8, 3.3.5.6)', async () => {
  const endings: ((ids: Ids) => Element)[] = [
    closing,
    () => ({ command: Command.TreeDisconnect, body: TreeDisconnectRequest.encode({}) }),
    () => ({ command: Command.Logoff, body: LogoffRequest.encode({}) }),
  ];
  for (const ending of endings) {
    const { watcher, folder } = await stage();
    await watcher.ask(watching(folder));
    const answers = [await watcher.ask(ending(folder)), await next(watcher)];
    const notified = answers.find(({ header }) => header.command === Command.ChangeNotify);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [NtStatus.Success, NtStatus.NotifyCleanup]);
    assert.equal(notified?.status, NtStatus.NotifyCleanup);
  }
});

test('a waiting request ends with DELETE_PENDING when its directory becomes delete-pending (MS-FSA 2.1.5.15.3)', async () => {
  const { watcher, other, folder } = await stage();
  await watcher.ask(watching(folder));
  const doomed = idsOf(await other.create('folder', { createOptions: CreateOptions.DirectoryFile }));
  const buffer = new Uint8Array(FileDispositionInformation.byteLength);
  FileDispositionInformation.write(new Frame(buffer), 0, { deletePending: 1 });
  const fileInfoClass = FileInformationClass.Disposition;
  const body = SetInfoRequest.encode({ ...doomed, infoType: 1, fileInfoClass, additionalInformation: 0, buffer });
  assert.equal((await other.ask({ command: Command.SetInfo, body })).status, NtStatus.Success);
  assert.equal((await next(watcher)).status, NtStatus.DeletePending);
  assert.equal((await watcher.ask(watching(folder))).status, NtStatus.DeletePending);
});

test('on a store that reports no changes the request fails with NOT_SUPPORTED (MS-SMB2 3.3.5.19)', async () => {
  const server = testServer({ shares: { share: withoutFeatures(createMemoryStore(), ['watch']) } });
  const watcher = await RawClient.at(server);
  const folder = idsOf(await watcher.create('folder', { createOptions: CreateOptions.DirectoryFile }));
  assert.equal((await watcher.ask(watching(folder))).status, NtStatus.NotSupported);
});
