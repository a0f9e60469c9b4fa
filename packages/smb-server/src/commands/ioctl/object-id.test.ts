import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AccessMask, Command, FileObjectIdBuffer, Fsctl, InfoType, IoctlRequest, IoctlResponse, NtStatus } from '@ring3/smb-proto';
import { createMemoryStore, type Vfs, withoutFeatures } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import { asking, type Ids, idsOf } from '../../testing/elements.ts';
import { type Answer, RawClient, testServer } from '../../testing/raw-client.ts';

const none = new Uint8Array(0);
const objectIds = 0x0001_0000;

/** A client at a share that it administers, or not. */
async function stage({ admin = true, vfs = createMemoryStore() as Vfs, readOnly = false } = {}) {
  const share = { vfs, readOnly, ...(admin && { admins: ['ann'] }) };
  const client = await RawClient.at(testServer({ shares: { share } }));
  const control = (ids: Ids, ctlCode: number, input: Uint8Array = none, maxOutputResponse = 64): Promise<Answer> =>
    client.ask({
      command: Command.Ioctl,
      body: IoctlRequest.encode({ ...ids, ctlCode, maxInputResponse: 0, maxOutputResponse, flags: 1, input, output: none }),
    });
  const status = async (...args: Parameters<typeof control>): Promise<number> => (await control(...args)).status;
  const output = async (...args: Parameters<typeof control>): Promise<Buffer> => {
    const answer = await control(...args);
    assert.equal(answer.status, NtStatus.Success);
    return Buffer.concat(answer.read(IoctlResponse).output);
  };
  return { client, status, output, vfs };
}

const idOf = (buffer: Buffer): string => buffer.subarray(0, 16).toString('hex');
const given = (first: number): Uint8Array => new Uint8Array(64).map((_, i) => first + i);

test('CREATE_OR_GET_OBJECT_ID makes an id once, with the volume as birth volume (MS-FSA 2.1.5.10.1)', async () => {
  const { client, status, output } = await stage({ admin: false });
  const [a, b] = [idsOf(await client.create('a')), idsOf(await client.create('b'))];
  assert.equal(await status(a, Fsctl.GetObjectId), NtStatus.ObjectidNotFound);
  const made = await output(a, Fsctl.CreateOrGetObjectId);
  const ids = FileObjectIdBuffer.read(new Frame(made), 0);
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  assert.equal(hex(ids.birthVolumeId), hex(client.server.guid));
  assert.equal(hex(ids.birthObjectId), hex(ids.objectId));
  assert.equal(hex(ids.domainId), '0'.repeat(32));
  assert.deepEqual(await output(a, Fsctl.CreateOrGetObjectId), made);
  assert.deepEqual(await output(a, Fsctl.GetObjectId), made);
  assert.notEqual(idOf(await output(b, Fsctl.CreateOrGetObjectId)), idOf(made));
  assert.equal(await status(a, Fsctl.GetObjectId, none, 63), NtStatus.InvalidParameter);
  assert.equal(await status(a, Fsctl.CreateOrGetObjectId, none, 63), NtStatus.InvalidParameter);
});

test('CREATE_OR_GET_OBJECT_ID: a read-only share has only the ids that exist (MS-FSA 2.1.5.10.1)', async () => {
  const { client, output, vfs } = await stage();
  const made = await output(idsOf(await client.create('has')), Fsctl.CreateOrGetObjectId);
  await client.create('has none');
  const look = await stage({ vfs, readOnly: true });
  const open = { desiredAccess: AccessMask.FileReadData, createDisposition: 1 };
  assert.deepEqual(await look.output(idsOf(await look.client.create('has', open)), Fsctl.CreateOrGetObjectId), made);
  const other = idsOf(await look.client.create('has none', open));
  assert.equal(await look.status(other, Fsctl.CreateOrGetObjectId), NtStatus.MediaWriteProtected);
  assert.equal(await look.status(other, Fsctl.DeleteObjectId), NtStatus.AccessDenied);
});

test('SET_OBJECT_ID needs the right to restore, a file without an id, and an id that is unique (MS-FSA 2.1.5.10.35)', async () => {
  const { client, status, output } = await stage();
  const [a, b] = [idsOf(await client.create('a')), idsOf(await client.create('b', { createOptions: 1 }))];
  assert.equal(await status(a, Fsctl.SetObjectId, given(1).subarray(1)), NtStatus.InvalidParameter);
  assert.equal(await status(a, Fsctl.SetObjectId, given(1)), NtStatus.Success);
  assert.deepEqual(await output(a, Fsctl.GetObjectId), Buffer.from(given(1)));
  assert.equal(await status(a, Fsctl.SetObjectId, given(2)), NtStatus.ObjectNameCollision);
  assert.equal(await status(b, Fsctl.SetObjectId, given(1)), NtStatus.DuplicateName);
  assert.equal(await status(b, Fsctl.SetObjectId, given(2)), NtStatus.Success);
  const user = await stage({ admin: false });
  assert.equal(await user.status(idsOf(await user.client.create('a')), Fsctl.SetObjectId, given(1)), NtStatus.AccessDenied);
});

test('SET_OBJECT_ID_EXTENDED changes the other ids of a file that has an object id (MS-FSA 2.1.5.10.36)', async () => {
  const { client, status, output } = await stage({ admin: false });
  const ids = idsOf(await client.create('file'));
  const extended = given(50).subarray(16);
  assert.equal(await status(ids, Fsctl.SetObjectIdExtended, extended), NtStatus.ObjectidNotFound);
  const made = await output(ids, Fsctl.CreateOrGetObjectId);
  assert.equal(await status(ids, Fsctl.SetObjectIdExtended, extended.subarray(1)), NtStatus.InvalidParameter);
  assert.equal(await status(ids, Fsctl.SetObjectIdExtended, extended), NtStatus.Success);
  assert.deepEqual(await output(ids, Fsctl.GetObjectId), Buffer.concat([made.subarray(0, 16), extended]));
  const reader = idsOf(await client.create('file', { desiredAccess: AccessMask.FileReadData, createDisposition: 1 }));
  assert.equal(await status(reader, Fsctl.SetObjectIdExtended, extended), NtStatus.AccessDenied);
});

test('DELETE_OBJECT_ID removes the id, and succeeds without one (MS-FSA 2.1.5.10.2)', async () => {
  const { client, status, output } = await stage();
  const [a, b] = [idsOf(await client.create('a')), idsOf(await client.create('b'))];
  assert.equal(await status(a, Fsctl.DeleteObjectId), NtStatus.Success);
  assert.equal(await status(a, Fsctl.SetObjectId, given(1)), NtStatus.Success);
  assert.equal(await status(a, Fsctl.DeleteObjectId), NtStatus.Success);
  assert.equal(await status(a, Fsctl.GetObjectId), NtStatus.ObjectidNotFound);
  assert.equal(await status(b, Fsctl.SetObjectId, given(1)), NtStatus.Success);
  assert.notEqual(idOf(await output(a, Fsctl.CreateOrGetObjectId)), idOf(Buffer.from(given(1))));
});

test('a named stream has the object id of its file', async () => {
  const { client, output } = await stage();
  const made = await output(idsOf(await client.create('file:stream')), Fsctl.CreateOrGetObjectId);
  assert.deepEqual(await output(idsOf(await client.create('file')), Fsctl.GetObjectId), made);
});

test('a volume whose store has no object ids says so, and its files have none (MS-FSA 2.1.5.10.1, MS-FSCC 2.5.1)', async () => {
  const attributes = async ({ client }: Awaited<ReturnType<typeof stage>>): Promise<number> => {
    const answer = await client.ask(asking(idsOf(await client.create('x')), 5, { infoType: InfoType.FileSystem }));
    const bytes = answer.bytes;
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(64 + 8, true) & objectIds;
  };
  assert.equal(await attributes(await stage()), objectIds);
  const poor = await stage({ vfs: withoutFeatures(createMemoryStore(), ['objectIds']) });
  assert.equal(await attributes(poor), 0);
  const ids = idsOf(await poor.client.create('file'));
  const inputs = { [Fsctl.SetObjectId]: given(1), [Fsctl.SetObjectIdExtended]: given(1).subarray(16) };
  for (const code of [Fsctl.GetObjectId, Fsctl.CreateOrGetObjectId, Fsctl.SetObjectId, Fsctl.SetObjectIdExtended, Fsctl.DeleteObjectId]) {
    assert.equal(await poor.status(ids, code, inputs[code as keyof typeof inputs]), NtStatus.VolumeNotUpgraded, String(code));
  }
});
