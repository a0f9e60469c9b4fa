import { deepStrictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { differing, keyed } from './change.ts';

test('differences between two objects are reported by key, also missing keys', () => {
  deepStrictEqual(differing({ a: 1, b: [1, 2], c: 3 }, { a: 1, b: [2], d: 4 }), ['b', 'c', 'd']);
});

test('named objects are added, removed or changed; a change of an unused object takes effect at once', () => {
  const before: [string, object][] = [
    ['photos', { path: '/a' }],
    ['music', { path: '/b' }],
    ['same', { path: '/c' }],
  ];
  const after: [string, object][] = [
    ['same', { path: '/c' }],
    ['photos', { path: '/a', comment: 'new' }],
    ['films', { path: '/d' }],
  ];
  deepStrictEqual(keyed('share', before, after, 'new connections'), [
    { what: 'share photos', how: 'changed', keys: ['comment'], holds: 'new connections' },
    { what: 'share films', how: 'added', holds: 'now' },
    { what: 'share music', how: 'removed', holds: 'new connections' },
  ]);
});
