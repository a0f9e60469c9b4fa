/**
 * Symbolic links of a store: operations on a name apply to the link, those on data and attributes to its target; a listing shows what an
 * open shows.
 */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  AccessMask,
  CreateAction,
  CreateDisposition,
  CreateOptions,
  CreateResponse,
  directoryInformation,
  FileAttributes,
  FileInformationClass,
  FileLinkInformation,
  fileGenericRead,
  fileGenericWrite,
  fullEas,
  NtStatus,
  QueryDirectoryFlags,
  QueryDirectoryResponse,
  QueryInfoResponse,
  ReparseTag,
} from '@ring3/smb-proto';
import { createMemoryStore, expectAnswer, type Handle, type Identity, isCode, type Vfs } from '@ring3/vfs';
import { encode, Frame, linked } from '@ring3/wire';
import { asking, closing, disposing, type Ids, idsOf, listing, renaming, setting, writing } from '../testing/elements.ts';
import { RawClient, testServer } from '../testing/raw-client.ts';

const { Success, AccessDenied, ObjectNameNotFound, ObjectNameCollision, SharingViolation, DeletePending } = NtStatus;
const { Open, OpenIf, OverwriteIf } = CreateDisposition;
const anonymous: Identity = { name: '', sid: 'S-1-5-7', groups: [], guest: false };
const deleting = { desiredAccess: AccessMask.Delete, createDisposition: Open };
const deletingOnClose = { ...deleting, createOptions: CreateOptions.DeleteOnClose };

/**
 * A share with `real` (8 bytes), `dir\in` and links: `l` to the file, `d` to the directory, `tree\up` to the file, `d2` through `d`, and
 * three without a target: `lost`, `out` of the share, `self`.
 */
async function stage() {
  const vfs = createMemoryStore();
  const root = expectAnswer(await vfs.root(anonymous), 'root');
  const make = async (
    dir: Handle,
    name: string,
    target?: string,
    kind: 'file' | 'folder' | 'link' = target === undefined ? 'file' : 'link',
  ) =>
    expectAnswer(
      await vfs.open(dir, name, { access: 'metadata', kind, disposition: 'create', ...(target !== undefined && { target }) }, anonymous),
      name,
    );
  const real = await make(root, 'real');
  expectAnswer(await real.reopen?.('write'), 'reopen');
  expectAnswer(await real.write([Buffer.from('precious')], 0), 'write');
  await make(await make(root, 'dir', undefined, 'folder'), 'in');
  await make(await make(root, 'tree', undefined, 'folder'), 'up', '../real');
  for (const [name, target] of Object.entries({ l: 'real', d: 'dir', d2: 'd', lost: 'missing', self: 'self' }))
    await make(root, name, target);
  const out = await make(await make(root, 'deep', undefined, 'folder'), 'out', '../real');
  const share = vfs;
  await out.rename(root, 'out'); // from here it leads above the root
  const server = testServer({ shares: { share } });
  return { vfs, client: await RawClient.at(server), server };
}

/**
 * The current object of a name in the store, without following links: its kind, or the target of a link; undefined if it does not exist.
 */
async function itself(vfs: Vfs, name: string): Promise<string | undefined> {
  const root = expectAnswer(await vfs.root(anonymous), 'root');
  const found = await vfs.open(root, name, { access: 'metadata', kind: 'any', disposition: 'open', follow: false }, anonymous);
  if (isCode(found)) return undefined;
  const target = await found.readLink?.();
  return target === undefined || isCode(target) ? found.kind : `-> ${target.target}`;
}

async function opened(client: RawClient, name: string, more: Parameters<RawClient['create']>[1] = {}): Promise<Ids> {
  const answer = await client.create(name, { createDisposition: Open, ...more });
  strictEqual(answer.status, Success, name);
  return idsOf(answer);
}

const linksAlone = ['l', 'd', 'd2', 'lost', 'out', 'self'];

describe('Deleting a name that is a symbolic link', () => {
  for (const name of linksAlone) {
    test(`deletes ${name} itself: with FILE_DELETE_ON_CLOSE (MS-FSA 2.1.5.5), FileDispositionInformation and -Ex (2.1.5.15.3, 2.1.5.15.4)`, async () => {
      const ways: ((client: RawClient) => Promise<void>)[] = [
        async (client) => void (await client.ask(closing(await opened(client, name, deletingOnClose)))),
        async (client) => {
          const ids = await opened(client, name, deleting);
          strictEqual((await client.ask(disposing(ids, true))).status, Success);
          await client.ask(closing(ids));
        },
        async (client) => {
          const ids = await opened(client, name, deleting);
          strictEqual((await client.ask(setting(ids, FileInformationClass.DispositionEx, Buffer.of(1, 0, 0, 0)))).status, Success);
          await client.ask(closing(ids));
        },
      ];
      for (const way of ways) {
        const { vfs, client } = await stage();
        await way(client);
        strictEqual(await itself(vfs, name), undefined);
        strictEqual(await itself(vfs, 'real'), 'file');
        strictEqual(await itself(vfs, 'dir'), 'folder');
        strictEqual((await client.create('dir\\in', { createDisposition: Open })).status, Success);
      }
    });
  }

  test('deletes a link in another directory too, by any access that includes DELETE', async () => {
    const { vfs, client } = await stage();
    await client.ask(closing(await opened(client, 'tree\\up', { ...deletingOnClose, desiredAccess: AccessMask.GenericAll })));
    strictEqual((await client.create('tree\\up', { createDisposition: Open })).status, ObjectNameNotFound);
    strictEqual(await itself(vfs, 'real'), 'file');
  });

  test('makes the link delete-pending, not its target; the target shares deletion for itself', async () => {
    const { vfs, client } = await stage();
    const held = await opened(client, 'real', { desiredAccess: fileGenericRead, shareAccess: 3 }); // does not share FILE_SHARE_DELETE
    const ids = await opened(client, 'l', deleting);
    strictEqual((await client.ask(disposing(ids, true))).status, Success);
    const standard = (await client.ask(asking(ids, FileInformationClass.Standard))).read(QueryInfoResponse).buffer[0] as Uint8Array;
    deepStrictEqual([standard[16], standard[20]], [1, 1], 'NumberOfLinks of the target, DeletePending of the link');
    strictEqual((await client.create('l', { createDisposition: Open })).status, DeletePending);
    strictEqual((await client.create('real', { createDisposition: Open, desiredAccess: fileGenericRead, shareAccess: 3 })).status, Success);
    await client.ask(closing(held));
    await client.ask(closing(ids));
    deepStrictEqual([await itself(vfs, 'l'), await itself(vfs, 'real')], [undefined, 'file']);
  });

  test('checks the share modes of the opens of the link (MS-FSA 2.1.5.1.2)', async () => {
    const { client } = await stage();
    await opened(client, 'l', { desiredAccess: fileGenericRead, shareAccess: 3 });
    strictEqual((await client.create('l', deleting)).status, SharingViolation);
  });

  test('of a stream deletes the stream', async () => {
    const { vfs, client } = await stage();
    await client.ask(closing(await opened(client, 'l:s', { createDisposition: OpenIf, desiredAccess: fileGenericWrite })));
    await client.ask(closing(await opened(client, 'l:s', deletingOnClose)));
    strictEqual((await client.create('real:s', { createDisposition: Open })).status, ObjectNameNotFound);
    deepStrictEqual([await itself(vfs, 'l'), await itself(vfs, 'real')], ['-> real', 'file']);
  });
});

describe('Renaming a name that is a symbolic link', () => {
  for (const name of linksAlone) {
    test(`renames ${name} itself (MS-FSA 2.1.5.15.12)`, async () => {
      const { vfs, client } = await stage();
      const before = await itself(vfs, name);
      const ids = await opened(client, name, deleting);
      strictEqual((await client.ask(renaming(ids, 'renamed'))).status, Success);
      await client.ask(closing(ids));
      deepStrictEqual([await itself(vfs, name), await itself(vfs, 'renamed')], [undefined, before]);
      deepStrictEqual([await itself(vfs, 'real'), await itself(vfs, 'dir')], ['file', 'folder']);
    });
  }

  test('never replaces its own target by the link', async () => {
    const { vfs, client } = await stage();
    const ids = await opened(client, 'l', deleting);
    strictEqual((await client.ask(renaming(ids, 'real', 0))).status, ObjectNameCollision);
    strictEqual((await client.ask(renaming(ids, 'real', 1))).status, AccessDenied);
    deepStrictEqual([await itself(vfs, 'l'), await itself(vfs, 'real')], ['-> real', 'file']);
  });

  test('onto a link replaces the link, not the target', async () => {
    const { vfs, client } = await stage();
    const ids = await opened(client, 'dir\\in', deleting);
    strictEqual((await client.ask(renaming(ids, 'l', 1))).status, Success);
    deepStrictEqual([await itself(vfs, 'l'), await itself(vfs, 'real')], ['file', 'file']);
    const other = await opened(client, 'real', deleting);
    strictEqual((await client.ask(renaming(other, 'd', 1))).status, Success, 'a link to a directory is no directory');
    deepStrictEqual([await itself(vfs, 'd'), await itself(vfs, 'dir')], ['file', 'folder']);
  });

  test('a hard link to a symbolic link is one to the target (MS-FSA 2.1.5.15.6), and replaces a link itself', async () => {
    const { vfs, client } = await stage();
    const linking = (ids: Ids, fileName: string) =>
      setting(ids, FileInformationClass.Link, FileLinkInformation.encode({ replaceIfExists: 1, rootDirectory: 0n, fileName }).head);
    const ids = await opened(client, 'l', { desiredAccess: fileGenericRead | fileGenericWrite });
    strictEqual((await client.ask(linking(ids, 'second'))).status, Success);
    strictEqual((await client.ask(linking(ids, 'tree\\up'))).status, Success);
    deepStrictEqual([await itself(vfs, 'second'), await itself(vfs, 'l'), await itself(vfs, 'real')], ['file', '-> real', 'file']);
  });
});

describe('A symbolic link as a name of its target', () => {
  test('reads, writes, overwrites and describes the target', async () => {
    const { vfs, client } = await stage();
    const ids = await opened(client, 'l', { desiredAccess: fileGenericRead | fileGenericWrite, createDisposition: OverwriteIf });
    strictEqual((await client.ask(writing(ids, 'new'))).status, Success);
    await client.ask(closing(ids));
    strictEqual(Number((await client.create('real', { createDisposition: Open })).read(CreateResponse).endOfFile), 3);
    strictEqual(await itself(vfs, 'l'), '-> real');
  });

  test('without a target has no data: nothing is created through it', async () => {
    const { vfs, client } = await stage();
    for (const createDisposition of [Open, OpenIf, OverwriteIf]) {
      strictEqual((await client.create('lost', { createDisposition, desiredAccess: fileGenericWrite })).status, ObjectNameNotFound);
    }
    strictEqual((await client.create('lost', { createDisposition: CreateDisposition.Create })).status, ObjectNameCollision);
    deepStrictEqual([await itself(vfs, 'lost'), await itself(vfs, 'missing')], ['-> missing', undefined]);
  });

  test('that leaves the share is denied to an open that asks for data; one that asks for none opens the link', async () => {
    const { client } = await stage();
    for (const desiredAccess of [AccessMask.FileReadData, AccessMask.FileWriteData, AccessMask.FileAppendData, fileGenericRead])
      strictEqual((await client.create('out', { createDisposition: Open, desiredAccess })).status, AccessDenied);
    const described = await client.create('out', { createDisposition: Open, desiredAccess: AccessMask.FileReadAttributes });
    ok((described.read(CreateResponse).fileAttributes & FileAttributes.ReparsePoint) !== 0);
  });

  test('is opened itself with FILE_OPEN_REPARSE_POINT, as a file or as a directory: its target may be either', async () => {
    const { client } = await stage();
    for (const name of linksAlone) {
      for (const kind of [CreateOptions.DirectoryFile, CreateOptions.NonDirectoryFile]) {
        const answer = await client.create(name, { ...deleting, createOptions: kind | CreateOptions.OpenReparsePoint });
        strictEqual(answer.status, Success, name);
        strictEqual(answer.read(CreateResponse).createAction, CreateAction.Opened);
        ok((answer.read(CreateResponse).fileAttributes & FileAttributes.ReparsePoint) !== 0);
        await client.ask(closing(idsOf(answer)));
      }
    }
  });
});

describe('QUERY_DIRECTORY of a directory with symbolic links', () => {
  const classes = Object.keys(directoryInformation)
    .map(Number)
    .filter((one) => one !== FileInformationClass.Names);

  for (const informationClass of classes) {
    test(`class ${informationClass} shows for each what an open of the name shows (MS-FSCC 2.4)`, async () => {
      const { client } = await stage();
      const ea = encode(fullEas, [{ flags: 0, eaName: 'A', eaValue: Buffer.from('value') }], Frame.alloc);
      const file = await opened(client, 'real', { desiredAccess: fileGenericWrite });
      strictEqual((await client.ask(setting(file, FileInformationClass.FullEa, ea))).status, Success);
      const root = await opened(client, '', { desiredAccess: fileGenericRead });
      for (const pattern of ['*', ...linksAlone]) {
        const found = await client.ask(listing(root, pattern, { fileInformationClass: informationClass, flags: 1 }));
        const bytes = found.read(QueryDirectoryResponse).buffer[0] as Uint8Array;
        type Row = { readonly fileName: string } & Readonly<Record<string, unknown>>;
        const rows = linked(directoryInformation[informationClass as keyof typeof directoryInformation] as never, 8).read(
          new Frame(bytes),
          0,
          bytes.length,
        ) as Row[];
        for (const row of rows.filter(({ fileName }) => linksAlone.includes(fileName))) {
          const ids = await opened(client, row.fileName, { desiredAccess: AccessMask.FileReadAttributes | AccessMask.FileReadEa });
          const query = async (fileInfoClass: number): Promise<DataView> => {
            const all = (await client.ask(asking(ids, fileInfoClass))).read(QueryInfoResponse).buffer[0] as Uint8Array;
            return new DataView(all.buffer, all.byteOffset, all.length);
          };
          const network = await query(FileInformationClass.NetworkOpen);
          const eaSize = (await query(FileInformationClass.Ea)).getUint32(0, true);
          const isLink = (network.getUint32(48, true) & FileAttributes.ReparsePoint) !== 0;
          const expected: Record<string, unknown> = {
            creationTime: network.getBigUint64(0, true),
            lastAccessTime: network.getBigUint64(8, true),
            lastWriteTime: network.getBigUint64(16, true),
            changeTime: network.getBigUint64(24, true),
            allocationSize: network.getBigUint64(32, true),
            endOfFile: network.getBigUint64(40, true),
            fileAttributes: network.getUint32(48, true),
            fileId: (await query(FileInformationClass.Internal)).getBigUint64(0, true),
            reparsePointTag: isLink ? ReparseTag.Symlink : 0,
            eaSize: isLink ? ReparseTag.Symlink : eaSize,
          };
          for (const [field, value] of Object.entries(expected))
            if (field in row) strictEqual(row[field], value, `${row.fileName}.${field}`);
          await client.ask(closing(ids));
        }
      }
    });
  }

  test('EaSize is that of FileEaInformation, for entries with and without extended attributes (MS-FSCC 2.4.12)', async () => {
    const { client } = await stage();
    const eas = [
      { flags: 0, eaName: 'ONE', eaValue: Buffer.from('value') },
      { flags: 0, eaName: 'OTHER', eaValue: Buffer.alloc(300) },
    ];
    const file = await opened(client, 'real', { desiredAccess: fileGenericWrite });
    strictEqual((await client.ask(setting(file, FileInformationClass.FullEa, encode(fullEas, eas, Frame.alloc)))).status, Success);
    const root = await opened(client, '', { desiredAccess: fileGenericRead });
    const fileInformationClass = FileInformationClass.FullDirectory;
    const rowsOf = async (pattern: string, flags = 0) => {
      const answer = await client.ask(listing(root, pattern, { fileInformationClass, flags }));
      const bytes = answer.read(QueryDirectoryResponse).buffer[0] as Uint8Array;
      return linked(directoryInformation[fileInformationClass] as never, 8).read(new Frame(bytes), 0, bytes.length) as {
        fileName: string;
        eaSize: number;
      }[];
    };
    const rows = await rowsOf('*');
    for (const name of ['real', 'dir']) {
      const ids = await opened(client, name, { desiredAccess: AccessMask.FileReadEa });
      const all = (await client.ask(asking(ids, FileInformationClass.Ea))).read(QueryInfoResponse).buffer[0] as Uint8Array;
      const eaSize = new DataView(all.buffer, all.byteOffset).getUint32(0, true);
      strictEqual(rows.find(({ fileName }) => fileName === name)?.eaSize, eaSize, name);
      strictEqual((await rowsOf(name, QueryDirectoryFlags.RestartScans))[0]?.eaSize, eaSize, `${name}, by its name`);
      strictEqual(eaSize > 0, name === 'real');
    }
  });

  test('a link to a directory is listed as a directory, with the size of its target', async () => {
    const { client } = await stage();
    const root = await opened(client, '', { desiredAccess: fileGenericRead });
    const bytes = (await client.ask(listing(root, '*', { fileInformationClass: 1 }))).read(QueryDirectoryResponse).buffer[0] as Uint8Array;
    const rows = linked(directoryInformation[1] as never, 8).read(new Frame(bytes), 0, bytes.length) as {
      fileName: string;
      fileAttributes: number;
      endOfFile: bigint;
    }[];
    const row = (name: string) => rows.find(({ fileName }) => fileName === name);
    for (const name of ['d', 'd2']) strictEqual(row(name)?.fileAttributes, FileAttributes.Directory);
    strictEqual(row('l')?.endOfFile, 8n);
    for (const name of ['lost', 'out', 'self']) ok(((row(name)?.fileAttributes ?? 0) & FileAttributes.ReparsePoint) !== 0, name);
  });

  test('thousands of links are listed in several parts, each once', async () => {
    const { vfs, client } = await stage();
    const root = expectAnswer(await vfs.root(anonymous), 'root');
    const how = { access: 'metadata', kind: 'link', disposition: 'create', target: 'real' } as const;
    for (let i = 0; i < 300; i++) expectAnswer(await vfs.open(root, `n${i}`, how, anonymous), 'link');
    const ids = await opened(client, '', { desiredAccess: fileGenericRead });
    const names: string[] = [];
    for (;;) {
      const answer = await client.ask(listing(ids, 'n*', { fileInformationClass: 1 }));
      if (answer.status !== Success) break;
      const bytes = answer.read(QueryDirectoryResponse).buffer[0] as Uint8Array;
      const rows = linked(directoryInformation[1] as never, 8).read(new Frame(bytes), 0, bytes.length) as { fileName: string }[];
      names.push(...rows.map(({ fileName }) => fileName));
    }
    strictEqual(new Set(names).size, 300);
    strictEqual(names.length, 300);
  });
});
