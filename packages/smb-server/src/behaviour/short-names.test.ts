import { deepEqual, equal, notEqual } from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  CreateDisposition,
  CreateOptions,
  FileAllInformation,
  FileBothDirectoryInformation,
  FileInformationClass,
  FileNameInformation,
  NtStatus,
  QueryDirectoryResponse,
  QueryInfoResponse,
} from '@ring3/smb-proto';
import { createMemoryStore } from '@ring3/vfs';
import { Frame, linked } from '@ring3/wire';
import type { ShareOptions } from '../objects/share.ts';
import { asking, closing, disposing, idsOf, listing, renaming } from '../testing/elements.ts';
import { RawClient, testServer } from '../testing/raw-client.ts';
import { isShortName } from '../values/short-names.ts';

const { Success, ObjectNameNotFound } = NtStatus;
const { Open, Create } = CreateDisposition;
const inFolder = { createOptions: CreateOptions.DirectoryFile };
const long = 'A long name.text';

async function stage(options: Partial<ShareOptions> = {}): Promise<RawClient> {
  const server = testServer({ shares: { share: { vfs: createMemoryStore(), shortNames: true, ...options } } });
  return RawClient.at(server);
}

async function made(client: RawClient, name: string, more: Parameters<RawClient['create']>[1] = {}): Promise<void> {
  const answer = await client.create(name, more);
  equal(answer.status, Success, name);
  await client.ask(closing(idsOf(answer)));
}

/** FileAlternateNameInformation of a file; or the status. */
async function shortOf(client: RawClient, name: string): Promise<string | number> {
  const ids = idsOf(await client.create(name, { createDisposition: Open }));
  const answer = await client.ask(asking(ids, FileInformationClass.AlternateName));
  await client.ask(closing(ids));
  if (answer.status !== Success) return answer.status;
  const bytes = Buffer.concat(answer.read(QueryInfoResponse).buffer);
  return FileNameInformation.read(new Frame(bytes), 0, bytes.length).fileName;
}

/** Names and short names of the root that a pattern selects. */
async function listed(client: RawClient, pattern: string): Promise<[name: string, shortName: string][]> {
  const ids = idsOf(await client.create('', { ...inFolder, createDisposition: Open }));
  const found: [string, string][] = [];
  for (;;) {
    const answer = await client.ask(listing(ids, pattern, { fileInformationClass: FileInformationClass.BothDirectory }));
    if (answer.status !== Success) break;
    const bytes = Buffer.concat(answer.read(QueryDirectoryResponse).buffer);
    for (const { fileName, shortName, shortNameLength } of linked(FileBothDirectoryInformation, 8).read(
      new Frame(bytes),
      0,
      bytes.length,
    )) {
      if (!fileName.startsWith('.')) found.push([fileName, Buffer.from(shortName.subarray(0, shortNameLength)).toString('utf16le')]);
    }
  }
  await client.ask(closing(ids));
  return found.sort();
}

/** Deletes a file that a name leads to. */
async function deleted(client: RawClient, name: string): Promise<void> {
  const ids = idsOf(await client.create(name, { createDisposition: Open }));
  equal((await client.ask(disposing(ids, true))).status, Success);
  equal((await client.ask(closing(ids))).status, Success);
}

describe('short names (MS-FSCC 2.1.5.2.1)', () => {
  test('FileAlternateNameInformation is the generated name; that of an 8.3 name is the name itself (MS-FSA 2.1.5.12.2)', async () => {
    const client = await stage();
    await made(client, long);
    await made(client, 'readme.txt');
    const shortName = await shortOf(client, long);
    equal(isShortName(String(shortName)), true);
    equal(await shortOf(client, 'readme.txt'), 'README.TXT');
    const without = await stage({ shortNames: false });
    await made(without, long);
    equal(await shortOf(without, long), ObjectNameNotFound);
  });

  test('an entry and a directory of the path are opened by their short names; the open has the long name (MS-FSA 2.1.5.1.2)', async () => {
    const client = await stage();
    await made(client, 'A long directory', inFolder);
    await made(client, `A long directory\\${long}`);
    const folder = String(await shortOf(client, 'A long directory'));
    const file = String(await shortOf(client, `${folder.toLowerCase()}\\${long}`));
    const ids = idsOf(await client.create(`${folder}\\${file.toLowerCase()}`, { createDisposition: Open }));
    const answer = await client.ask(asking(ids, FileInformationClass.All));
    const bytes = Buffer.concat(answer.read(QueryInfoResponse).buffer);
    equal(FileAllInformation.read(new Frame(bytes), 0, bytes.length).fileName, `\\A long directory\\${long}`);
    equal((await client.create(`${folder}\\${file}`, { createDisposition: Create })).status, NtStatus.ObjectNameCollision);
    equal((await client.create(`${folder}\\XXAAAA~1.TEX`, { createDisposition: Open })).status, ObjectNameNotFound);
  });

  test('listings have the short name, and patterns match it (MS-FSA 2.1.5.6.3)', async () => {
    const client = await stage();
    for (const name of [long, 'Another long name.text', 'short.txt']) await made(client, name);
    const shortName = String(await shortOf(client, long));
    const other = String(await shortOf(client, 'Another long name.text'));
    deepEqual(await listed(client, '*'), [
      [long, shortName],
      ['Another long name.text', other],
      ['short.txt', ''],
    ]);
    deepEqual(await listed(client, `${shortName.slice(0, 6)}*`), [[long, shortName]]);
    deepEqual(await listed(client, shortName.toLowerCase()), [[long, shortName]]);
    deepEqual(await listed(client, '*.TEX'), [
      [long, shortName],
      ['Another long name.text', other],
    ]);
  });

  test('a rename to the short name of an existing entry is a rename to that entry', async () => {
    const client = await stage();
    await made(client, long);
    await made(client, 'other');
    const shortName = String(await shortOf(client, long));
    const ids = idsOf(await client.create('other', { createDisposition: Open }));
    equal((await client.ask(renaming(ids, shortName))).status, NtStatus.ObjectNameCollision);
    equal((await client.ask(renaming(ids, shortName, 1))).status, Success);
    await client.ask(closing(ids));
    deepEqual(await listed(client, '*'), [[long, shortName]]);
  });

  test('a file made by the short name of one that was just removed or renamed has the long name again (tunneling, MS-FSA 2.1.1.1)', async () => {
    const client = await stage();
    await made(client, long);
    const shortName = String(await shortOf(client, long));
    await deleted(client, shortName);
    await made(client, shortName);
    deepEqual(await listed(client, '*'), [[long, shortName]]);
    const ids = idsOf(await client.create(long, { createDisposition: Open }));
    equal((await client.ask(renaming(ids, 'saved'))).status, Success);
    await client.ask(closing(ids));
    await made(client, shortName);
    deepEqual(await listed(client, 'A*'), [[long, shortName]]);
  });

  test('a vetoed entry is not reached by its short name', async () => {
    const vfs = createMemoryStore();
    const server = testServer({ shares: { share: { vfs, shortNames: true }, tested: { vfs, shortNames: true, veto: ['*long*'] } } });
    const plain = await RawClient.at(server);
    await made(plain, long);
    const shortName = String(await shortOf(plain, long));
    const client = await RawClient.at(server, 'tested', 'bob', 'word');
    equal((await client.create(shortName, { createDisposition: Open })).status, ObjectNameNotFound);
    equal((await client.create(shortName, { createDisposition: Create })).status, Success);
    notEqual(await shortOf(plain, long), shortName); // it is the name of another entry now
    deepEqual(await listed(client, '*'), [[shortName, '']]);
  });
});
