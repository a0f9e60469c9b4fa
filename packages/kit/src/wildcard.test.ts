import { strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { matchesWildcard } from './wildcard.ts';

test('* stands for any run of characters, ? for one', () => {
  const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const pattern = fc.array(fc.constantFrom('a', 'b', '.', '*', '?'), { maxLength: 8 }).map((signs) => signs.join(''));
  const text = fc.array(fc.constantFrom('a', 'b', '.'), { maxLength: 8 }).map((signs) => signs.join(''));
  fc.assert(
    fc.property(pattern, text, (wild, given) => {
      const same = new RegExp(`^${escaped(wild).replaceAll('\\*', '.*').replaceAll('\\?', '.')}$`);
      strictEqual(matchesWildcard(wild, given), same.test(given));
    }),
  );
});

test('a pattern of many stars takes no more time than pattern × text', () => {
  strictEqual(matchesWildcard('*a'.repeat(2000), 'b'.repeat(10_000)), false);
});
