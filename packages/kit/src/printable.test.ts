import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createPrettyLog } from './log.ts';
import { printable, printableJson } from './printable.ts';

test('what a terminal would obey stands as its escape; letters of any language stay', () => {
  strictEqual(
    printable('a\u001b[31m\u009b31m\n\r\t\u007f\u202eb\u2067\u2028\ud800'),
    String.raw`a\u001b[31m\u009b31m\u000a\u000d\u0009\u007f\u202eb\u2067\u2028\ud800`,
  );
  for (const text of ['größe', '日本語', '👩‍👩‍👧', 'עברית', 'a b', '\\u001b']) strictEqual(printable(text), text);
});

test('JSON that is printed has no character that a terminal obeys, and is the same JSON', () => {
  const value = { 'a\u009b': ['\u202e', '\u001b[2J', 'größe', true] };
  strictEqual(printableJson(value), String.raw`{"a\u009b":["\u202e","\u001b[2J","größe",true]}`);
  deepStrictEqual(JSON.parse(printableJson(value)), value);
});

test('text in JSON that is made printable is the same JSON', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => strictEqual(JSON.parse(printable(JSON.stringify(text))), text)));
});

const evil = 'a\u001b[31mred\nFORGED line\u009b31m\u202eabc\u007f';

test('nothing of what is logged for people reaches their terminal as a command, or begins a line', async () => {
  let written = '';
  const log = await createPrettyLog({ level: 'trace' }, { write: (text) => void (written += text) });
  log.warn('log-on failed', { user: evil, list: [evil], deep: { [evil]: evil } });
  log.child({ peer: evil }).trace(evil);
  log.error('it failed', { error: new Error(evil, { cause: new Error(evil) }) });
  deepStrictEqual(written.match(/[^\n\P{Cc}]|[\u202a-\u202e]|^ *FORGED.*/gmu), null);
  strictEqual(written.includes('red'), true);
  strictEqual(written.includes('printable.test.ts'), true, 'a stack has its lines');
});
