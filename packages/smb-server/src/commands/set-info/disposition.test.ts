import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AccessMask, CreateDisposition, CreateOptions, FileAttributes, FileInformationClass, NtStatus } from '@ring3/smb-proto';
import { createMemoryStore, intercept, type VfsCode } from '@ring3/vfs';
import { closing, disposing, idsOf, setting } from '../../testing/elements.ts';
import { RawClient, testServer } from '../../testing/raw-client.ts';

const { Success, AccessDenied, CannotDelete, MediaWriteProtected, DirectoryNotEmpty, ObjectNameNotFound } = NtStatus;
const { DirectoryFile, DeleteOnClose } = CreateOptions;
const existing = { createDisposition: CreateDisposition.Open, desiredAccess: AccessMask.Delete };

/** A client of a store that fails to unlink anything, with this code. */
async function stage(fault?: VfsCode): Promise<RawClient> {
  const share = intercept(createMemoryStore(), () => fault, new Set(['checkUnlink'] as const));
  const client = await RawClient.at(testServer({ shares: { share } }));
  for (const [name, createOptions] of [
    ['file', 0],
    ['directory', DirectoryFile],
  ] as const)
    await client.ask(closing(idsOf(await client.create(name, { createOptions }))));
  return client;
}

describe('A deletion that the store would reject', () => {
  for (const [fault, status] of [
    ['EACCES', AccessDenied],
    ['EPERM', AccessDenied],
    ['EROFS', MediaWriteProtected],
    ['EBUSY', CannotDelete],
  ] as const) {
    test(`is rejected when it is requested, not at the close: ${fault} (MS-FSA 2.1.5.15.3)`, async () => {
      const client = await stage(fault);
      for (const name of ['file', 'directory']) {
        const ids = idsOf(await client.create(name, existing));
        strictEqual((await client.ask(disposing(ids, true))).status, status);
        strictEqual((await client.ask(setting(ids, FileInformationClass.DispositionEx, Buffer.of(1, 0, 0, 0)))).status, status);
        strictEqual((await client.ask(disposing(ids, false))).status, Success);
        await client.ask(closing(ids));
        strictEqual((await client.create(name, { ...existing, createOptions: DeleteOnClose })).status, status);
        strictEqual((await client.create(name, existing)).status, Success);
      }
    });
  }

  test('is rejected before a file is created with FILE_DELETE_ON_CLOSE, and leaves no file', async () => {
    const appendOnly = intercept(
      createMemoryStore(),
      (_, [of]) => (of === 'newEntry' ? 'EPERM' : undefined),
      new Set(['checkUnlink'] as const),
    );
    const client = await RawClient.at(testServer({ shares: { share: appendOnly } }));
    for (const createOptions of [DeleteOnClose, DeleteOnClose | DirectoryFile]) {
      strictEqual((await client.create('new', { createOptions })).status, AccessDenied);
      strictEqual((await client.create('new', existing)).status, ObjectNameNotFound);
    }
    strictEqual((await client.create('new')).status, Success);
  });

  test('is done if no check fails', async () => {
    const client = await stage();
    for (const name of ['file', 'directory']) {
      await client.ask(closing(idsOf(await client.create(name, { ...existing, createOptions: DeleteOnClose }))));
      strictEqual((await client.create(name, existing)).status, ObjectNameNotFound);
    }
  });
});

test('a directory that is not empty is not deleted: DIRECTORY_NOT_EMPTY (MS-FSA 2.1.5.15.3); FILE_DELETE_ON_CLOSE is checked at the close', async () => {
  const client = await RawClient.at(testServer());
  const ids = idsOf(await client.create('directory', { createOptions: DirectoryFile }));
  await client.ask(closing(idsOf(await client.create('directory\\file'))));
  strictEqual((await client.ask(disposing(ids, true))).status, DirectoryNotEmpty);
  await client.ask(closing(ids));
  const filled = idsOf(await client.create('directory', { ...existing, createOptions: DeleteOnClose }));
  await client.ask(closing(filled));
  await client.ask(closing(idsOf(await client.create('directory\\file', existing))));
  const emptied = idsOf(await client.create('directory', { ...existing, createOptions: DeleteOnClose }));
  await client.ask(closing(idsOf(await client.create('directory\\file', { ...existing, createOptions: DeleteOnClose }))));
  await client.ask(closing(emptied));
  strictEqual((await client.create('directory', existing)).status, ObjectNameNotFound);
});

test('FILE_ATTRIBUTE_READONLY forbids deletion of files and directories (MS-FSA 2.1.5.15.3), the root is never deleted', async () => {
  const client = await RawClient.at(testServer());
  for (const [name, createOptions] of [
    ['file', 0],
    ['directory', DirectoryFile],
  ] as const) {
    await client.ask(closing(idsOf(await client.create(name, { createOptions, fileAttributes: FileAttributes.ReadOnly }))));
    const ids = idsOf(await client.create(name, existing));
    strictEqual((await client.ask(disposing(ids, true))).status, CannotDelete, name);
    strictEqual((await client.create(name, { ...existing, createOptions: DeleteOnClose })).status, CannotDelete, name);
    strictEqual((await client.ask(setting(ids, FileInformationClass.DispositionEx, Buffer.of(0x11, 0, 0, 0)))).status, Success, name);
    await client.ask(closing(ids));
  }
  const root = await client.create('', existing);
  deepStrictEqual(
    [
      (await client.ask(disposing(idsOf(root), true))).status,
      (await client.create('', { ...existing, createOptions: DeleteOnClose })).status,
    ],
    [CannotDelete, CannotDelete],
  );
});
