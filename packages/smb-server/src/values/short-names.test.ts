import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isShortName, mayBeGenerated, shortNameOf, shortNamesOf } from './short-names.ts';

test('an 8.3 name has up to eight characters, and up to three after one period (MS-FSCC 2.1.5.2.1)', () => {
  for (const name of ['A', 'readme.txt', 'A1234567.123', "!#$%&'()", '_~-{}@^`.x']) assert.equal(isShortName(name), true, name);
  for (const name of ['', 'a123456789', 'a.text', 'a.b.c', '.a', 'a.', 'a b', 'a+b', 'a,b', 'ä', 'a=b', 'a[b', 'a;b'])
    assert.equal(isShortName(name), false, name);
});

test('a generated name is an 8.3 name, is recognized, and depends on the folded long name only', () => {
  for (const name of ['a long name.text', '.profile', 'a b', 'ä', '日本語.html', 'x'.repeat(200), '...', 'a:b', 'trailing.', 'a.b.c.d'])
    for (let attempt = 0; attempt < 3; attempt++) {
      const shortName = shortNameOf(name, attempt);
      assert.equal(isShortName(shortName), true, shortName);
      assert.equal(mayBeGenerated(shortName), true, shortName);
      assert.equal(shortNameOf(name.toUpperCase(), attempt), shortName);
    }
  assert.match(shortNameOf('a long name.text', 0), /^AL.{4}~.\.TEX$/);
});

test('short names are unique in a directory, also if an entry has the name that another one would be given', () => {
  const taken = shortNameOf('a long name.text', 0);
  const names = ['a long name.text', taken, 'short.txt', ...Array.from({ length: 5000 }, (_, i) => `a long name ${i}.text`)];
  const short = shortNamesOf(names);
  assert.equal(short.of('short.txt'), undefined);
  assert.equal(short.of(taken), undefined);
  assert.equal(short.find(taken), undefined);
  assert.equal(short.of('a long name.text'), shortNameOf('a long name.text', 1));
  const all = new Set<string>();
  for (const name of names) {
    const shortName = short.of(name);
    if (shortName === undefined) continue;
    assert.equal(short.find(shortName.toLowerCase()), name);
    all.add(shortName);
  }
  assert.equal(all.size, names.length - 2);
  const again = shortNamesOf(names.toReversed());
  for (const name of names) assert.equal(again.of(name), short.of(name));
});
