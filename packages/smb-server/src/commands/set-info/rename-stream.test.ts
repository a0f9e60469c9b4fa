import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@ring3/kit';
import {
  CreateDisposition,
  CreateOptions,
  FileBasicInformation,
  FileInformationClass,
  fileStreams,
  NtStatus,
  QueryInfoResponse,
  ReadResponse,
} from '@ring3/smb-proto';
import { createMemoryStore, withFaults, withoutFeatures } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import { asking, closing, type Ids, idsOf, reading, renaming, writing } from '../../testing/elements.ts';
import { RawClient, testServer } from '../../testing/raw-client.ts';

const opened = async (client: RawClient, name: string, more: Parameters<RawClient['create']>[1] = {}): Promise<Ids> =>
  idsOf(await client.create(name, more));
const statusOf = async (client: RawClient, element: Parameters<RawClient['ask']>[0]): Promise<number> => (await client.ask(element)).status;
const text = async (client: RawClient, name: string): Promise<string> => {
  const ids = await opened(client, name, { createDisposition: CreateDisposition.Open });
  const answer = await client.ask(reading(ids, 100));
  await client.ask(closing(ids));
  return answer.status === NtStatus.EndOfFile ? '' : Buffer.concat(answer.read(ReadResponse).data).toString();
};
/** Names and sizes of the streams of an open file. */
const streams = async (client: RawClient, ids: Ids): Promise<string[]> => {
  const bytes = Buffer.concat((await client.ask(asking(ids, FileInformationClass.Stream))).read(QueryInfoResponse).buffer);
  return fileStreams.read(new Frame(bytes), 0, bytes.length).map(({ streamName, streamSize }) => `${streamName} ${streamSize}`);
};

test('the default stream becomes a named one, and leaves an empty default stream (MS-FSA 2.1.5.15.11.1)', async () => {
  for (const [open, name] of [
    ['file::$DATA', ':side:$DATA'],
    ['file', ':side'],
  ] as const) {
    const client = await RawClient.at(testServer());
    const file = await opened(client, open);
    await client.ask(writing(file, 'data'));
    strictEqual(await statusOf(client, renaming(file, name)), NtStatus.Success);
    deepStrictEqual(await streams(client, file), ['::$DATA 0', ':side:$DATA 4']);
    strictEqual(await statusOf(client, writing(file, 'DA')), NtStatus.Success, 'the open is of the named stream now');
    strictEqual(await text(client, 'file:side'), 'DAta');
    strictEqual(await text(client, 'file'), '');
    strictEqual(await statusOf(client, closing(file)), NtStatus.Success);
    strictEqual(client.server.opens.size, 0);
    strictEqual(client.server.fileTotals.files, 0);
  }
});

test('a named stream becomes the default stream if that may be replaced (MS-FSA 2.1.5.15.11.1)', async () => {
  const client = await RawClient.at(testServer());
  const file = await opened(client, 'file');
  await client.ask(writing(file, 'old data'));
  const side = await opened(client, 'file:side');
  await client.ask(writing(side, 'new'));
  strictEqual(await statusOf(client, renaming(side, '::$DATA')), NtStatus.ObjectNameCollision);
  strictEqual(await statusOf(client, renaming(side, '::$DATA', 1)), NtStatus.InvalidParameter, 'the default stream is open');
  await client.ask(closing(file));
  strictEqual(await statusOf(client, renaming(side, '::$DATA', 1)), NtStatus.Success);
  deepStrictEqual(await streams(client, side), ['::$DATA 3']);
  strictEqual(await statusOf(client, writing(side, 'N')), NtStatus.Success);
  strictEqual(await text(client, 'file'), 'New');
  strictEqual(await statusOf(client, closing(side)), NtStatus.Success);
  strictEqual(client.server.fileTotals.files, 0);
});

test('a named stream that cannot become the default stream leaves its data and its times (MS-FSA 2.1.5.15.11.1)', async () => {
  const clock = new FakeClock();
  const fault = { call: 'copyRange', nth: 2, code: 'ENOSPC' } as const; // the first copy keeps the old data
  const client = await RawClient.at(testServer({ shares: { share: withFaults(createMemoryStore({ clock }), [fault]) } }));
  await client.ask(closing(await opened(client, 'file')));
  const side = await opened(client, 'file:side');
  await client.ask(writing(side, 'new'));
  const file = await opened(client, 'file', { createDisposition: CreateDisposition.Open });
  await client.ask(writing(file, 'old data'));
  await client.ask(closing(file));
  const times = async () => {
    const { buffer } = (await client.ask(asking(side, FileInformationClass.Basic))).read(QueryInfoResponse);
    return FileBasicInformation.read(new Frame(Buffer.concat(buffer)), 0);
  };
  const before = await times();
  clock.advance(60_000);
  strictEqual(await statusOf(client, renaming(side, '::$DATA', 1)), NtStatus.DiskFull);
  deepStrictEqual(await times(), before);
  deepStrictEqual(await streams(client, side), ['::$DATA 8', ':side:$DATA 3']);
  strictEqual(await text(client, 'file'), 'old data');
});

test('an existing stream is replaced only if requested, and not open (MS-FSA 2.1.5.15.11.1)', async () => {
  for (const from of ['file', 'file:one']) {
    const client = await RawClient.at(testServer());
    const source = await opened(client, from);
    await client.ask(writing(source, 'source'));
    const two = await opened(client, 'file:two');
    await client.ask(writing(two, '2'));
    strictEqual(await statusOf(client, renaming(source, ':TWO')), NtStatus.ObjectNameCollision);
    strictEqual(await statusOf(client, renaming(source, ':two', 1)), NtStatus.InvalidParameter);
    await client.ask(closing(two));
    strictEqual(await statusOf(client, renaming(source, ':two', 1)), NtStatus.Success);
    strictEqual(await text(client, 'file:two'), 'source');
  }
});

test('names and types that are invalid for a stream (MS-FSA 2.1.5.15.11.1)', async () => {
  const client = await RawClient.at(testServer());
  const table: readonly (readonly [string, number])[] = [
    [':', NtStatus.InvalidParameter],
    ['::', NtStatus.InvalidParameter],
    [':name:', NtStatus.InvalidParameter],
    [':a:b:c:d', NtStatus.InvalidParameter],
    [':a/b', NtStatus.InvalidParameter],
    [':a\\b:$DATA', NtStatus.InvalidParameter],
    [`:${'n'.repeat(256)}`, NtStatus.InvalidParameter],
    [':name:$INDEX_ALLOCATION', NtStatus.ObjectTypeMismatch],
    ['::$INDEX_ALLOCATION', NtStatus.ObjectTypeMismatch],
    [':name:$BITMAP', NtStatus.ObjectTypeMismatch],
  ];
  for (const open of ['file', 'file:side']) {
    const ids = await opened(client, open);
    for (const [name, status] of table) strictEqual(await statusOf(client, renaming(ids, name, 1)), status, `${open} to ${name}`);
    await client.ask(closing(ids));
  }
  const file = await opened(client, 'file');
  strictEqual(await statusOf(client, renaming(file, '::$DATA')), NtStatus.Success, 'it has this name');
  const directory = await opened(client, 'dir', { createOptions: CreateOptions.DirectoryFile });
  strictEqual(await statusOf(client, renaming(directory, ':name')), NtStatus.InvalidParameter);
  strictEqual(await statusOf(client, renaming(directory, ':name:$DATA')), NtStatus.ObjectTypeMismatch);
  const side = await opened(client, 'dir:side');
  strictEqual(await statusOf(client, renaming(side, '::$DATA', 1)), NtStatus.InvalidParameter, 'a directory has no default stream');
  strictEqual(await statusOf(client, renaming(side, ':other:$data')), NtStatus.Success);
  strictEqual(await statusOf(client, renaming(side, 'dir:other2')), NtStatus.InvalidParameter);
});

test('without streams, a rename to a stream name fails', async () => {
  const client = await RawClient.at(testServer({ shares: { share: withoutFeatures(createMemoryStore(), ['streams']) } }));
  strictEqual(await statusOf(client, renaming(await opened(client, 'file'), ':name')), NtStatus.ObjectNameInvalid);
});
