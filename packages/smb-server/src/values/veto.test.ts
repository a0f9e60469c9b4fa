import { equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { createVeto } from './veto.ts';

const vetoes = (pattern: string, name: string): boolean => createVeto([pattern])(name);

test('a pattern without wildcards is that name, in any case (ksmbd.conf(5), "veto files")', () => {
  equal(vetoes('Thumbs.db', 'THUMBS.DB'), true);
  equal(vetoes('Thumbs.db', 'Thumbs.dbx'), false);
  equal(vetoes('Thumbs.db', 'aThumbs.db'), false);
  equal(vetoes('straße', 'STRASSE'), false);
});

test('a star matches any number of characters, a question mark exactly one (ksmbd.conf(5), "veto files")', () => {
  for (const name of ['.a', '.a.b', '.']) equal(vetoes('.*', name), true, name);
  for (const name of ['a.', 'a.b', '']) equal(vetoes('.*', name), false, name);
  equal(vetoes('*.tmp', '.tmp'), true);
  equal(vetoes('a?c', 'abc'), true);
  equal(vetoes('a?c', 'ac'), false);
  equal(vetoes('*a*b*', 'xxaxxbxx'), true);
  equal(vetoes('*a*b*', 'xxbxxaxx'), false);
  equal(vetoes('*', 'anything'), true);
});

test('*.* matches names with a dot, and other wildcards of DOS match themselves', () => {
  equal(vetoes('*.*', 'plain'), false);
  equal(vetoes('*.*', 'a.b'), true);
  equal(vetoes('a<b', 'a<b'), true);
  equal(vetoes('a<b', 'axxb'), false);
});

test('names that Windows cannot express are vetoed in the spelling that clients see, too', () => {
  for (const name of ['a:b', 'a\uf022b']) equal(vetoes('a:b', name), true);
  for (const name of ['a:b', 'a\uf022b']) equal(vetoes('A:*', name), true);
});

test('one pattern of several is enough', () => {
  const vetoed = createVeto(['a', 'b*', 'c?']);
  for (const name of ['A', 'bcd', 'cc']) equal(vetoed(name), true, name);
  for (const name of ['aa', 'ab', 'c', 'ccc']) equal(vetoed(name), false, name);
});

test('an invalid pattern is rejected', () => {
  for (const pattern of ['', 'a/b', 'a\0']) throws(() => createVeto([pattern]), RangeError);
});
