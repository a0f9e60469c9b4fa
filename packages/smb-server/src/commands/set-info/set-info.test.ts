import { deepEqual, equal } from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  CreateContextName,
  CreateDisposition,
  CreateOptions,
  FileAllInformation,
  FileInformationClass,
  Fsctl,
  fullEas,
  NtStatus,
  QueryInfoResponse,
} from '@ring3/smb-proto';
import { createMemoryStore, type Vfs } from '@ring3/vfs';
import { encode, Frame } from '@ring3/wire';
import { asking, control, type Ids, idsOf, reading, setting, writing } from '../../testing/elements.ts';
import { type Element, RawClient, testServer } from '../../testing/raw-client.ts';

const { WriteThrough, SequentialOnly, NoIntermediateBuffering, SynchronousIoAlert, SynchronousIoNonalert, DeleteOnClose } = CreateOptions;

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
const u64 = (value: bigint): Uint8Array => new Uint8Array(BigUint64Array.of(value).buffer);

async function stage(createOptions = 0, vfs: Vfs = createMemoryStore()) {
  const client = await RawClient.at(testServer({ shares: { share: vfs } }));
  const file = idsOf(await client.create('file', { createOptions }));
  const status = async (element: Element): Promise<number> => (await client.ask(element)).status;
  const query = async (fileInfoClass: number): Promise<Buffer> =>
    Buffer.concat((await client.ask(asking(file, fileInfoClass))).read(QueryInfoResponse).buffer as Uint8Array[]);
  return { client, file, status, query, set: (fileInfoClass: number, data: Uint8Array) => status(setting(file, fileInfoClass, data)) };
}

describe('FileModeInformation', () => {
  test('reports the options of the CREATE, except for those that a server ignores (MS-FSCC 2.4.24, MS-SMB2 2.2.13)', async () => {
    for (const [createOptions, mode] of [
      [0, 0],
      [WriteThrough, WriteThrough],
      [NoIntermediateBuffering, NoIntermediateBuffering],
      [WriteThrough | SequentialOnly | NoIntermediateBuffering | DeleteOnClose, 0x100e],
      [SynchronousIoAlert | CreateOptions.NonDirectoryFile | CreateOptions.RandomAccess, 0],
    ] as const) {
      const { query } = await stage(createOptions);
      equal((await query(FileInformationClass.Mode)).readUInt32LE(), mode);
      const all = await query(FileInformationClass.All);
      equal(FileAllInformation.read(new Frame(all), 0, all.length).mode, mode);
    }
  });

  test('changes write-through and sequential access, and nothing else (MS-FSA 2.1.5.15.7)', async () => {
    const { set, query } = await stage(SequentialOnly);
    for (const mode of [WriteThrough, WriteThrough | SequentialOnly, 0]) {
      equal(await set(FileInformationClass.Mode, u32(mode)), NtStatus.Success);
      equal((await query(FileInformationClass.Mode)).readUInt32LE(), mode);
    }
    const synchronous = [SynchronousIoAlert, SynchronousIoNonalert, SynchronousIoAlert | SynchronousIoNonalert];
    for (const mode of [...synchronous, NoIntermediateBuffering, DeleteOnClose, 1, 0x40, WriteThrough | 0x80000000]) {
      equal(await set(FileInformationClass.Mode, u32(mode)), NtStatus.InvalidParameter, mode.toString(16));
    }
    equal((await query(FileInformationClass.Mode)).readUInt32LE(), 0);
  });

  test('of an open without buffering keeps its write-through (MS-FSA 2.1.5.15.7)', async () => {
    const { set, query } = await stage(NoIntermediateBuffering | WriteThrough);
    equal(await set(FileInformationClass.Mode, u32(SequentialOnly)), NtStatus.Success);
    equal((await query(FileInformationClass.Mode)).readUInt32LE(), NoIntermediateBuffering | WriteThrough | SequentialOnly);
  });
});

describe('an open without buffering (FILE_NO_INTERMEDIATE_BUFFERING)', () => {
  const sector = new Uint8Array(512);

  test('reads and writes whole sectors (MS-FSA 2.1.5.3, 2.1.5.4)', async () => {
    const { file, status } = await stage(NoIntermediateBuffering);
    equal(await status(writing(file, new Uint8Array(1024))), NtStatus.Success);
    for (const [offset, length] of [
      [1, 512],
      [0, 511],
      [512, 1],
      [511, 513],
    ] as const) {
      equal(await status(reading(file, length, offset)), NtStatus.InvalidParameter, `read ${length} at ${offset}`);
      equal(await status(writing(file, sector.subarray(0, length), offset)), NtStatus.InvalidParameter, `write ${length} at ${offset}`);
    }
    equal(await status(reading(file, 512, 512)), NtStatus.Success);
    equal(await status(reading(file, 4096, 0)), NtStatus.Success, 'beyond the end');
    equal(await status(writing(file, sector, 2048)), NtStatus.Success);
  });

  test('takes a position that is a multiple of the sector (MS-FSA 2.1.5.15.9)', async () => {
    const { set } = await stage(NoIntermediateBuffering);
    equal(await set(FileInformationClass.Position, u64(512n)), NtStatus.Success);
    equal(await set(FileInformationClass.Position, u64(513n)), NtStatus.InvalidParameter);
    equal(await (await stage()).set(FileInformationClass.Position, u64(513n)), NtStatus.Success);
  });

  test('does not affect another open of the same file', async () => {
    const { client, file, status } = await stage(NoIntermediateBuffering);
    await status(writing(file, sector));
    const other = idsOf(await client.create('file'));
    equal(await status(reading(other, 10, 3)), NtStatus.Success);
    equal(await status(writing(other, 'abc', 3)), NtStatus.Success);
  });
});

describe('a size beyond the largest that a file can have is an invalid parameter', () => {
  for (const [name, fileInfoClass] of [
    ['FileEndOfFileInformation, MS-FSA 2.1.5.15.4', FileInformationClass.EndOfFile],
    ['FileAllocationInformation, MS-FSA 2.1.5.15.1', FileInformationClass.Allocation],
  ] as const) {
    test(name, async () => {
      const { set } = await stage();
      for (const size of [2n ** 53n, 2n ** 62n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n]) {
        equal(await set(fileInfoClass, u64(size)), NtStatus.InvalidParameter, String(size));
      }
    });
  }
});

describe('extended attributes', () => {
  const eaValue = Buffer.from('value');
  const list = (...eas: { flags: number; eaName: string }[]): Uint8Array =>
    encode(
      fullEas,
      eas.map((ea) => ({ ...ea, eaValue })),
      Frame.alloc,
    );
  const bad = list({ flags: 0, eaName: 'GOOD' }, { flags: 0x41, eaName: 'BAD' });

  test('with undefined flags have an invalid name, and none of their list is set (MS-FSA 2.1.5.15.5)', async () => {
    const { set, status, file } = await stage();
    equal(await set(FileInformationClass.FullEa, bad), NtStatus.InvalidEaName);
    equal(await status(asking(file, FileInformationClass.FullEa)), NtStatus.NoEasOnFile);
    equal(await set(FileInformationClass.FullEa, list({ flags: 0x80, eaName: 'NEEDED' })), NtStatus.Success);
  });

  test('with undefined flags end a CREATE (MS-SMB2 3.3.5.9.1)', async () => {
    const { client } = await stage();
    const createContexts = [{ name: CreateContextName.EaBuffer, data: bad }];
    equal((await client.create('new', { createContexts })).status, NtStatus.InvalidEaName);
    equal((await client.create('new', { createDisposition: CreateDisposition.Open })).status, NtStatus.ObjectNameNotFound);
  });
});

test('a reparse buffer has the length in its header (MS-FSA 2.1.5.10.37, 2.1.5.10.5)', async () => {
  const { file, status } = await stage();
  const buffer = (length: number, said: number): Uint8Array => {
    const bytes = Buffer.alloc(length);
    if (length >= 4) bytes.writeUInt32LE(0xa000000c);
    if (length >= 6) bytes.writeUInt16LE(said, 4);
    return bytes;
  };
  const sent = (ids: Ids, code: number, input: Uint8Array): Promise<number> => status(control(ids, code, { input }));
  for (const [length, said] of [
    [0, 0],
    [7, 0],
    [8, 1],
    [20, 11],
    [20, 13],
    [16385, 16377],
  ] as const) {
    equal(await sent(file, Fsctl.SetReparsePoint, buffer(length, said)), NtStatus.IoReparseDataInvalid, `${length}, ${said}`);
  }
  for (const length of [0, 7]) equal(await sent(file, Fsctl.DeleteReparsePoint, buffer(length, 0)), NtStatus.IoReparseDataInvalid);
  deepEqual(await sent(file, Fsctl.DeleteReparsePoint, buffer(8, 0)), NtStatus.NotAReparsePoint);
});
