import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { runSteps } from '@ring3/kit';
import { createMemoryStore, type Handle, type Identity, isCode } from '@ring3/vfs';
import { isEa, listEas, setEa } from './extended-attributes.ts';

const who: Identity = { name: 'anna', sid: 'S-1-5-21-1-2-3-1001', groups: [], guest: false };

async function newFile(): Promise<Handle> {
  const store = createMemoryStore();
  const root = await store.root(who);
  ok(!isCode(root));
  const file = await store.open(root, 'file', { access: 'readWrite', kind: 'file', disposition: 'create' }, who);
  ok(!isCode(file));
  return file;
}
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const listed = async (file: Handle): Promise<unknown> => {
  const eas = await runSteps(listEas(file));
  ok(!isCode(eas));
  return eas.map(({ eaName, eaValue }) => `${eaName}=${new TextDecoder().decode(eaValue)}`);
};

test('an extended attribute is spelled as it was set last, and names that differ only in case are one (MS-FSA 2.1.5.15.5)', async () => {
  const file = await newFile();
  strictEqual(await runSteps(setEa(file, 'colour', bytes('blue'))), undefined);
  deepStrictEqual(await listed(file), ['colour=blue']);
  strictEqual(await runSteps(setEa(file, 'Colour', bytes('red'))), undefined);
  deepStrictEqual(await listed(file), ['Colour=red']);
  strictEqual(await runSteps(setEa(file, 'COLOUR', bytes(''))), undefined);
  deepStrictEqual(await listed(file), []);
});

test('a name of an extended attribute is not empty and has no character that MS-FSCC 2.4.15 forbids', () => {
  const eaValue = new Uint8Array(0);
  for (const eaName of ['', 'a*b', 'a\\b', 'a\tb', 'a=b']) ok(!isEa({ flags: 0, eaName, eaValue }), JSON.stringify(eaName));
  ok(isEa({ flags: 0, eaName: 'user.colour', eaValue }));
});

test('the only flag of an extended attribute is FILE_NEED_EA (MS-FSCC 2.4.15)', () => {
  const ea = { eaName: 'user.colour', eaValue: new Uint8Array(0) };
  for (const flags of [0, 0x80]) ok(isEa({ ...ea, flags }));
  for (const flags of [1, 0x40, 0x81, 0xff]) ok(!isEa({ ...ea, flags }));
});
