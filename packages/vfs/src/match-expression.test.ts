import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileExpression, hasWildcards, matchesExpression } from './match-expression.ts';
import { upcase } from './names.ts';

const table: readonly (readonly [expression: string, matching: string, others: string])[] = [
  // expression, names that match, names that do not; separated by spaces
  ['*', 'a a.b .x 😀', ''],
  ['*.*', 'a a.b a.b.c .x', ''],
  ['abc', 'abc ABC aBc', 'ab abcd'],
  ['*.txt', 'a.txt A.TXT .txt a.b.txt', 'a.txtx txt a.tx'],
  ['a*c', 'ac abc abbbc AC ac.c', 'ab bac acd'],
  ['*a*b*', 'ab xaxbx aab', 'ba a b'],
  ['?', 'a . ä', 'ab'],
  ['a?c', 'abc a.c aßc', 'ac abbc'],
  ['😀?', '😀x', '😀 😀xy'],
  // DOS_STAR: up to the last period, which it may match
  ['<', 'abc x a.', '.abc a.b'],
  ['<txt', 'Fine.txt txt a.b.txt xtxt', 'a.txt.b a.xtxt'],
  ['f<e', 'fine.e f.i.e fe file', 'f.ie fine.f'],
  ['<.txt', 'a.txt a.b.txt .txt', 'a.txt.b txt'],
  ['<.<', 'a.b a.b.c .a', 'a ab'],
  ['<<', 'a.b ab a.b.c', ''],
  ['<b', 'b ab a.b', 'ba a.ab'],
  ['a<.c', 'a.c a.b.c ab.c', 'a.c.d'],
  // DOS_QM: one unit, or nothing before a period and at the end
  ['>', 'a', 'ab a.'],
  ['>>>', 'a ab abc', 'abcd a.b'],
  ['>>>.>>>', 'a.b abc.def .x a.', 'abcd.e a.bcde abc'],
  ['a>>>', 'a ab abcd', 'abcde ba a.b'],
  ['a>>b', 'axxb', 'ab axb a.b'],
  ['>>.x', 'a.x ab.x .x', 'abc.x'],
  // DOS_DOT: a period, or nothing at the end
  ['a"', 'a a.', 'a.b ab'],
  ['a"b', 'a.b', 'ab a'],
  ['a"""', 'a a. a.. a...', 'a....'],
  ['<"', 'abc abc. a.b.', 'a.b'],
  ['>>>>>>>>">>>', 'readme readme.txt a.b abc.', 'readme.text verylongname.txt'],
  ['<">>>', 'readme readme.txt a.b.c', 'readme.text'],
  ['*"', 'abc abc. a.b', ''],
];

test('FileName in an expression: the rules of MS-FSA 2.1.4.4, one by one', () => {
  for (const [expression, matching, others] of table) {
    for (const name of matching.split(' ').filter(Boolean)) assert.ok(matchesExpression(expression, name), `${name} is in ${expression}`);
    for (const name of others.split(' ').filter(Boolean))
      assert.ok(!matchesExpression(expression, name), `${name} is not in ${expression}`);
  }
});

test('only the empty name matches the empty expression (MS-FSA 2.1.4.4, part 1)', () => {
  assert.ok(matchesExpression('', ''));
  for (const expression of ['*', '*.*', '<', '>', '"', 'a']) assert.ok(!matchesExpression(expression, ''));
  assert.ok(!matchesExpression('', 'a'));
});

test('wildcards are * ? DOS_STAR DOS_QM DOS_DOT (MS-FSA 2.1.4.3)', () => {
  for (const wildcard of '*?<>"') assert.ok(hasWildcards(`a${wildcard}b`));
  assert.ok(!hasWildcards('a.b'));
});

/** The rules again, as plainly as they can be said: the oracle. */
function naive(expression: string, name: string): boolean {
  const lastDot = name.lastIndexOf('.');
  const from = (p: number, n: number): boolean => {
    if (p === expression.length) return n === name.length;
    const [wanted, unit] = [expression[p], name[n]];
    if (wanted === '*') return from(p + 1, n) || (n < name.length && from(p, n + 1));
    if (wanted === '<') return from(p + 1, n) || (n < name.length && from(n === lastDot ? p + 1 : p, n + 1));
    if (wanted === '>') return unit === undefined || unit === '.' ? from(p + 1, n) : from(p + 1, n + 1);
    if (wanted === '"') return unit === '.' ? from(p + 1, n + 1) : unit === undefined && from(p + 1, n);
    return unit !== undefined && (wanted === '?' || wanted === unit) && from(p + 1, n + 1);
  };
  return expression === '' || name === '' ? expression === name : expression === '*.*' || from(0, 0);
}

test('the walk over sets of places finds what trying everything finds', () => {
  const expression = fc.string({ unit: fc.constantFrom(...'*?<>"..aAb'), maxLength: 7 });
  const name = fc.string({ unit: fc.constantFrom(...'aAb..'), maxLength: 8 });
  fc.assert(
    fc.property(expression, name, (e, n) => assert.equal(matchesExpression(e, n), naive(upcase(e), upcase(n)))),
    { numRuns: 3000 },
  );
});

test('the same across the borders of the words that the places are kept in', () => {
  const expression = fc.string({ unit: fc.constantFrom(...'*?<>"..aAb'), maxLength: 6 });
  const name = fc.string({ unit: fc.constantFrom(...'aAb..'), minLength: 1, maxLength: 7 });
  const before = fc.integer({ min: 26, max: 34 });
  const unit = fc.constantFrom('?', 'A', '>', '"');
  fc.assert(
    fc.property(expression, name, before, unit, (e, n, length, one) => {
      const [pattern, whole] = [one.repeat(length) + e, (one === '"' ? '.' : 'A').repeat(length) + n];
      assert.equal(matchesExpression(pattern, whole), naive(upcase(pattern), upcase(whole)));
    }),
    { numRuns: 3000 },
  );
  assert.ok(matchesExpression('>'.repeat(1000), 'a'.repeat(255)), 'a run of wildcards that match nothing, over many words');
  assert.ok(matchesExpression(`${'>'.repeat(500)}"${'>'.repeat(500)}`, 'a.b'));
  assert.ok(!matchesExpression('>'.repeat(254), 'a'.repeat(255)));
});

test('an expression made to be slow is not', () => {
  const matches = compileExpression(`${'*a'.repeat(300)}*b`);
  assert.ok(!matches('a'.repeat(255)));
  assert.ok(!matchesExpression('*'.repeat(500) + '?'.repeat(600), 'a'), 'longer than any name');
});
