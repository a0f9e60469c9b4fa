/** ACC, PTH, ACL, EAS: every change needs its right; names, descriptors and attributes from clients and stores are bounded. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  AccessMask,
  AceFlags,
  AceType,
  Command,
  CreateContextName,
  CreateDisposition,
  CreateOptions,
  encodeSecurityDescriptor,
  encodeSymbolicLink,
  FileInformationClass,
  FileLinkInformation,
  FileRenameInformation,
  FlushRequest,
  Fsctl,
  fullEas,
  isError,
  NtStatus,
  QueryInfoResponse,
  WellKnownSid,
} from '@ring3/smb-proto';
import { createMemoryStore, type Handle, type Identity, isCode } from '@ring3/vfs';
import { encode, Frame } from '@ring3/wire';
import { asking, closing, control, type Ids, idsOf, listing, locking, reading, setting, writing } from '../testing/elements.ts';
import { type Answer, type Element, RawClient, testServer } from '../testing/raw-client.ts';

const rights = AccessMask;
const u64 = (...values: (number | bigint)[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 8);
  for (const [i, value] of values.entries()) bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), i * 8);
  return bytes;
};
const eas = (eaName: string, eaValue: Uint8Array): Uint8Array => encode(fullEas, [{ flags: 0, eaName, eaValue }], Frame.alloc);
const everyone = { type: AceType.AccessAllowed, flags: 0, mask: 0x1f01ff, sid: WellKnownSid.Everyone };
const descriptor = encodeSecurityDescriptor({ control: 0, dacl: { revision: 2, aces: [everyone] } });
const renaming = (fileName: string): Uint8Array => FileRenameInformation.encode({ replaceIfExists: 1, rootDirectory: 0n, fileName }).head;
const linking = (fileName: string): Uint8Array => FileLinkInformation.encode({ replaceIfExists: 1, rootDirectory: 0n, fileName }).head;
const link = encodeSymbolicLink({ substituteName: 'other', printName: 'other', relative: true });
const flushing = (ids: Ids): Element => ({ command: Command.Flush, body: FlushRequest.encode({ ...ids }) });
const extents = (ids: Ids): Buffer => u64(ids.persistentFileId, ids.volatileFileId, 0, 0, 4096);

/** Each operation that changes or reads something: the rights of which one suffices (0: only a writable share), and its request. */
const changing: readonly (readonly [string, number, (ids: Ids) => Element])[] = [
  ['WRITE', rights.FileWriteData | rights.FileAppendData, (ids) => writing(ids, 'x')],
  ['FLUSH', rights.FileWriteData | rights.FileAppendData, flushing],
  [
    'Basic',
    rights.FileWriteAttributes,
    (ids) => setting(ids, FileInformationClass.Basic, Buffer.concat([u64(0, 0, 0, 0), Buffer.from([2, 0, 0, 0, 0, 0, 0, 0])])),
  ],
  ['EndOfFile', rights.FileWriteData, (ids) => setting(ids, FileInformationClass.EndOfFile, u64(0))],
  ['Allocation', rights.FileWriteData, (ids) => setting(ids, FileInformationClass.Allocation, u64(0))],
  ['Disposition', rights.Delete, (ids) => setting(ids, FileInformationClass.Disposition, Buffer.of(1))],
  ['DispositionEx', rights.Delete, (ids) => setting(ids, FileInformationClass.DispositionEx, Buffer.of(1, 0, 0, 0))],
  ['Rename', rights.Delete, (ids) => setting(ids, FileInformationClass.Rename, renaming('renamed'))],
  ['FullEa', rights.FileWriteEa, (ids) => setting(ids, FileInformationClass.FullEa, eas('EA', Buffer.of(1)))],
  ['Security: DACL', rights.WriteDac, (ids) => setting(ids, 0, descriptor, { infoType: 3, additionalInformation: 4 })],
  ['Security: owner', rights.WriteOwner, (ids) => setting(ids, 0, descriptor, { infoType: 3, additionalInformation: 1 })],
  ['SET_SPARSE', rights.FileWriteData | rights.FileWriteAttributes | rights.FileAppendData, (ids) => control(ids, Fsctl.SetSparse)],
  ['SET_ZERO_DATA', rights.FileWriteData, (ids) => control(ids, Fsctl.SetZeroData, { input: u64(0, 4) })],
  ['SET_REPARSE_POINT', rights.FileWriteData | rights.FileWriteAttributes, (ids) => control(ids, Fsctl.SetReparsePoint, { input: link })],
  [
    'DELETE_REPARSE_POINT',
    rights.FileWriteData | rights.FileWriteAttributes,
    (ids) => control(ids, Fsctl.DeleteReparsePoint, { input: link.subarray(0, 8) }),
  ],
  ['DUPLICATE_EXTENTS', rights.FileWriteData, (ids) => control(ids, Fsctl.DuplicateExtentsToFile, { input: extents(ids) })],
];
/** Rights of every open that change nothing. */
const bystanders = rights.FileReadAttributes | rights.Synchronize | rights.ReadControl;
const all = [
  rights.FileReadData,
  rights.FileWriteData,
  rights.FileAppendData,
  rights.FileReadEa,
  rights.FileWriteEa,
  rights.FileExecute,
  rights.FileWriteAttributes,
  rights.Delete,
  rights.WriteDac,
  rights.WriteOwner,
];

describe('the gate (ACC)', () => {
  for (const [name, needed, request] of changing) {
    test(`${name} fails for an open that has every right except those it needs`, async () => {
      const server = testServer();
      const client = await RawClient.at(server);
      await client.ask(closing(idsOf(await client.create('file'))));
      for (const right of all) {
        if ((right & needed) !== 0) continue;
        const made = await client.create('file', { desiredAccess: right | bystanders });
        strictEqual(made.status, NtStatus.Success);
        const ids = idsOf(made);
        const { status } = await client.ask(request(ids));
        // a code without a feature of the store fails before rights are checked
        ok(
          status === NtStatus.AccessDenied || status === NtStatus.InvalidDeviceRequest,
          `with ${right.toString(16)}: ${status.toString(16)}`,
        );
        await client.ask(closing(ids));
      }
      const store = await client.create('file', { createDisposition: CreateDisposition.Open });
      strictEqual(store.status, NtStatus.Success);
      await server.close();
    });

    test(`${name} fails on a read-only share`, async () => {
      const store = createMemoryStore();
      const server = testServer({ shares: { share: store, look: { vfs: store, readOnly: true } } });
      const writer = await RawClient.at(server);
      await writer.ask(closing(idsOf(await writer.create('file'))));
      const client = await RawClient.at(server, 'look');
      for (const desiredAccess of [needed, rights.MaximumAllowed, 0x80000000 /* GENERIC_READ */]) {
        const made = await client.create('file', { desiredAccess, createDisposition: CreateDisposition.Open });
        if (isError(made.status)) continue;
        const ids = idsOf(made);
        ok(isError((await client.ask(request(ids))).status));
        await client.ask(closing(ids));
      }
      await server.close();
    });
  }

  test('CREATE on a read-only share makes, truncates, replaces and deletes nothing, by any disposition', async () => {
    const store = createMemoryStore();
    const server = testServer({ shares: { share: store, look: { vfs: store, readOnly: true } } });
    const writer = await RawClient.at(server);
    const ids = idsOf(await writer.create('file'));
    await writer.ask(writing(ids, 'data'));
    await writer.ask(closing(ids));
    const client = await RawClient.at(server, 'look');
    for (const createDisposition of Object.values(CreateDisposition)) {
      for (const name of ['file', 'new', 'file:stream', 'new:stream']) {
        const made = await client.create(name, { createDisposition, desiredAccess: rights.FileReadData });
        ok(
          isError(made.status) || (name === 'file' && (createDisposition === 1 || createDisposition === 3)),
          `${name} ${createDisposition}`,
        );
      }
    }
    for (const createOptions of [CreateOptions.DeleteOnClose, CreateOptions.DeleteOnClose | CreateOptions.NonDirectoryFile]) {
      ok(isError((await client.create('file', { createOptions, desiredAccess: 0x120089, createDisposition: 1 })).status));
    }
    const again = await writer.create('file', { createDisposition: CreateDisposition.Open });
    strictEqual((await writer.ask(reading(idsOf(again), 10))).status, NtStatus.Success);
    await server.close();
  });

  test('overwriting needs the right to write, whatever access is requested (CVE-2023-4091)', async () => {
    const server = testServer();
    const client = await RawClient.at(server);
    const readOnly = { ...everyone, mask: rights.FileReadData | bystanders };
    const sd = encodeSecurityDescriptor({ control: 0, owner: WellKnownSid.BuiltinAdministrators, dacl: { revision: 2, aces: [readOnly] } });
    const made = await client.create('file', { createContexts: [{ name: CreateContextName.SdBuffer, data: sd }] });
    await client.ask(writing(idsOf(made), 'data'));
    await client.ask(closing(idsOf(made)));
    for (const createDisposition of [CreateDisposition.Overwrite, CreateDisposition.OverwriteIf, CreateDisposition.Supersede]) {
      const { status } = await client.create('file', { createDisposition, desiredAccess: rights.FileReadData });
      strictEqual(status, NtStatus.AccessDenied);
    }
    await server.close();
  });

  test('data cannot be read without the right to read: by READ, copies, allocated ranges', async () => {
    const server = testServer();
    const client = await RawClient.at(server);
    const ids = idsOf(await client.create('file', { desiredAccess: (rights.FileWriteData | rights.FileAppendData | bystanders) >>> 0 }));
    await client.ask(writing(ids, 'secret data'));
    const target = idsOf(await client.create('target'));
    const key = (await client.ask(control(ids, Fsctl.SrvRequestResumeKey))).bytes.subarray(64 + 48, 64 + 48 + 24);
    const copy = Buffer.concat([key, Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]), u64(0, 0), Buffer.from([4, 0, 0, 0, 0, 0, 0, 0])]);
    for (const request of [
      reading(ids, 4),
      control(target, Fsctl.SrvCopychunk, { input: copy }),
      control(target, Fsctl.SrvCopychunkWrite, { input: copy }),
      control(ids, Fsctl.QueryAllocatedRanges, { input: u64(0, 100) }),
      control(ids, Fsctl.QueryFileRegions),
    ]) {
      strictEqual((await client.ask(request)).status, NtStatus.AccessDenied);
    }
    await server.close();
  });

  test('a key or id of another session’s open cannot be the source of a copy', async () => {
    const server = testServer();
    const [ann, bob] = [await RawClient.at(server), await RawClient.at(server, 'share', 'bob', 'word')];
    const source = idsOf(await ann.create('source'));
    await ann.ask(writing(source, 'data'));
    const key = (await ann.ask(control(source, Fsctl.SrvRequestResumeKey))).bytes.subarray(64 + 48, 64 + 48 + 24);
    const target = idsOf(await bob.create('target'));
    const copy = Buffer.concat([key, Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]), u64(0, 0), Buffer.from([4, 0, 0, 0, 0, 0, 0, 0])]);
    strictEqual((await bob.ask(control(target, Fsctl.SrvCopychunk, { input: copy }))).status, NtStatus.ObjectNameNotFound);
    ok(isError((await bob.ask(control(target, Fsctl.DuplicateExtentsToFile, { input: extents(source) }))).status));
    await server.close();
  });
});

describe('names stay below the root (PTH)', () => {
  const bad = [
    '..',
    '..\\x',
    'a\\..\\..\\x',
    'a\\..',
    'a\\\\b',
    '\\x',
    'x\0y',
    'x\0\\..\\y',
    'a/b',
    '../x',
    'a/../../x',
    '..:stream',
    '..::$DATA',
    '..::$INDEX_ALLOCATION',
    'a:..\\x',
    'a:../x',
    'a:b:c:d',
    'a:\0',
    'a:stream:$BAD',
    '::$BAD',
    ':a\\b',
    'a:b\\c',
    '..\\..\\..\\..\\etc\\passwd',
    'C:\\x\\y',
    '\\\\?\\C:\\x',
    '*',
    'a?b',
  ];

  test('CREATE rejects each invalid name, for files and directories, existing or not', async () => {
    const server = testServer();
    const client = await RawClient.at(server);
    await client.ask(closing(idsOf(await client.create('a', { createOptions: CreateOptions.DirectoryFile }))));
    for (const name of bad) {
      for (const createOptions of [0, CreateOptions.DirectoryFile, CreateOptions.OpenReparsePoint]) {
        ok(isError((await client.create(name, { createOptions })).status), JSON.stringify(name));
      }
    }
    await server.close();
  });

  test('renames and links reject each invalid name, and the file is not moved', async () => {
    const server = testServer();
    const client = await RawClient.at(server);
    await client.ask(closing(idsOf(await client.create('a', { createOptions: CreateOptions.DirectoryFile }))));
    const ids = idsOf(await client.create('file'));
    for (const name of bad) {
      if (name === '\\x') continue; // some clients write the separator first, and it means the root of the share
      ok(isError((await client.ask(setting(ids, FileInformationClass.Rename, renaming(name)))).status), `rename ${JSON.stringify(name)}`);
      ok(isError((await client.ask(setting(ids, FileInformationClass.Link, linking(name)))).status), `link ${JSON.stringify(name)}`);
    }
    strictEqual((await client.create('file', { createDisposition: CreateDisposition.Open })).status, NtStatus.Success);
    await server.close();
  });

  test('a pattern of QUERY_DIRECTORY that is a path lists nothing above the directory', async () => {
    const server = testServer();
    const client = await RawClient.at(server);
    const ids = idsOf(await client.create('folder', { createOptions: CreateOptions.DirectoryFile }));
    for (const pattern of ['..', '.', '..\\*', '../*', '\0', 'x\0', '..\0'])
      ok(isError((await client.ask(listing(ids, pattern, { flags: 1 }))).status), JSON.stringify(pattern));
    await server.close();
  });

  test('the streams of the root belong to the root, and its index is the root itself', async () => {
    const server = testServer();
    const client = await RawClient.at(server);
    const stream = await client.create(':stream');
    if (!isError(stream.status)) {
      await client.ask(writing(idsOf(stream), 'data'));
      await client.ask(closing(idsOf(stream)));
    }
    strictEqual((await client.create('stream', { createDisposition: CreateDisposition.Open })).status, NtStatus.ObjectNameNotFound);
    for (const name of ['::$INDEX_ALLOCATION', ':$I30:$INDEX_ALLOCATION']) {
      const root = await client.create(name, {
        createDisposition: CreateDisposition.Open,
        createOptions: CreateOptions.DirectoryFile,
        desiredAccess: 1,
      });
      if (isError(root.status)) continue;
      strictEqual((await client.ask(setting(idsOf(root), FileInformationClass.Disposition, Buffer.of(1)))).status, NtStatus.AccessDenied);
    }
    await server.close();
  });

  test('the name of a pipe reaches only the pipes (CVE-2017-7494, CVE-2023-3961)', async () => {
    const server = testServer();
    const client = await RawClient.at(server, 'IPC$');
    for (const name of [
      '',
      '..',
      '../srvsvc',
      '/srvsvc',
      '\\srvsvc\\..',
      'srvsvc/x',
      'srvsvc\0',
      'srvsvc:stream',
      '__proto__',
      'constructor',
      '/tmp/x',
    ])
      ok(isError((await client.create(name)).status), JSON.stringify(name));
    await server.close();
  });
});

const identity: Identity = { name: 'ann', sid: 'S-1-5-21-1-2-3-1000', groups: [], guest: false };

/** The entry of a store, as another program would reach it. */
async function entryOf(store: ReturnType<typeof createMemoryStore>, name: string): Promise<Handle> {
  const root = await store.root(identity);
  if (isCode(root)) throw new Error(root);
  const entry = await store.open(root, name, { access: 'metadata', kind: 'any', disposition: 'open' }, identity);
  if (isCode(entry)) throw new Error(entry);
  return entry;
}

const listOf = (size: number, count: number, aces: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([2, 0, size & 255, size >> 8, count & 255, count >> 8, 0, 0]), aces]);
const withDacl = (dacl: Uint8Array): Buffer => {
  const head = Buffer.alloc(20);
  head.writeUInt8(1, 0);
  head.writeUInt16LE(0x8004, 2);
  head.writeUInt32LE(20, 16);
  return Buffer.concat([head, dacl]);
};
const ace = (size: number, subAuthorities: number, length = 20): Buffer => {
  const bytes = Buffer.alloc(length);
  bytes.writeUInt16LE(size, 2);
  bytes.writeUInt32LE(0x1f01ff, 4);
  bytes.writeUInt8(1, 8);
  bytes.writeUInt8(subAuthorities, 9);
  return bytes;
};
/** Invalid descriptors, each by one field. */
const hostile: readonly (readonly [string, Uint8Array])[] = [
  ['no bytes', Buffer.alloc(0)],
  ['a header cut short', Buffer.from([1, 0, 4, 0x80, 0, 0])],
  ['revision 2', Buffer.from(descriptor).fill(2, 0, 1)],
  [
    'an owner behind the end',
    (() => {
      const b = Buffer.from(descriptor);
      b.writeUInt32LE(0xfffffff0, 4);
      return b;
    })(),
  ],
  [
    'an owner inside the header',
    (() => {
      const b = Buffer.from(descriptor);
      b.writeUInt32LE(4, 4);
      return b;
    })(),
  ],
  ['a list behind the end', withDacl(Buffer.alloc(0))],
  ['a list shorter than its header', withDacl(listOf(4, 0, Buffer.alloc(0)))],
  ['a list longer than the bytes', withDacl(listOf(200, 1, ace(20, 1)))],
  ['more entries than fit', withDacl(listOf(28, 0xffff, ace(20, 1)))],
  ['an entry of no size', withDacl(listOf(28, 1, ace(0, 1)))],
  ['an entry larger than the list', withDacl(listOf(28, 1, ace(40, 1)))],
  ['an entry smaller than its SID', withDacl(listOf(28, 1, ace(12, 1)))],
  ['a SID of 255 parts', withDacl(listOf(28, 1, ace(20, 255)))],
  ['a SID of 16 parts', withDacl(listOf(28, 1, ace(20, 16)))],
];

describe('descriptors (ACL)', () => {
  for (const [what, bytes] of hostile) {
    test(`from a client: ${what} is rejected, at CREATE and SET_INFO, and nothing is stored`, async () => {
      const server = testServer();
      const errors: unknown[] = [];
      server.events.on('error', (error) => errors.push(error));
      const client = await RawClient.at(server);
      const made = await client.create('new', { createContexts: [{ name: CreateContextName.SdBuffer, data: bytes }] });
      ok(isError(made.status));
      const ids = idsOf(await client.create('file'));
      const before = (await client.ask(asking(ids, 0, { infoType: 3, additionalInformation: 7 }))).read(QueryInfoResponse).buffer;
      ok(isError((await client.ask(setting(ids, 0, bytes, { infoType: 3, additionalInformation: 7 }))).status));
      const after = (await client.ask(asking(ids, 0, { infoType: 3, additionalInformation: 7 }))).read(QueryInfoResponse).buffer;
      deepStrictEqual(Buffer.concat(after), Buffer.concat(before));
      deepStrictEqual(errors, []);
      await server.close();
    });

    test(`from the store: ${what} grants no access, causes no internal error, and leaks no handle`, async () => {
      const store = createMemoryStore();
      const server = testServer({ shares: { share: store } });
      const errors: unknown[] = [];
      server.events.on('error', (error) => errors.push(error));
      const client = await RawClient.at(server);
      await client.ask(closing(idsOf(await client.create('folder', { createOptions: CreateOptions.DirectoryFile }))));
      const open = idsOf(await client.create('folder'));
      await (await entryOf(store, 'folder')).setDescriptor?.(bytes);
      const tried: Answer[] = [
        await client.create('folder'),
        await client.create('folder', { desiredAccess: rights.MaximumAllowed }),
        await client.create('folder\\below'),
        await client.ask(asking(open, 0, { infoType: 3, additionalInformation: 7 })),
        await client.ask(setting(open, 0, descriptor, { infoType: 3, additionalInformation: 4 })),
      ];
      for (const { status } of tried) ok(isError(status) && status !== NtStatus.InternalError, status.toString(16));
      strictEqual(server.opens.size, 1);
      deepStrictEqual(errors, []);
      await server.close();
    });
  }

  test('a list that would be too long for an inheriting file rejects the new file, and causes no internal error', async () => {
    const server = testServer();
    const errors: unknown[] = [];
    server.events.on('error', (error) => errors.push(error));
    const client = await RawClient.at(server);
    const flags = AceFlags.ObjectInherit | AceFlags.ContainerInherit;
    const many = Array.from({ length: 3200 }, () => ({
      type: AceType.AccessAllowed,
      flags,
      mask: 0x1f01ff,
      sid: WellKnownSid.CreatorOwner,
    }));
    const long = encodeSecurityDescriptor({ control: 0, dacl: { revision: 2, aces: [{ ...everyone, flags }, ...many] } });
    const folder = idsOf(await client.create('folder', { createOptions: CreateOptions.DirectoryFile }));
    const element = setting(folder, 0, long, { infoType: 3, additionalInformation: 4 });
    strictEqual((await client.ask(element)).status, NtStatus.Success);
    const made = await client.create('folder\\below', { createOptions: CreateOptions.DirectoryFile });
    strictEqual(made.status, NtStatus.InvalidAcl);
    deepStrictEqual(errors, []);
    await server.close();
  });
});

describe('attributes, streams and offsets (EAS)', () => {
  const chain = (next: number, nameLength: number, valueLength: number, length = 24): Buffer => {
    const bytes = Buffer.alloc(length);
    bytes.writeUInt32LE(next, 0);
    bytes.writeUInt8(nameLength, 5);
    bytes.writeUInt16LE(valueLength, 6);
    bytes.write('NAME', 8);
    return bytes;
  };

  test('a list of attributes whose next offset is outside, backwards, zero or unaligned is rejected, in SET_INFO and CREATE', async () => {
    const server = testServer();
    const client = await RawClient.at(server);
    const ids = idsOf(await client.create('file'));
    for (const bytes of [
      chain(1, 4, 0),
      chain(2, 4, 0),
      chain(7, 4, 0),
      chain(24, 4, 0),
      chain(0x7fffffff, 4, 0),
      chain(0xfffffffc, 4, 0),
      chain(0, 200, 0),
      chain(0, 4, 0xffff),
      chain(0, 255, 0xffff),
      Buffer.alloc(7),
      Buffer.alloc(1),
    ]) {
      ok(isError((await client.ask(setting(ids, FileInformationClass.FullEa, bytes))).status), bytes.toString('hex'));
      ok(isError((await client.create('new', { createContexts: [{ name: CreateContextName.EaBuffer, data: bytes }] })).status));
    }
    strictEqual((await client.ask(asking(ids, FileInformationClass.FullEa))).status, NtStatus.NoEasOnFile);
    await server.close();
  });

  test('all attributes of a file together have at most 64 KiB', async () => {
    const server = testServer();
    const client = await RawClient.at(server);
    const ids = idsOf(await client.create('file'));
    const big = Buffer.alloc(40_000, 1);
    strictEqual((await client.ask(setting(ids, FileInformationClass.FullEa, eas('ONE', big)))).status, NtStatus.Success);
    strictEqual((await client.ask(setting(ids, FileInformationClass.FullEa, eas('TWO', big)))).status, NtStatus.EaTooLarge);
    strictEqual((await client.ask(setting(ids, FileInformationClass.FullEa, eas('one', big)))).status, NtStatus.Success, 'the same again');
    await server.close();
  });

  test('attributes of other programs that the protocol cannot express are left out', async () => {
    const store = createMemoryStore();
    const server = testServer({ shares: { share: store } });
    const errors: unknown[] = [];
    server.events.on('error', (error) => errors.push(error));
    const client = await RawClient.at(server);
    const ids = idsOf(await client.create('file'));
    const entry = await entryOf(store, 'file');
    await entry.setXattr?.('large', Buffer.alloc(65536));
    await entry.setXattr?.('x'.repeat(300), Buffer.of(1));
    await entry.setXattr?.('имя', Buffer.of(1));
    await entry.setXattr?.('good', Buffer.of(1));
    const answer = await client.ask(asking(ids, FileInformationClass.FullEa));
    strictEqual(answer.status, NtStatus.Success);
    const bytes = Buffer.concat(answer.read(QueryInfoResponse).buffer);
    deepStrictEqual(
      fullEas.read(new Frame(bytes), 0, bytes.length).map(({ eaName }) => eaName),
      ['good'],
    );
    strictEqual((await client.ask(asking(ids, FileInformationClass.All))).status, NtStatus.Success);
    deepStrictEqual(errors, []);
    await server.close();
  });

  for (const name of ['file', 'file:stream']) {
    test(`offsets and sizes of ${name} at and beyond 2^53 and 2^63 are rejected or answered, and cause no internal error`, async () => {
      const server = testServer();
      const errors: unknown[] = [];
      server.events.on('error', (error) => errors.push(error));
      const client = await RawClient.at(server);
      const ids = idsOf(await client.create(name));
      await client.ask(writing(ids, 'data'));
      const edges = [2n ** 53n - 1n, 2n ** 53n, 2n ** 62n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 4n, 2n ** 64n - 1n];
      for (const edge of edges) {
        for (const [element, at] of [
          [writing(ids, 'xxxx'), 64 + 8],
          [reading(ids, 4), 64 + 8],
          [locking(ids, edge, 4n, 0x12), 0],
          [setting(ids, FileInformationClass.Position, u64(edge)), 0],
          [setting(ids, FileInformationClass.Basic, Buffer.concat([u64(edge, edge, edge, edge), Buffer.alloc(8)])), 0],
          [control(ids, Fsctl.SetZeroData, { input: u64(edge, edge + 4n) }), 0],
          [control(ids, Fsctl.SetZeroData, { input: u64(0, edge) }), 0],
          [control(ids, Fsctl.QueryAllocatedRanges, { input: u64(edge, edge) }), 0],
          [control(ids, Fsctl.QueryFileRegions, { input: Buffer.concat([u64(edge, edge), Buffer.alloc(8)]) }), 0],
        ] as const) {
          const bytes = client.encode([element]);
          if (at > 0) Buffer.from(bytes.buffer).writeBigUInt64LE(edge, at);
          client.sendFrame(bytes);
          const [answer] = (await client.next()) ?? [];
          ok(answer !== undefined && answer.status !== NtStatus.InternalError, `${edge}`);
          if (at > 0) ok(isError(answer.status), `${edge}`);
        }
        for (const informationClass of [FileInformationClass.All, FileInformationClass.NetworkOpen])
          strictEqual((await client.ask(asking(ids, informationClass))).status, NtStatus.Success);
      }
      deepStrictEqual(errors, []);
      await server.close();
    });
  }

  test('a file of petabytes without data is zeroed at once, sparse or not', async () => {
    const server = testServer();
    const client = await RawClient.at(server);
    const ids = idsOf(await client.create('file'));
    strictEqual((await client.ask(setting(ids, FileInformationClass.EndOfFile, u64(2n ** 50n)))).status, NtStatus.Success);
    strictEqual((await client.ask(control(ids, Fsctl.SetZeroData, { input: u64(0, 2n ** 50n) }))).status, NtStatus.Success);
    await server.close();
  });

  test('bytes between the old end and a write beyond it read as zeros, in a file and in a stream (CVE-2025-9640)', async () => {
    const server = testServer();
    const client = await RawClient.at(server);
    for (const name of ['file', 'file:stream']) {
      const ids = idsOf(await client.create(name));
      await client.ask(writing(ids, 'x', 5000));
      const answer = await client.ask(reading(ids, 5000));
      ok(answer.bytes.subarray(80).every((byte) => byte === 0));
    }
    await server.close();
  });
});
