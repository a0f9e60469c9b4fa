/** Fields of eight bytes at their limits: beyond 2^53 a double is not exact, and values above 2^63 - 1 are negative on the wire. */
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  Command,
  CreateContextName,
  DuplicateExtentsData,
  FileAllocatedRangeBuffer,
  FileInformationClass,
  FileRegionInput,
  FileRegionOutput,
  FileZeroDataInformation,
  Fsctl,
  IoctlResponse,
  LockRequest,
  NtStatus,
  ReadRequest,
  SrvCopychunkCopy,
  SrvCopychunkResponse,
  WriteRequest,
} from '@ring3/smb-proto';
import { createMemoryStore, withoutFeatures } from '@ring3/vfs';
import { encode, Frame, type Struct } from '@ring3/wire';
import { asking, closing, control, type Ids, idsOf, setting, writing } from '../testing/elements.ts';
import { type Answer, type Element, RawClient, testServer } from '../testing/raw-client.ts';

const { Success, InvalidParameter, EndOfFile, DiskFull, InvalidViewSize, InvalidLockRange } = NtStatus;
const max = 2n ** 63n - 1n;
const beyondDouble = 2n ** 53n;
const edges = [beyondDouble - 1n, beyondDouble, beyondDouble + 1n, max - 1n, max, max + 1n, 2n ** 64n - 1n];
/** Whether a signed field would be negative. */
const isNegative = (value: bigint): boolean => value > max;
const u64 = (...values: bigint[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 8);
  for (const [i, value] of values.entries()) bytes.writeBigUInt64LE(value, i * 8);
  return bytes;
};
// biome-ignore lint/suspicious/noExplicitAny: a declaration of any fields
const written = <D extends Struct<any>>(declaration: D, value: Parameters<D['write']>[2]): Uint8Array =>
  encode(declaration, value, Frame.alloc);

async function stage(): Promise<{ client: RawClient; ids: Ids; status(element: Element): Promise<number> }> {
  const client = await RawClient.at(testServer());
  const ids = idsOf(await client.create('file'));
  await client.ask(writing(ids, 'content'));
  return { client, ids, status: async (element) => (await client.ask(element)).status };
}
const outputOf = (answer: Answer): Frame => {
  const [bytes] = answer.read(IoctlResponse).output as readonly Uint8Array[];
  return new Frame(bytes ?? new Uint8Array(0));
};

describe('A field of eight bytes', () => {
  test('of FSCTL_QUERY_ALLOCATED_RANGES: the sum may be 2^63 - 1 (MS-FSA 2.1.5.10.22)', async () => {
    const { client, ids, status } = await stage();
    const ask = (fileOffset: bigint, length: bigint): Element =>
      control(ids, Fsctl.QueryAllocatedRanges, { input: written(FileAllocatedRangeBuffer, { fileOffset, length }) });
    deepStrictEqual(FileAllocatedRangeBuffer.read(outputOf(await client.ask(ask(0n, max))), 0), { fileOffset: 0n, length: 7n });
    for (const edge of edges) {
      strictEqual(await status(ask(0n, edge)), isNegative(edge) ? InvalidParameter : Success, `length ${edge}`);
      strictEqual(await status(ask(edge, 1n)), edge >= max ? InvalidParameter : Success, `offset ${edge}`);
      strictEqual(await status(ask(1n, edge)), edge >= max ? InvalidParameter : Success, `from 1, length ${edge}`);
    }
  });

  test('of FSCTL_SET_ZERO_DATA: BeyondFinalZero may be 2^63 - 1 (MS-FSA 2.1.5.10.37)', async () => {
    const { ids, status } = await stage();
    const ask = (fileOffset: bigint, beyondFinalZero: bigint): Element =>
      control(ids, Fsctl.SetZeroData, { input: written(FileZeroDataInformation, { fileOffset, beyondFinalZero }) });
    for (const edge of edges) {
      strictEqual(await status(ask(7n, edge)), isNegative(edge) ? InvalidParameter : Success, `to ${edge}`);
      strictEqual(await status(ask(edge, max)), isNegative(edge) ? InvalidParameter : Success, `from ${edge}`);
    }
    strictEqual(await status(ask(beyondDouble + 1n, beyondDouble)), InvalidParameter, 'backwards');
  });

  test('of FSCTL_QUERY_FILE_REGIONS: the whole file is asked for by 2^63 - 1 (MS-FSA 2.1.5.10)', async () => {
    const { client, ids, status } = await stage();
    const ask = (fileOffset: bigint, length: bigint): Element =>
      control(ids, Fsctl.QueryFileRegions, { input: written(FileRegionInput, { fileOffset, length, desiredUsage: 1 }) });
    const frame = outputOf(await client.ask(ask(0n, max)));
    deepStrictEqual(
      FileRegionOutput.read(frame, 0, frame.length).regions.map(({ length }) => length),
      [7n],
    );
    for (const edge of edges) {
      strictEqual(await status(ask(0n, edge)), isNegative(edge) ? InvalidParameter : Success);
      strictEqual(await status(ask(edge, 1n)), edge >= max ? InvalidParameter : Success);
    }
  });

  test('of FSCTL_SRV_COPYCHUNK: a source beyond the file, a target beyond the largest file (MS-SMB2 3.3.5.15.6)', async () => {
    const { client, ids } = await stage();
    const sourceKey = outputOf(await client.ask(control(ids, Fsctl.SrvRequestResumeKey))).bytes.subarray(0, 24);
    const copied = async (sourceOffset: bigint, targetOffset: bigint): Promise<number> => {
      const input = SrvCopychunkCopy.encode({ sourceKey, chunks: [{ sourceOffset, targetOffset, length: 1 }] }).head;
      const answer = await client.ask(control(ids, Fsctl.SrvCopychunk, { input }));
      if (answer.status === Success) return Success;
      strictEqual(SrvCopychunkResponse.read(outputOf(answer), 0).chunksWritten, 0);
      return answer.status;
    };
    for (const edge of edges) {
      strictEqual(await copied(edge, 0n), isNegative(edge) ? InvalidParameter : InvalidViewSize, `from ${edge}`);
      strictEqual(await copied(0n, edge), InvalidParameter, `to ${edge}`);
    }
  });

  test('of FSCTL_DUPLICATE_EXTENTS_TO_FILE is never rounded (MS-FSA 2.1.5.10.4)', async () => {
    const store = createMemoryStore();
    if (!store.features.has('clone')) return;
    const client = await RawClient.at(testServer({ shares: { share: store } }));
    const ids = idsOf(await client.create('file'));
    for (const edge of edges.filter((edge) => edge >= beyondDouble)) {
      for (const [sourceFileOffset, targetFileOffset, byteCount] of [
        [edge, 0n, 1n],
        [0n, edge, 1n],
        [0n, 1n, edge],
      ] as const) {
        // biome-ignore format: a table
        const input = written(DuplicateExtentsData, {
          sourceFileIdPersistent: ids.persistentFileId,
          sourceFileIdVolatile: ids.volatileFileId,
          sourceFileOffset,
          targetFileOffset,
          byteCount,
        });
        strictEqual((await client.ask(control(ids, Fsctl.DuplicateExtentsToFile, { input }))).status, InvalidParameter);
      }
    }
  });

  test('of SET_INFO: a value beyond the largest file is INVALID_PARAMETER (MS-FSA 2.1.5.15.1, 2.1.5.15.4), a position may be 2^63 - 1 (2.1.5.15.10)', async () => {
    const { client, ids, status } = await stage();
    for (const edge of edges.filter((edge) => edge >= beyondDouble)) {
      for (const informationClass of [FileInformationClass.EndOfFile, FileInformationClass.Allocation])
        strictEqual(await status(setting(ids, informationClass, u64(edge))), InvalidParameter, `${informationClass}: ${edge}`);
      strictEqual(await status(setting(ids, FileInformationClass.Position, u64(edge))), isNegative(edge) ? InvalidParameter : Success);
    }
    strictEqual((await client.ask(asking(ids, FileInformationClass.Position))).status, Success);
  });

  test('of READ and WRITE: beyond the file, beyond the largest file, beyond 2^63 - 1 (MS-FSA 2.1.5.3, 2.1.5.4)', async () => {
    const { ids, status } = await stage();
    const at = (element: Element, offset: bigint, field: number): Element => {
      const head = Buffer.from(element.body.head);
      head.writeBigUInt64LE(offset, head.length - element.body.head.length + 64 + field);
      return { ...element, body: { ...element.body, head } };
    };
    const reading: Element = {
      command: Command.Read,
      body: ReadRequest.encode({
        ...ids,
        flags: 0,
        length: 1,
        offset: 0,
        minimumCount: 0,
        channel: 0,
        remainingBytes: 0,
        readChannelInfo: new Uint8Array(0),
      }),
    };
    for (const edge of edges) {
      strictEqual(
        await status(at(reading, edge, ReadRequest.fixed.offset.offset)),
        edge >= max ? InvalidParameter : EndOfFile,
        `READ ${edge}`,
      );
      const write = at(writing(ids, 'x'), edge, WriteRequest.fixed.offset.offset);
      strictEqual(await status(write), InvalidParameter, `WRITE ${edge}`);
    }
  });

  test('of LOCK is exact: ranges next to each other beyond 2^53 do not meet (MS-FSA 2.1.5.8)', async () => {
    const { client, ids, status } = await stage();
    const other = idsOf(await client.create('file'));
    const locking = (ids: Ids, offset: bigint, length: bigint): Element => ({
      command: Command.Lock,
      body: LockRequest.encode({ ...ids, lockSequence: 0, locks: [{ offset, length, flags: 0x12 }] }),
    });
    for (const edge of [beyondDouble, max - 1n, 2n ** 64n - 2n]) {
      strictEqual(await status(locking(ids, edge, 1n)), Success);
      strictEqual(await status(locking(other, edge + 1n, 1n)), Success, `next to ${edge}`);
      strictEqual(await status(locking(other, edge, 1n)), NtStatus.LockNotGranted);
    }
    strictEqual(await status(locking(ids, 2n ** 64n - 1n, 2n)), InvalidLockRange);
  });

  test('of the create context AlSi (MS-SMB2 2.2.13.2.6)', async () => {
    const { client } = await stage();
    for (const edge of edges) {
      const createContexts = [{ name: CreateContextName.AllocationSize, data: u64(edge) }];
      strictEqual((await client.create('new', { createContexts })).status, isNegative(edge) ? InvalidParameter : DiskFull, String(edge));
      strictEqual((await client.create('new', { createDisposition: 1 })).status, NtStatus.ObjectNameNotFound, 'nothing is left of it');
    }
  });
});

describe('Space that does not exist', () => {
  test('is not allocated, and the file is as before (MS-FSA 2.1.5.15.1); a new file is not made, an old one not truncated (MS-FSA 2.1.5.1)', async () => {
    const store = createMemoryStore({ capacity: 100_000 });
    const client = await RawClient.at(testServer({ shares: { share: store } }));
    const ids = idsOf(await client.create('file'));
    await client.ask(writing(ids, 'content'));
    strictEqual((await client.ask(setting(ids, FileInformationClass.Allocation, u64(200_000n)))).status, DiskFull);
    await client.ask(closing(ids));
    const createContexts = [{ name: CreateContextName.AllocationSize, data: u64(200_000n) }];
    strictEqual((await client.create('new', { createContexts })).status, DiskFull);
    strictEqual((await client.create('new', { createDisposition: 1 })).status, NtStatus.ObjectNameNotFound);
    for (const createDisposition of [0, 4, 5]) {
      strictEqual((await client.create('file', { createContexts, createDisposition })).status, DiskFull);
      const again = idsOf(await client.create('file', { createDisposition: 1 }));
      const reading = ReadRequest.encode({ ...again, flags: 0, length: 7, offset: 0, minimumCount: 7, channel: 0, remainingBytes: 0, readChannelInfo: new Uint8Array(0) }); // biome-ignore format: one request
      strictEqual((await client.ask({ command: Command.Read, body: reading })).status, Success);
      await client.ask(closing(again));
    }
  });

  test('is ignored by a store that reserves none', async () => {
    const share = withoutFeatures(createMemoryStore({ capacity: 1000 }), ['allocate']);
    const client = await RawClient.at(testServer({ shares: { share } }));
    strictEqual(
      (await client.create('new', { createContexts: [{ name: CreateContextName.AllocationSize, data: u64(500n) }] })).status,
      Success,
    );
  });
});
