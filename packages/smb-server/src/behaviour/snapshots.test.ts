import { deepEqual, equal } from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  AccessMask,
  CreateContextName,
  CreateDisposition,
  CreateOptions,
  CreateResponse,
  FileAllInformation,
  FileInformationClass,
  FileNamesInformation,
  Fsctl,
  fileAllAccess,
  fileGenericRead,
  filetimeFromMs,
  IoctlResponse,
  NtStatus,
  QueryDirectoryResponse,
  QueryInfoResponse,
  ReadResponse,
  SrvSnapshotArray,
  TimewarpToken,
} from '@ring3/smb-proto';
import { createMemoryStore, type Handle, type Vfs } from '@ring3/vfs';
import { encode, Frame, linked } from '@ring3/wire';
import { isSnapshotToken, type Snapshots, snapshotToken } from '../objects/snapshots.ts';
import { asking, closing, control, disposing, type Ids, idsOf, listing, reading, renaming, setting, writing } from '../testing/elements.ts';
import { RawClient, testServer } from '../testing/raw-client.ts';

const { Success, MediaWriteProtected, ObjectNameNotFound } = NtStatus;
const { Open, Create, OpenIf, Overwrite } = CreateDisposition;
const who = { name: 'ann', sid: 'S-1-5-21-1-2-3-1000', groups: [], guest: false };
const times = ['2026-11-30T08:00:00Z', '2026-11-29T08:00:00Z'].map((text) => new Date(text)) as [Date, Date];
const [young] = times;

/** A store with `dir/file` of this content. */
async function filled(content: string): Promise<Vfs> {
  const vfs = createMemoryStore();
  const root = (await vfs.root(who)) as Handle;
  const dir = (await vfs.open(root, 'dir', { access: 'read', kind: 'folder', disposition: 'create' }, who)) as Handle;
  const file = (await vfs.open(dir, 'file', { access: 'readWrite', kind: 'file', disposition: 'create' }, who)) as Handle;
  await file.write([Buffer.from(content)], 0);
  const stream = (await file.openStream!('stream', { access: 'readWrite', disposition: 'create' })) as Handle;
  await stream.write([Buffer.from(`${content} stream`)], 0);
  for (const handle of [stream, file, dir]) await handle.close();
  return vfs;
}

async function stage(): Promise<RawClient> {
  const stores = new Map([
    [snapshotToken(times[0]), await filled('young')],
    [snapshotToken(times[1]), await filled('old')],
  ]);
  const snapshots: Snapshots = { list: () => [...stores.keys()], open: (token) => stores.get(token) };
  return RawClient.at(testServer({ shares: { share: { vfs: await filled('now'), snapshots } } }));
}

/** A CREATE with a timewarp token. */
const then = (client: RawClient, time: Date, name: string, more: Parameters<RawClient['create']>[1] = {}) =>
  client.create(name, {
    createDisposition: Open,
    ...more,
    createContexts: [
      { name: CreateContextName.TimewarpToken, data: encode(TimewarpToken, { timestamp: filetimeFromMs(time.getTime()) }, Frame.alloc) },
    ],
  });

const content = async (client: RawClient, ids: Ids): Promise<string> =>
  Buffer.concat((await client.ask(reading(ids, 100))).read(ReadResponse).data).toString();

test('a snapshot is named by its time as an @GMT token (MS-SMB2 2.2.32.2)', () => {
  equal(snapshotToken(new Date(Date.UTC(2026, 10, 30, 8, 5, 9, 700))), '@GMT-2026.11.30-08.05.09');
  equal(isSnapshotToken('@GMT-2026.11.30-08.05.09'), true);
  for (const name of [
    '@GMT-2026.13.30-08.05.09',
    '@GMT-2026.02.30-08.05.09',
    '@GMT-2026.11.30-08.05.0',
    '@gmt-2026.11.30-08.05.09',
    'x',
    '',
  ])
    equal(isSnapshotToken(name), false, name);
});

describe('CREATE with a timewarp token (MS-SMB2 3.3.5.9.7)', () => {
  test('opens the file, its stream, the directory and the root as they were', async () => {
    const client = await stage();
    equal(await content(client, idsOf(await client.create('dir\\file', { createDisposition: Open }))), 'now');
    for (const [i, text] of ['young', 'old'].entries()) {
      const ids = idsOf(await then(client, times[i] as Date, 'dir\\file'));
      equal(await content(client, ids), text);
      equal(await content(client, idsOf(await then(client, times[i] as Date, 'dir\\file:stream'))), `${text} stream`);
      const all = Buffer.concat((await client.ask(asking(ids, FileInformationClass.All))).read(QueryInfoResponse).buffer);
      equal(FileAllInformation.read(new Frame(all), 0, all.length).fileName, '\\dir\\file');
    }
    const folder = { createOptions: CreateOptions.DirectoryFile, desiredAccess: fileGenericRead };
    const root = idsOf(await then(client, young, '', folder));
    const listed = Buffer.concat(
      (await client.ask(listing(root, '*', { fileInformationClass: FileInformationClass.Names }))).read(QueryDirectoryResponse).buffer,
    );
    deepEqual(
      linked(FileNamesInformation, 8)
        .read(new Frame(listed), 0, listed.length)
        .map(({ fileName }) => fileName),
      ['.', '..', 'dir'],
    );
  });

  test('of a time without a snapshot, and on a share without snapshots, finds nothing', async () => {
    const client = await stage();
    equal((await then(client, new Date('2026-11-30T08:00:01Z'), 'dir\\file')).status, NtStatus.ObjectPathNotFound);
    equal((await then(client, young, 'dir\\none')).status, ObjectNameNotFound);
    const without = await RawClient.at(testServer({ shares: { share: await filled('now') } }));
    equal((await then(without, young, 'dir\\file')).status, ObjectNameNotFound);
  });

  test('opens nothing that can be changed', async () => {
    const client = await stage();
    const ids = idsOf(await then(client, young, 'dir\\file', { desiredAccess: fileAllAccess }));
    equal((await client.ask(writing(ids, 'x'))).status, MediaWriteProtected);
    equal((await client.ask(disposing(ids, true))).status, MediaWriteProtected);
    equal((await client.ask(renaming(ids, 'moved'))).status, MediaWriteProtected);
    equal((await client.ask(setting(ids, FileInformationClass.EndOfFile, Buffer.alloc(8)))).status, MediaWriteProtected);
    await client.ask(closing(ids));
    const writes = AccessMask.FileWriteData | AccessMask.Delete;
    equal((await then(client, young, 'dir\\file', { createDisposition: Overwrite, desiredAccess: writes })).status, MediaWriteProtected);
    for (const disposition of [Create, OpenIf])
      equal((await then(client, young, 'dir\\new', { createDisposition: disposition })).status, MediaWriteProtected);
    const deleting = { desiredAccess: AccessMask.Delete, createOptions: CreateOptions.DeleteOnClose };
    equal((await then(client, young, 'dir\\file', deleting)).status, MediaWriteProtected);
    equal(await content(client, idsOf(await then(client, young, 'dir\\file'))), 'young');
    const live = idsOf(await client.create('dir\\file', { createDisposition: Open, desiredAccess: fileAllAccess }));
    equal((await client.ask(renaming(live, `${snapshotToken(young)}\\dir\\moved`))).status, NtStatus.NotSameDevice);
  });

  test('share modes and identities of a snapshot are not those of the present file', async () => {
    const client = await stage();
    const now = await client.create('dir\\file', { createDisposition: Open, shareAccess: 0 });
    equal(now.status, Success);
    const before = await then(client, young, 'dir\\file', { shareAccess: 0 });
    equal(before.status, Success);
    equal((await then(client, young, 'dir\\file')).status, NtStatus.SharingViolation);
    equal(before.read(CreateResponse).endOfFile, 5n);
  });
});

describe('FSCTL_SRV_ENUMERATE_SNAPSHOTS (MS-SMB2 3.3.5.15.1)', () => {
  test('lists the tokens, the youngest first; or only their size, if they do not fit (2.2.32.2)', async () => {
    const client = await stage();
    const ids = idsOf(await client.create('dir\\file', { createDisposition: Open }));
    const ask = async (maxOutputResponse: number) =>
      Buffer.concat((await client.ask(control(ids, Fsctl.SrvEnumerateSnapshots, { maxOutputResponse }))).read(IoctlResponse).output);
    const tokens = `${snapshotToken(times[0])}\0${snapshotToken(times[1])}\0\0`;
    const all = await ask(1000);
    const { numberOfSnapshots, numberOfSnapshotsReturned, snapshotArraySize } = SrvSnapshotArray.read(new Frame(all), 0);
    deepEqual([numberOfSnapshots, numberOfSnapshotsReturned, snapshotArraySize], [2, 2, tokens.length * 2]);
    equal(all.subarray(12).toString('utf16le'), tokens);
    const sizes = await ask(16);
    const only = SrvSnapshotArray.read(new Frame(sizes), 0);
    deepEqual([only.numberOfSnapshots, only.numberOfSnapshotsReturned, only.snapshotArraySize], [2, 0, tokens.length * 2]);
  });
});
