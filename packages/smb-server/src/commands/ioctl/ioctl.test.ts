import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AccessMask,
  CloseRequest,
  Command,
  CompressionState,
  CreateDisposition,
  CreateOptions,
  CreateResponse,
  DuplicateExtentsData,
  decodeSymbolicLink,
  encodeSymbolicLink,
  FileAllocatedRangeBuffer,
  FileAttributes,
  FileRegionInput,
  FileRegionOutput,
  FileSetSparseBuffer,
  FileZeroDataInformation,
  Fsctl,
  IoctlRequest,
  IoctlResponse,
  LockRequest,
  NtStatus,
  PipePeekHead,
  ReadRequest,
  ReadResponse,
  ReparseDataBuffer,
  ReparseTag,
  SrvCopychunkCopy,
  SrvCopychunkResponse,
  SrvRequestResumeKeyResponse,
  SrvSnapshotArray,
  WriteRequest,
} from '@ring3/smb-proto';
import { createMemoryStore, type Vfs, withoutFeatures } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import { idsOf } from '../../testing/elements.ts';
import { type Answer, type Element, RawClient, testServer } from '../../testing/raw-client.ts';
import { rows } from './table.ts';

type Ids = { persistentFileId: number; volatileFileId: number };
const none = new Uint8Array(0);

const controlling = (ids: Ids, ctlCode: number, input: Uint8Array = none, maxOutputResponse = 1024): Element => ({
  command: Command.Ioctl,
  body: IoctlRequest.encode({ ...ids, ctlCode, maxInputResponse: 0, maxOutputResponse, flags: 1, input, output: none }),
});
const outputOf = (answer: Answer): Buffer => Buffer.concat(answer.read(IoctlResponse).output);
const written = <T>(declaration: { byteLength: number; write(frame: Frame, at: number, value: T): void }, value: T): Uint8Array => {
  const frame = Frame.alloc(declaration.byteLength);
  declaration.write(frame, 0, value);
  return frame.bytes;
};

async function stage(vfs: Vfs = createMemoryStore()) {
  const server = testServer({ shares: { share: vfs } });
  const client = await RawClient.at(server);
  const control = async (ids: Ids, code: number, input?: Uint8Array, room?: number): Promise<Answer> =>
    client.ask(controlling(ids, code, input, room));
  return {
    server,
    client,
    control,
    status: async (...args: Parameters<typeof control>): Promise<number> => (await control(...args)).status,
    async file(name: string, text = ''): Promise<Ids> {
      const ids = idsOf(await client.create(name));
      const body = { ...ids, offset: 0, channel: 0, remainingBytes: 0, flags: 0, writeChannelInfo: none, data: [Buffer.from(text)] };
      await client.ask({ command: Command.Write, body: WriteRequest.encode(body) });
      return ids;
    },
    async text(ids: Ids): Promise<string> {
      const body = { ...ids, flags: 0, length: 4096, offset: 0, minimumCount: 0, channel: 0, remainingBytes: 0, readChannelInfo: none };
      const answer = await client.ask({ command: Command.Read, body: ReadRequest.encode(body) });
      return answer.status === NtStatus.EndOfFile ? '' : Buffer.concat(answer.read(ReadResponse).data).toString('latin1');
    },
    async key(ids: Ids): Promise<Uint8Array> {
      return SrvRequestResumeKeyResponse.read(new Frame(outputOf(await control(ids, Fsctl.SrvRequestResumeKey))), 0).resumeKey;
    },
  };
}

type Chunk = readonly [sourceOffset: number, targetOffset: number, length: number];
const copying = (sourceKey: Uint8Array, chunks: readonly Chunk[]): Uint8Array =>
  SrvCopychunkCopy.encode({
    sourceKey,
    chunks: chunks.map(([sourceOffset, targetOffset, length]) => ({
      sourceOffset: BigInt(sourceOffset),
      targetOffset: BigInt(targetOffset),
      length,
    })),
  }).head;
const copied = (answer: Answer): number[] => Object.values(SrvCopychunkResponse.read(new Frame(outputOf(answer)), 0));

test('SRV_COPYCHUNK copies ranges from the open that the key names (MS-SMB2 3.3.5.15.6)', async () => {
  const { file, key, control, text } = await stage();
  const source = await file('source', 'hello world');
  const target = await file('target', '...........');
  const answer = await control(target, Fsctl.SrvCopychunk, copying(await key(source), [[6, 0, 5], [0, 6, 5]])); // biome-ignore format: ranges
  assert.deepEqual([answer.status, copied(answer)], [NtStatus.Success, [2, 0, 10]]);
  assert.equal(await text(target), 'world.hello');
});

test('SRV_COPYCHUNK reports its limits if a request exceeds them (MS-SMB2 3.3.5.15.6.2)', async () => {
  const { file, key, control } = await stage();
  const source = await key(await file('source', 'x'));
  const target = await file('target');
  const mebi = 1024 * 1024;
  const beyond: Chunk[][] = [
    Array.from({ length: 257 }, (): Chunk => [0, 0, 1]),
    [[0, 0, mebi + 1]],
    [[0, 0, 0]],
    Array.from({ length: 17 }, (): Chunk => [0, 0, mebi]),
  ];
  for (const chunks of beyond) {
    const answer = await control(target, Fsctl.SrvCopychunk, copying(source, chunks), 65536);
    assert.deepEqual([answer.status, copied(answer)], [NtStatus.InvalidParameter, [256, mebi, 16 * mebi]]);
  }
});

test('SRV_COPYCHUNK stops at the first range that fails, and reports what was copied (MS-SMB2 3.3.5.15.6.1)', async () => {
  const { file, key, control, text } = await stage();
  const source = await file('source', 'hello');
  const target = await file('target');
  const answer = await control(target, Fsctl.SrvCopychunkWrite, copying(await key(source), [[0, 0, 5], [3, 5, 5], [0, 10, 1]])); // biome-ignore format: ranges
  assert.deepEqual([answer.status, copied(answer)], [NtStatus.InvalidViewSize, [1, 0, 5]]);
  assert.equal(await text(target), 'hello');
});

test('SRV_COPYCHUNK checks the locks of source and target (MS-SMB2 3.3.5.15.6)', async () => {
  for (const locked of ['source', 'target']) {
    const { client, file, key, control } = await stage();
    const [source, target] = [await file('source', 'hello'), await file('target', 'there')];
    const other = idsOf(await client.create(locked));
    await client.ask({
      command: Command.Lock,
      body: LockRequest.encode({ ...other, lockSequence: 0, locks: [{ offset: 0n, length: 5n, flags: 0x12 }] }),
    });
    assert.equal((await control(target, Fsctl.SrvCopychunk, copying(await key(source), [[0, 0, 1]]))).status, NtStatus.FileLockConflict);
  }
});

test('a copy needs rights on both files, except for _WRITE also to read the target (MS-SMB2 3.3.5.15.6)', async () => {
  const { client, file, key, status } = await stage();
  const source = await file('source', 'hello');
  const open = async (name: string, desiredAccess: number): Promise<Ids> => idsOf(await client.create(name, { desiredAccess }));
  const writeOnly = await open('target', AccessMask.FileWriteData);
  const readOnly = await open('target', AccessMask.FileReadData);
  const look = await open('source', AccessMask.FileReadAttributes);
  const all = copying(await key(source), [[0, 0, 5]]);
  assert.equal(await status(writeOnly, Fsctl.SrvCopychunk, all), NtStatus.AccessDenied);
  assert.equal(await status(writeOnly, Fsctl.SrvCopychunkWrite, all), NtStatus.Success);
  assert.equal(await status(readOnly, Fsctl.SrvCopychunk, all), NtStatus.AccessDenied);
  assert.equal(await status(writeOnly, Fsctl.SrvCopychunkWrite, copying(await key(look), [[0, 0, 5]])), NtStatus.AccessDenied);
});

test('a resume key is valid while its open exists, for the session of the open (MS-SMB2 3.3.5.15.5)', async () => {
  const { server, client, file, key, status } = await stage();
  const source = await file('source', 'hello');
  const target = await file('target');
  const all = copying(await key(source), [[0, 0, 5]]);
  const other = await RawClient.at(server, 'share', 'bob', 'word');
  const theirs = idsOf(await other.create('theirs'));
  assert.equal((await other.ask(controlling(theirs, Fsctl.SrvCopychunk, all))).status, NtStatus.ObjectNameNotFound);
  await client.ask({ command: Command.Close, body: CloseRequest.encode({ flags: 0, ...source }) });
  assert.equal(await status(target, Fsctl.SrvCopychunk, all), NtStatus.ObjectNameNotFound);
});

test('SET_ZERO_DATA makes a range read as zeros and keeps the size (MS-FSA 2.1.5.10)', async () => {
  for (const vfs of [createMemoryStore(), withoutFeatures(createMemoryStore(), ['sparse'])]) {
    const { file, status, text } = await stage(vfs);
    const ids = await file('file', 'abcdef');
    assert.equal(await status(ids, Fsctl.SetZeroData, written(FileZeroDataInformation, { fileOffset: 2n, beyondFinalZero: 4n })), 0);
    assert.equal(await text(ids), 'ab\0\0ef');
    assert.equal(await status(ids, Fsctl.SetZeroData, written(FileZeroDataInformation, { fileOffset: 4n, beyondFinalZero: 2n ** 40n })), 0);
    assert.equal(await text(ids), 'ab\0\0\0\0');
    const backwards = written(FileZeroDataInformation, { fileOffset: 4n, beyondFinalZero: 3n });
    assert.equal(await status(ids, Fsctl.SetZeroData, backwards), NtStatus.InvalidParameter);
  }
});

test('SET_SPARSE sets and clears the attribute; QUERY_ALLOCATED_RANGES then leaves out holes (MS-FSA 2.1.5.10)', async () => {
  const { client, file, control, status } = await stage();
  const ids = await file('file', 'x'.repeat(200_000));
  const attributes = async (): Promise<number> =>
    (await client.create('file')).read(CreateResponse).fileAttributes & FileAttributes.SparseFile;
  assert.equal(await attributes(), 0);
  assert.equal(await status(ids, Fsctl.SetSparse), NtStatus.Success);
  assert.equal(await attributes(), FileAttributes.SparseFile);
  await control(ids, Fsctl.SetZeroData, written(FileZeroDataInformation, { fileOffset: 0n, beyondFinalZero: 131072n }));
  const whole = written(FileAllocatedRangeBuffer, { fileOffset: 0n, length: 200_000n });
  const output = outputOf(await control(ids, Fsctl.QueryAllocatedRanges, whole));
  assert.deepEqual(FileAllocatedRangeBuffer.read(new Frame(output), 0), { fileOffset: 131072n, length: 200_000n - 131072n });
  assert.equal(await status(ids, Fsctl.QueryAllocatedRanges, whole, 15), NtStatus.BufferTooSmall);
  assert.equal(await status(ids, Fsctl.SetSparse, written(FileSetSparseBuffer, { setSparse: 0 })), NtStatus.Success);
  assert.equal(await attributes(), 0);
});

test('DUPLICATE_EXTENTS_TO_FILE shares a range, never over itself, never moving the end of the file (MS-FSA 2.1.5.10.4)', async () => {
  const { file, status, text } = await stage();
  const source = await file('source', 'hello world');
  const target = await file('target', '.....');
  const data = (from: Ids, sourceFileOffset: number, targetFileOffset: number, byteCount: number): Uint8Array =>
    written(DuplicateExtentsData, {
      sourceFileIdPersistent: from.persistentFileId,
      sourceFileIdVolatile: from.volatileFileId,
      sourceFileOffset: BigInt(sourceFileOffset),
      targetFileOffset: BigInt(targetFileOffset),
      byteCount: BigInt(byteCount),
    });
  const clone = Fsctl.DuplicateExtentsToFile;
  assert.equal(await status(target, clone, data(source, 0, 0, 11)), NtStatus.Success);
  assert.equal(await text(target), 'hello');
  assert.equal(await status(source, clone, data(source, 0, 2, 4)), NtStatus.NotSupported);
  assert.equal(await status(target, clone, data(source, 0, 0, 2 ** 40)), NtStatus.NotSupported);
  assert.equal(await status(target, clone, data({ ...source, volatileFileId: 9999 }, 0, 0, 1)), NtStatus.InvalidHandle);
  const poor = await stage(withoutFeatures(createMemoryStore(), ['clone']));
  const file2 = await poor.file('file', 'x');
  assert.equal(await poor.status(file2, clone, data(file2, 0, 0, 1)), NtStatus.InvalidDeviceRequest);
});

test('compression may be set to none; another format fails, and an undefined one is invalid (MS-FSA 2.1.5.10.30)', async () => {
  const { file, status, control } = await stage();
  const ids = await file('file');
  assert.equal(CompressionState.read(new Frame(outputOf(await control(ids, Fsctl.GetCompression))), 0).compressionState, 0);
  assert.equal(await status(ids, Fsctl.SetCompression, Uint8Array.of(0, 0)), NtStatus.Success);
  assert.equal(await status(ids, Fsctl.SetCompression, Uint8Array.of(1, 0)), NtStatus.NotSupported);
  assert.equal(await status(ids, Fsctl.SetCompression, Uint8Array.of(2, 0)), NtStatus.NotSupported);
  assert.equal(await status(ids, Fsctl.SetCompression, Uint8Array.of(3, 0)), NtStatus.InvalidParameter);
  assert.equal(await status(ids, Fsctl.SetCompression, Uint8Array.of(0)), NtStatus.InvalidParameter);
  assert.equal(await status(ids, Fsctl.GetCompression, undefined, 1), NtStatus.InvalidParameter);
  assert.equal(await status(ids, Fsctl.IsPathnameValid), NtStatus.Success);
  assert.equal(await status(ids, Fsctl.FileLevelTrim), NtStatus.NotSupported);
});

test('QUERY_FILE_REGIONS reports the valid data of a range; snapshots are not supported (MS-FSA 2.1.5.10, MS-SMB2 3.3.5.15.1)', async () => {
  const { file, control } = await stage();
  const ids = await file('file', 'x'.repeat(100));
  const region = written(FileRegionInput, { fileOffset: 10n, length: 1000n, desiredUsage: 1 });
  const output = outputOf(await control(ids, Fsctl.QueryFileRegions, region));
  const { regions } = FileRegionOutput.read(new Frame(output), 0, output.length);
  assert.deepEqual(regions, [{ fileOffset: 10n, length: 90n, usage: 1, reserved: 0 }]);
  const snapshots = SrvSnapshotArray.read(new Frame(outputOf(await control(ids, Fsctl.SrvEnumerateSnapshots))), 0);
  assert.equal(snapshots.numberOfSnapshots, 0);
});

const link = (substituteName: string, relative = true): Uint8Array =>
  encodeSymbolicLink({ substituteName, printName: substituteName, relative });
const asLink = { createOptions: CreateOptions.OpenReparsePoint };

test('SET_REPARSE_POINT makes an empty file a link inside the share, GET returns it, and an open follows it (MS-FSA 2.1.5.10)', async () => {
  const { client, file, control, status, text } = await stage();
  await client.create('d', { createOptions: CreateOptions.DirectoryFile });
  await file('target', 'found');
  const ids = idsOf(await client.create('d\\link', asLink));
  assert.equal(await status(ids, Fsctl.GetReparsePoint), NtStatus.NotAReparsePoint);
  assert.equal(await status(ids, Fsctl.SetReparsePoint, link('..\\target')), NtStatus.Success);
  const output = outputOf(await control(ids, Fsctl.GetReparsePoint));
  const { substituteName, relative } = decodeSymbolicLink(ReparseDataBuffer.read(new Frame(output), 0, output.length)) ?? {};
  assert.deepEqual([substituteName, relative], ['..\\target', true]);
  const attributes = (await client.create('d\\link', { ...asLink, createDisposition: CreateDisposition.Open })).read(CreateResponse);
  assert.ok(attributes.fileAttributes & FileAttributes.ReparsePoint);
  const followed = idsOf(await client.create('d\\link', { createDisposition: CreateDisposition.Open }));
  assert.equal(await text(followed), 'found');
});

test('a link that leaves the share, or is absolute, cannot be made; nor another reparse point (MS-FSA 2.1.5.10)', async () => {
  const { client, file, status } = await stage();
  await client.create('d', { createOptions: CreateOptions.DirectoryFile });
  const ids = idsOf(await client.create('d\\link', asLink));
  for (const target of ['..\\..\\x', 'a\\..\\..\\..\\x', '\\x', '..\\..']) {
    assert.equal(await status(ids, Fsctl.SetReparsePoint, link(target)), NtStatus.AccessDenied, target);
  }
  assert.equal(await status(ids, Fsctl.SetReparsePoint, link('\\??\\C:\\x', false)), NtStatus.AccessDenied);
  assert.equal(await status(ids, Fsctl.SetReparsePoint, link('a*b')), NtStatus.IoReparseDataInvalid);
  const other = ReparseDataBuffer.encode({ reparseTag: ReparseTag.MountPoint, reparseData: none }).head;
  assert.equal(await status(ids, Fsctl.SetReparsePoint, other), NtStatus.IoReparseTagNotHandled);
  assert.equal(await status(await file('full', 'data'), Fsctl.SetReparsePoint, link('x')), NtStatus.IoReparseDataInvalid);
  const poor = await stage(withoutFeatures(createMemoryStore(), ['links']));
  assert.equal(await poor.status(await poor.file('f'), Fsctl.SetReparsePoint, link('x')), NtStatus.IoReparseTagNotHandled);
});

test('DELETE_REPARSE_POINT makes a link an empty file again, by its own tag (MS-FSA 2.1.5.10)', async () => {
  const { client, file, status, text } = await stage();
  await file('target', 'found');
  const ids = idsOf(await client.create('link', asLink));
  const head = (reparseTag: number): Uint8Array => ReparseDataBuffer.encode({ reparseTag, reparseData: none }).head;
  assert.equal(await status(ids, Fsctl.DeleteReparsePoint, head(ReparseTag.Symlink)), NtStatus.NotAReparsePoint);
  await status(ids, Fsctl.SetReparsePoint, link('target'));
  assert.equal(await status(ids, Fsctl.DeleteReparsePoint, head(ReparseTag.MountPoint)), NtStatus.IoReparseTagMismatch);
  assert.equal(await status(ids, Fsctl.DeleteReparsePoint, head(ReparseTag.Symlink)), NtStatus.Success);
  assert.equal(await text(idsOf(await client.create('link'))), '');
});

test('a link is closed and deleted as any file; a file that others have open does not become one', async () => {
  const { server, client, status } = await stage();
  const ids = idsOf(await client.create('link', { createOptions: CreateOptions.OpenReparsePoint | CreateOptions.DeleteOnClose }));
  const other = idsOf(await client.create('link'));
  assert.equal(await status(ids, Fsctl.SetReparsePoint, link('x')), NtStatus.SharingViolation);
  await client.ask({ command: Command.Close, body: CloseRequest.encode({ flags: 0, ...other }) });
  assert.equal(await status(ids, Fsctl.SetReparsePoint, link('x')), NtStatus.Success);
  await client.ask({ command: Command.Close, body: CloseRequest.encode({ flags: 0, ...ids }) });
  const again = { ...asLink, createDisposition: CreateDisposition.Open };
  assert.equal((await client.create('link', again)).status, NtStatus.ObjectNameNotFound);
  assert.equal(server.opens.size, 0);
});

test('PIPE_PEEK returns what can be read, without removing it; a file is not a pipe (MS-SMB2 3.3.5.15.3)', async () => {
  const { client, file, status } = await stage();
  assert.equal(await status(await file('file'), Fsctl.PipePeek), NtStatus.InvalidDeviceRequest);
  await client.connect('IPC$');
  const pipe = idsOf(await client.create('srvsvc', { createDisposition: CreateDisposition.Open }));
  const answer = await client.ask(controlling(pipe, Fsctl.PipePeek));
  const head = PipePeekHead.read(new Frame(outputOf(answer)), 0);
  assert.deepEqual(head, { namedPipeState: 3, readDataAvailable: 0, numberOfMessages: 0, messageLength: 0 });
  assert.equal((await client.ask(controlling(pipe, Fsctl.PipePeek, none, 8))).status, NtStatus.BufferTooSmall);
});

test('any input of a code, cut anywhere or filled with ones, gets a response, and the connection stays (3.3.5.15)', async () => {
  const { client, file, control } = await stage();
  const inputs = [new Uint8Array(48), new Uint8Array(48).fill(0xff), link('x')];
  for (const code of Object.keys(rows).map(Number)) {
    if (code === Fsctl.ValidateNegotiateInfo) continue; // ends the connection, as it must
    const ids = await file(`file ${code}`);
    for (const input of inputs) {
      for (let length = 0; length <= input.length; length += 3) {
        for (const room of [0, 7, 1024]) {
          const { status } = await control(ids, code, input.subarray(0, length), room);
          assert.notEqual(status, NtStatus.InternalError, `code ${code.toString(16)}, ${length} bytes`);
        }
      }
    }
  }
  assert.equal(client.ended, undefined);
});
