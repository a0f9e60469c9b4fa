import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FakeClock } from '@ring3/kit';
import {
  Capabilities,
  CreateDisposition,
  CreateOptions,
  Dialect,
  encodeSymbolicLink,
  FileBasicInformation,
  FileEndOfFileInformation,
  FileInformationClass,
  FileLinkInformation,
  Fsctl,
  fullEas,
  NegotiateResponse,
  NtStatus,
  SecurityInformation,
} from '@ring3/smb-proto';
import { createMemoryStore } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import type { ShareOptions } from '../objects/share.ts';
import { closing, control, disposing, type Ids, idsOf, opening, renaming, setting, writing } from '../testing/elements.ts';
import { acknowledgingLease, granted, keyOf, leasing, next, nextBreak, R, RH, RW, RWH } from '../testing/leases.ts';
import { type Answer, type Element, RawClient, testServer } from '../testing/raw-client.ts';

/** FILE_LIST_DIRECTORY, FILE_READ_ATTRIBUTES, SYNCHRONIZE: an open with DELETE would conflict with renames into the directory. */
const listing = 0x0010_0081;
const directory = { createOptions: CreateOptions.DirectoryFile };
const { DirectoryLeasing } = Capabilities;

/** Two clients that know directory leases. */
async function stage(share: Partial<ShareOptions> = {}) {
  const server = testServer({ shares: { share: { vfs: createMemoryStore(), ...share } } });
  const first = await RawClient.at(server, 'share', 'ann', 'secret', Dialect.Smb302, keyOf(0xa), DirectoryLeasing);
  const second = await RawClient.at(server, 'share', 'bob', 'word', Dialect.Smb302, keyOf(0xb), DirectoryLeasing);
  return { server, clock: server.clock as FakeClock, first, second };
}

const leasingDirectory = (key: number, state: number) => leasing(key, state, { ...directory, epoch: 0, desiredAccess: listing });

test('directory leasing is negotiated from 3.0 on, if the client asks for it and the server allows it (3.3.5.4)', async () => {
  const offered = async (dialect: number, capabilities: number, directoryLeases = true): Promise<boolean> => {
    const client = new RawClient(testServer({ directoryLeases }));
    const answer = await client.negotiate([dialect], [], capabilities);
    return (answer.read(NegotiateResponse).capabilities & DirectoryLeasing) !== 0;
  };
  assert.equal(await offered(Dialect.Smb30, DirectoryLeasing), true);
  assert.equal(await offered(Dialect.Smb302, DirectoryLeasing), true);
  assert.equal(await offered(Dialect.Smb302, 0), false);
  assert.equal(await offered(Dialect.Smb21, DirectoryLeasing), false);
  assert.equal(await offered(Dialect.Smb302, DirectoryLeasing, false), false);
});

test('a directory is granted read and handle caching, never write caching (3.3.5.9.11, MS-FSA 2.1.5.18)', async () => {
  for (const [asked, held] of [
    [R, R],
    [RH, RH],
    [RW, R],
    [RWH, RH],
  ] as const) {
    const { first, server } = await stage();
    const answer = await first.create('dir', leasingDirectory(1, asked));
    assert.deepEqual(granted(answer), { ...granted(answer), leaseState: held, epoch: 1 });
    await first.ask(closing(idsOf(answer)));
    assert.deepEqual([server.leases.size, server.leases.directories, server.fileTotals.oplocks], [0, 0, 0]);
  }
});

test('a directory lease is not granted to a client without the capability, in version 1, or by a share without them', async () => {
  const { server, first } = await stage();
  const unaware = await RawClient.at(server);
  assert.equal(granted(await unaware.create('dir', leasingDirectory(1, RH))), undefined);
  assert.equal(granted(await first.create('dir', leasing(1, RH, directory))), undefined);
  for (const share of [{ directoryLeases: false }, { oplocks: false }]) {
    const other = await stage(share);
    assert.equal(granted(await other.first.create('dir', leasingDirectory(1, RH))), undefined);
  }
  const { first: leasesFiles } = await stage({ directoryLeases: false });
  assert.equal(granted(await leasesFiles.create('file', leasing(1, RWH)))?.leaseState, RWH);
});

type Opens = Record<'file' | 'sub' | 'outside', Ids>;
const times = { creationTime: 0n, lastAccessTime: 0n, lastWriteTime: 0n, changeTime: 0n, fileAttributes: 0, reserved: 0 };
const basic = (ids: Ids, changes: Partial<typeof times>): Element =>
  setting(
    ids,
    FileInformationClass.Basic,
    withBuffer(FileBasicInformation.byteLength, (frame) => FileBasicInformation.write(frame, 0, { ...times, ...changes })),
  );
const withBuffer = (size: number, write: (frame: Frame) => void): Uint8Array => {
  const frame = Frame.alloc(size);
  write(frame);
  return frame.bytes;
};
const eas = [{ flags: 0, eaName: 'A', eaValue: Buffer.from('value') }];

/** What another client does to the entries of `dir`. */
const changes: Record<string, (opens: Opens) => Element[]> = {
  'a new file': () => [opening('dir\\new')],
  'a new directory': () => [opening('dir\\new', directory)],
  'a file that is overwritten': () => [opening('dir\\file', { createDisposition: CreateDisposition.OverwriteIf })],
  'a file that is superseded': () => [opening('dir\\file', { createDisposition: CreateDisposition.Supersede })],
  'a rename within it': ({ file }) => [renaming(file, 'dir\\other')],
  'a rename out of it': ({ file }) => [renaming(file, 'moved')],
  'a rename into it': ({ outside }) => [renaming(outside, 'dir\\moved')],
  'a rename of a directory in it': ({ sub }) => [renaming(sub, 'dir\\renamed')],
  'a rename onto a file in it': ({ outside }) => [renaming(outside, 'dir\\closed', 1)],
  'a hard link in it': ({ outside }) => [
    setting(
      outside,
      FileInformationClass.Link,
      FileLinkInformation.encode({ replaceIfExists: 0, rootDirectory: 0n, fileName: 'dir\\linked' }).head,
    ),
  ],
  'a deletion': ({ file }) => [disposing(file, true), closing(file)],
  'a deletion of a directory': ({ sub }) => [disposing(sub, true), closing(sub)],
  attributes: ({ file }) => [basic(file, { fileAttributes: 0x2 })],
  'attributes of a directory': ({ sub }) => [basic(sub, { fileAttributes: 0x12 })],
  'a time': ({ file }) => [basic(file, { lastWriteTime: 132_000_000_000_000_000n })],
  'the size': ({ file }) => [
    setting(
      file,
      FileInformationClass.EndOfFile,
      withBuffer(8, (frame) => FileEndOfFileInformation.write(frame, 0, { endOfFile: 3n })),
    ),
  ],
  'written data, when the file is closed': ({ file }) => [writing(file, 'data'), closing(file)],
  'extended attributes': ({ file }) => [
    setting(
      file,
      FileInformationClass.FullEa,
      withBuffer(fullEas.size(eas), (frame) => fullEas.write(frame, 0, eas)),
    ),
  ],
  'the sparse attribute': ({ file }) => [control(file, Fsctl.SetSparse)],
};

/** Opens of the second client, and the last responses of what it does with them. */
async function doing(client: RawClient, change: (opens: Opens) => Element[], key?: number): Promise<Answer> {
  const named = key === undefined ? {} : { parent: key, epoch: 0 };
  const how = (own: number) => (key === undefined ? {} : leasing(own, 0, named));
  const file = idsOf(await client.create('dir\\file', how(21)));
  const sub = idsOf(await client.create('dir\\sub', { ...directory, ...how(22) }));
  const outside = idsOf(await client.create('outside', how(23)));
  let last: Answer | undefined;
  for (const element of change({ file, sub, outside })) last = await client.ask(element);
  return last as Answer;
}

/** Makes the entries that the changes need, with times that do not change by opening them. */
async function furnish(client: RawClient): Promise<void> {
  await client.ask(closing(idsOf(await client.create('dir', directory))));
  await client.ask(closing(idsOf(await client.create('dir\\sub', directory))));
  for (const name of ['dir\\file', 'dir\\closed', 'outside']) await client.ask(closing(idsOf(await client.create(name))));
}

for (const [what, change] of Object.entries(changes)) {
  test(`a directory lease is broken by ${what}, which does not wait (3.3.1.4, MS-FSA 2.1.4.12)`, async () => {
    for (const held of [R, RH]) {
      const { first, second } = await stage();
      await furnish(second);
      await first.create('dir', leasingDirectory(1, held));
      assert.equal((await doing(second, change)).status, NtStatus.Success);
      const { from, to, acknowledge, key, newEpoch } = await nextBreak(first);
      assert.deepEqual({ from, to, acknowledge, key, newEpoch }, { from: held, to: 0, acknowledge: held === RH, key: 1, newEpoch: 2 });
    }
  });

  test(`a directory lease is not broken by a change of a client that names its key as ParentLeaseKey: ${what} (MS-FSA 2.1.4.12.2)`, async () => {
    const { first, second } = await stage();
    await furnish(second);
    await first.create('dir', leasingDirectory(1, RH));
    const own = what.startsWith('a file that is') || what.startsWith('a new') ? undefined : change;
    if (own === undefined) {
      const create =
        what === 'a new directory' ? leasing(30, 0, { ...directory, epoch: 0, parent: 1 }) : leasing(30, 0, { epoch: 0, parent: 1 });
      const createDisposition = what.includes('overwritten')
        ? CreateDisposition.OverwriteIf
        : what.includes('superseded')
          ? CreateDisposition.Supersede
          : CreateDisposition.OpenIf;
      assert.equal(
        (await first.create(what.startsWith('a new') ? 'dir\\new' : 'dir\\file', { ...create, createDisposition })).status,
        NtStatus.Success,
      );
    } else assert.equal((await doing(first, own, 1)).status, NtStatus.Success);
    // the next message is the response of the next request, not a notification
    assert.equal((await first.create('other')).status, NtStatus.Success);
    assert.equal((await second.create('dir\\more')).status, NtStatus.Success);
    assert.equal((await nextBreak(first)).key, 1, 'and it is still held');
  });
}

test('the same key of another client, and another key, do not spare a directory lease (MS-FSA 2.1.4.12.2)', async () => {
  const { first, second } = await stage();
  await furnish(second);
  for (const client of [first, second]) {
    const holder = idsOf(await first.create('dir', leasingDirectory(1, R)));
    const parent = client === first ? 2 : 1;
    client.sendFrame(client.encode([opening(`dir\\by ${parent}`, leasing(40 + parent, 0, { epoch: 0, parent }))]));
    assert.equal((await nextBreak(first)).key, 1);
    if (client === first) assert.equal((await next(first)).status, NtStatus.Success);
    await first.ask(closing(holder));
  }
});

test('changes below a subdirectory do not break the lease of a directory, and reading never does', async () => {
  const { first, second } = await stage();
  await furnish(second);
  await first.create('dir', leasingDirectory(1, RH));
  await second.create('dir\\sub\\deep');
  const ids = idsOf(await second.create('dir\\file'));
  await second.ask(closing(ids));
  assert.equal((await first.create('other')).status, NtStatus.Success);
});

test('a failed change does not break the lease of a directory', async () => {
  const { first, second } = await stage();
  await furnish(second);
  await first.create('dir', leasingDirectory(1, RH));
  const ids = idsOf(await second.create('dir\\file'));
  assert.equal((await second.ask(renaming(ids, 'dir\\closed'))).status, NtStatus.ObjectNameCollision);
  assert.equal((await first.create('other')).status, NtStatus.Success);
});

test('a directory’s own rename and deletion break handle caching and wait for the acknowledgment (MS-FSA 2.1.5.15.3, 2.1.5.15.11)', async () => {
  for (const how of ['rename', 'delete'] as const) {
    const { first, second } = await stage();
    const kept = idsOf(await first.create('dir', leasingDirectory(1, RH)));
    const ids = idsOf(await second.create('dir', directory));
    assert.equal((await second.ask(how === 'rename' ? renaming(ids, 'moved') : disposing(ids, true))).status, NtStatus.Pending);
    assert.deepEqual(await nextBreak(first), { from: RH, to: R, acknowledge: true, newEpoch: 2, key: 1 });
    await first.ask(closing(kept));
    assert.equal((await next(second)).status, NtStatus.Success, how);
  }
});

test('a rename of a directory waits until the kept handles of directories below it are closed (3.3.4.7)', async () => {
  const { first, second } = await stage();
  await furnish(second);
  const kept = idsOf(await first.create('dir\\sub', leasingDirectory(1, RH)));
  const ids = idsOf(await second.create('dir', directory));
  assert.equal((await second.ask(renaming(ids, 'moved'))).status, NtStatus.Pending);
  assert.equal((await nextBreak(first)).to, R);
  await first.ask(closing(kept));
  assert.equal((await next(second)).status, NtStatus.Success);
});

test('a share mode conflict with the open of a directory lease breaks handle caching (MS-FSA 2.1.5.1.2)', async () => {
  const { first, second } = await stage();
  await furnish(second);
  const kept = idsOf(await first.create('dir', { ...leasingDirectory(1, RH), shareAccess: 1 }));
  assert.equal((await second.ask(opening('dir', directory))).status, NtStatus.Pending);
  assert.equal((await nextBreak(first)).to, R);
  await first.ask(closing(kept));
  assert.equal((await next(second)).status, NtStatus.Success);
});

test('a change while the break is not acknowledged sends no other notification; after the acknowledgment nothing is held', async () => {
  const { first, second, server } = await stage();
  await furnish(second);
  await first.create('dir', leasingDirectory(1, RH));
  await second.create('dir\\one');
  assert.equal((await nextBreak(first)).to, 0);
  await second.create('dir\\two');
  assert.equal((await first.ask(acknowledgingLease(1, 0))).status, NtStatus.Success);
  assert.equal(server.fileTotals.oplocks, 0);
  assert.equal(granted(await first.create('dir', leasingDirectory(1, RH)))?.leaseState, RH, 'and it can be granted again');
});

test('the break of a directory lease is sent once more if it is not acknowledged within a second: the same epoch, which clients ignore (3.2.5.19.2)', async () => {
  const { first, second, clock } = await stage();
  await furnish(second);
  await first.create('dir', leasingDirectory(1, RH));
  await first.create('file', leasing(2, RH, { epoch: 0 }));
  await second.create('dir\\one');
  const sent = await nextBreak(first);
  clock.advance(1000);
  assert.deepEqual(await nextBreak(first), sent);
  clock.advance(10_000);
  assert.equal((await first.ask(acknowledgingLease(1, 0))).status, NtStatus.Success);
  await second.ask(writing(idsOf(await second.create('file')), 'data'));
  assert.equal((await nextBreak(first)).key, 2);
  clock.advance(10_000);
  assert.equal((await first.ask(acknowledgingLease(2, 0))).status, NtStatus.Success, 'that of a file is not');
});

test('a lease whose state is NONE keeps its epoch while it has opens (3.3.1.12)', async () => {
  const { first, second } = await stage();
  await furnish(second);
  await first.create('dir', { ...leasingDirectory(1, RH), ...leasing(1, RH, { ...directory, epoch: 0x22, desiredAccess: listing }) });
  await second.create('dir\\one');
  assert.equal((await nextBreak(first)).newEpoch, 0x24);
  await first.ask(acknowledgingLease(1, 0));
  assert.equal(granted(await first.create('dir', leasing(1, RH, { ...directory, epoch: 0x222, desiredAccess: listing })))?.epoch, 0x25);
  const file = idsOf(await first.create('file', leasing(2, R, { epoch: 0x32 })));
  await second.ask(writing(idsOf(await second.create('file')), 'data'));
  assert.equal((await nextBreak(first)).newEpoch, 0x34);
  assert.equal(granted(await first.create('file', leasing(2, R, { epoch: 0 })))?.epoch, 0x35);
  await first.ask(closing(file));
});

test('a change in the middle of another break of the lease follows it, and does not wait (MS-FSA 2.1.4.12)', async () => {
  const { first, second } = await stage();
  await furnish(second);
  await first.create('dir', leasingDirectory(1, RH));
  const ids = idsOf(await second.create('dir', directory));
  assert.equal((await second.ask(renaming(ids, 'moved'))).status, NtStatus.Pending);
  assert.equal((await nextBreak(first)).to, R);
  const third = await RawClient.at(second.server, 'share', 'bob', 'word');
  assert.equal((await third.create('dir\\new')).status, NtStatus.Success);
  first.sendFrame(first.encode([acknowledgingLease(1, R)]));
  assert.equal((await nextBreak(first)).to, 0);
});

test('a WRITE does not break the lease of the directory; the close of the file does (smbtorture smb2.lease.v2_request)', async () => {
  const { first, second } = await stage();
  await furnish(second);
  const ids = idsOf(await second.create('dir\\file'));
  await first.create('dir', leasingDirectory(1, R));
  await second.ask(writing(ids, 'data'));
  assert.equal((await first.create('other')).status, NtStatus.Success);
  await second.ask(closing(ids));
  assert.equal((await nextBreak(first)).key, 1);
});

test('FILE_DELETE_ON_CLOSE breaks the lease of the directory at the close (MS-FSA 2.1.5.5)', async () => {
  const { first, second } = await stage();
  await furnish(second);
  await first.create('dir', leasingDirectory(1, R));
  const ids = idsOf(await second.create('dir\\file', { createOptions: CreateOptions.DeleteOnClose }));
  assert.equal((await first.create('other')).status, NtStatus.Success);
  await second.ask(closing(ids));
  assert.equal((await nextBreak(first)).key, 1);
});

test('a directory is renamed by its id: an open below one whose name folds to the same letters does not hinder it', async () => {
  const { first } = await stage();
  const ids = idsOf(await first.create('straße', directory));
  await first.create('STRASSE', directory);
  await first.create('STRASSE\\file');
  assert.equal((await first.ask(renaming(ids, 'moved'))).status, NtStatus.Success);
});

test('an open below a directory is found after its own directory was renamed, and not below where it was', async () => {
  const { first } = await stage();
  await first.ask(closing(idsOf(await first.create('b', directory))));
  const a = idsOf(await first.create('a', directory));
  const file = idsOf(await first.create('a\\file'));
  assert.equal((await first.ask(renaming(file, 'b\\file'))).status, NtStatus.Success);
  const b = idsOf(await first.create('b', directory));
  assert.equal((await first.ask(renaming(b, 'c'))).status, NtStatus.AccessDenied);
  assert.equal((await first.ask(renaming(a, 'd'))).status, NtStatus.Success);
});

test('an entry that becomes a link, or is one no more, breaks the lease of its directory (MS-FSA 2.1.5.10)', async () => {
  const { first, second } = await stage();
  await furnish(second);
  const ids = idsOf(await second.create('dir\\link', { createOptions: CreateOptions.OpenReparsePoint }));
  const link = encodeSymbolicLink({ substituteName: 'file', printName: 'file', relative: true });
  const header = Uint8Array.of(...link.subarray(0, 4), 0, 0, 0, 0);
  for (const [code, input] of [
    [Fsctl.SetReparsePoint, link],
    [Fsctl.DeleteReparsePoint, header],
  ] as const) {
    const holder = idsOf(await first.create('dir', leasingDirectory(1, R)));
    assert.equal((await second.ask(control(ids, code, { input }))).status, NtStatus.Success);
    assert.equal((await nextBreak(first)).key, 1);
    await first.ask(closing(holder));
  }
});

test('a security descriptor of a file breaks the lease of its directory: clients show permissions in a listing', async () => {
  const { first, second } = await stage();
  await furnish(second);
  await first.create('dir', leasingDirectory(1, R));
  const { file } = { file: idsOf(await second.create('dir\\file')) };
  const buffer = new Uint8Array(20);
  new DataView(buffer.buffer).setUint32(0, 0x8004_0001, true);
  const answer = await second.ask(setting(file, 0, buffer, { infoType: 3, additionalInformation: SecurityInformation.Dacl }));
  assert.equal(answer.status, NtStatus.Success);
  assert.equal((await nextBreak(first)).key, 1);
});

test('a client gets no lease of a directory while it has a file open there that it has written; another client does', async () => {
  const { first, second } = await stage();
  await furnish(second);
  const file = idsOf(await first.create('dir\\file'));
  await first.ask(writing(file, 'data'));
  assert.equal(granted(await first.create('dir', leasingDirectory(1, RH)))?.leaseState, undefined);
  assert.equal(granted(await second.create('dir', leasingDirectory(2, RH)))?.leaseState, RH);
  await first.ask(closing(file));
  assert.equal((await nextBreak(second)).to, 0, 'what was written changes the listing');
  await second.ask(acknowledgingLease(2, 0));
  assert.equal(granted(await first.create('dir', leasingDirectory(1, RH)))?.leaseState, RH);
  assert.equal(first.server.writtenDirectories.size, 0);
});
