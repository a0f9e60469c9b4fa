import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AccessMask, Command, FileAttributes, InfoType, NtStatus, SetInfoRequest, WriteRequest } from '@ring3/smb-proto';
import { createMemoryStore, withoutFeatures } from '@ring3/vfs';
import { type Ids, idsOf } from '../../testing/elements.ts';
import { RawClient, testServer } from '../../testing/raw-client.ts';

const validDataLengthClass = 39;
const endOfFileClass = 20;

async function stage(admin = true, vfs = createMemoryStore() as ReturnType<typeof withoutFeatures>) {
  const client = await RawClient.at(testServer({ shares: { share: { vfs, ...(admin && { admins: ['ann'] }) } } }));
  const set = async (ids: Ids, fileInfoClass: number, value: bigint, length = 8): Promise<number> => {
    const buffer = new Uint8Array(8);
    new DataView(buffer.buffer).setBigInt64(0, value, true);
    const body = SetInfoRequest.encode({
      ...ids,
      infoType: InfoType.File,
      fileInfoClass,
      additionalInformation: 0,
      buffer: buffer.subarray(0, length),
    });
    return (await client.ask({ command: Command.SetInfo, body })).status;
  };
  /** A file of 1 MiB, of which the first 100 KiB were written. */
  const file = async (name: string, more = {}): Promise<Ids> => {
    const ids = idsOf(await client.create(name, more));
    const data = [new Uint8Array(100 * 1024).fill(1)];
    const fields = { channel: 0, remainingBytes: 0, flags: 0, writeChannelInfo: new Uint8Array(0) };
    await client.ask({ command: Command.Write, body: WriteRequest.encode({ ...ids, offset: 0, data, ...fields }) });
    assert.equal(await set(ids, endOfFileClass, 1n << 20n), NtStatus.Success);
    return ids;
  };
  return { client, set, file };
}

test('the valid data length may grow up to the end of the file, and never shrinks (MS-FSA 2.1.5.15.15, MS-FSCC 2.4.50)', async () => {
  const { set, file } = await stage();
  const ids = await file('file');
  assert.equal(await set(ids, validDataLengthClass, 50n * 1024n), NtStatus.InvalidParameter);
  assert.equal(await set(ids, validDataLengthClass, 512n * 1024n), NtStatus.Success);
  assert.equal(await set(ids, validDataLengthClass, 1n << 20n), NtStatus.Success);
  assert.equal(await set(ids, validDataLengthClass, (1n << 20n) + 1n), NtStatus.InvalidParameter);
  assert.equal(await set(ids, validDataLengthClass, -1n), NtStatus.InvalidParameter);
});

test('a buffer that is too short is a mismatch, and comes before the privilege (MS-FSA 2.1.5.15.15)', async () => {
  const { set, file } = await stage(false);
  const ids = await file('file');
  assert.equal(await set(ids, validDataLengthClass, 1n << 20n, 7), NtStatus.InfoLengthMismatch);
  assert.equal(await set(ids, validDataLengthClass, 1n << 20n), NtStatus.PrivilegeNotHeld);
});

test('an open without FILE_WRITE_DATA is denied (MS-SMB2 3.3.5.21.1)', async () => {
  const { client, set, file } = await stage();
  await file('file');
  const reader = idsOf(await client.create('file', { desiredAccess: AccessMask.FileReadData }));
  assert.equal(await set(reader, validDataLengthClass, 1n << 20n), NtStatus.AccessDenied);
});

test('a sparse file and a directory have no valid data length to set (MS-FSA 2.1.5.15.15)', async () => {
  const { client, set } = await stage();
  const directory = idsOf(await client.create('directory', { createOptions: 1 }));
  assert.equal(await set(directory, validDataLengthClass, 0n), NtStatus.InvalidParameter);
  const vfs = createMemoryStore();
  const { client: other, set: setThere, file } = await stage(true, vfs);
  const ids = await file('file');
  const root = vfs.root({ name: '', sid: '', groups: [], guest: false });
  assert.ok(typeof root === 'object' && !(root instanceof Promise));
  const handle = vfs.open(
    root,
    'file',
    { access: 'metadata', kind: 'file', disposition: 'open' },
    { name: '', sid: '', groups: [], guest: false },
  );
  assert.ok(typeof handle === 'object' && !(handle instanceof Promise));
  handle.setStat?.({ attributes: FileAttributes.SparseFile });
  assert.equal(await setThere(ids, validDataLengthClass, 1n << 20n), NtStatus.InvalidParameter);
  other.end();
});

test('a store that does not know its holes has only data that is valid', async () => {
  const { set, file } = await stage(true, withoutFeatures(createMemoryStore(), ['sparse']));
  const ids = await file('file');
  assert.equal(await set(ids, validDataLengthClass, 512n * 1024n), NtStatus.InvalidParameter);
  assert.equal(await set(ids, validDataLengthClass, 1n << 20n), NtStatus.Success);
});
