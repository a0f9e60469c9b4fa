import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { CreateOptions, directoryInformation, FileInformationClass, NtStatus, QueryDirectoryResponse } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import { closing, idsOf, listing } from '../../testing/elements.ts';
import { RawClient, testServer } from '../../testing/raw-client.ts';

/** The names that a pattern lists in the root, in alphabetical order. */
async function namesOf(client: RawClient, pattern: string): Promise<string[]> {
  const root = idsOf(await client.create('', { createOptions: CreateOptions.DirectoryFile }));
  const answer = await client.ask(listing(root, pattern, { fileInformationClass: FileInformationClass.Names }));
  await client.ask(closing(root));
  if (answer.status === NtStatus.NoSuchFile) return [];
  strictEqual(answer.status, NtStatus.Success);
  const buffer = Buffer.concat(answer.read(QueryDirectoryResponse).buffer);
  const names: string[] = [];
  const row = directoryInformation[FileInformationClass.Names];
  for (let at = 0; ; ) {
    const next = buffer.readUInt32LE(at);
    const length = next === 0 ? buffer.length - at : next;
    const { fileName } = row.read(new Frame(new Uint8Array(buffer.subarray(at, at + length))), 0, length) as { fileName: string };
    names.push(fileName);
    if (next === 0) return names.sort();
    at += next;
  }
}

test('DOS_STAR matches up to the last period and the period itself, DOS_DOT a period at the end (MS-FSA 2.1.4.4)', async () => {
  const client = await RawClient.at(testServer());
  for (const name of ['Fine.txt', 'name1.', 'name12', 'name3', 'name4 ']) await client.create(name);
  deepStrictEqual(await namesOf(client, '<txt'), ['Fine.txt']);
  deepStrictEqual(await namesOf(client, 'name?"'), ['name1.', 'name3']);
  deepStrictEqual(await namesOf(client, 'name>'), ['name3']);
});

test('a period or space at the end is listed as U+F029 or U+F028, or as it is if only that matches the pattern', async () => {
  const client = await RawClient.at(testServer());
  for (const name of ['dot.', 'blank ']) await client.create(name);
  deepStrictEqual(await namesOf(client, '*'), ['.', '..', 'blank\uf028', 'dot\uf029']);
  deepStrictEqual(await namesOf(client, 'dot\uf029'), ['dot\uf029']);
  deepStrictEqual(await namesOf(client, 'dot.'), ['dot.']);
  deepStrictEqual(await namesOf(client, 'd*.'), ['dot.']);
  deepStrictEqual(await namesOf(client, 'b*k '), ['blank ']);
  deepStrictEqual(await namesOf(client, 'BLANK\uf028'), ['blank\uf028']);
});
