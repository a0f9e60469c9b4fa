import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { NtStatus } from '@ring3/smb-proto';
import { parsePath, storeName } from './paths.ts';

test('a component may not hold the reserved characters or anything below the space (MS-FSCC 2.1.5.2)', () => {
  for (const character of ['\0', '\n', '\x1f', '"', '*', '/', ':', '<', '>', '?', '|']) {
    strictEqual(storeName(`a${character}b`), NtStatus.ObjectNameInvalid, JSON.stringify(character));
  }
});

test('control characters of Latin-1 are as good as letters: a client that takes bytes of UTF-8 for Latin-1 sends them (MS-FSCC 2.1.5.2)', () => {
  for (const name of ['\x7f', 'a\x80b', '\xf0\x9d\x84\x9e clef', '\x9f']) strictEqual(storeName(name), name);
});

test('a path is taken apart into components, a stream, and whether only a folder is meant', () => {
  deepStrictEqual(parsePath('a\\b'), { components: ['a', 'b'], stream: undefined, defaultStream: false, folder: false });
  deepStrictEqual(parsePath('a\\b\\'), { components: ['a', 'b'], stream: undefined, defaultStream: false, folder: true });
  deepStrictEqual(parsePath('a:s:$DATA'), { components: ['a'], stream: 's', defaultStream: false, folder: false });
  strictEqual(parsePath('\\a'), NtStatus.InvalidParameter);
  strictEqual(parsePath('a\\..\\b'), NtStatus.ObjectPathSyntaxBad);
});
