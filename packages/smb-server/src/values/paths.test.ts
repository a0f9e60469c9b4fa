import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { NtStatus } from '@ring3/smb-proto';
import { parsePath, storeName } from './paths.ts';

test('a component may not hold the reserved characters or anything below the space (MS-FSCC 2.1.5.2)', () => {
  for (const character of ['\0', '\n', '\x1f', '"', '*', '/', ':', '<', '>', '?', '|']) {
    strictEqual(storeName(`a${character}b`), NtStatus.ObjectNameInvalid, JSON.stringify(character));
  }
});

test('control characters of Latin-1 are allowed: a client that takes bytes of UTF-8 for Latin-1 sends them (MS-FSCC 2.1.5.2)', () => {
  for (const name of ['\x7f', 'a\x80b', '\xf0\x9d\x84\x9e clef', '\x9f']) strictEqual(storeName(name), name);
});

test('a path is split into components, a stream, and whether it names a directory', () => {
  deepStrictEqual(parsePath('a\\b'), {
    components: ['a', 'b'],
    stream: undefined,
    defaultStream: false,
    folder: false,
    directoryStream: false,
  });
  deepStrictEqual(parsePath('a\\b\\'), {
    components: ['a', 'b'],
    stream: undefined,
    defaultStream: false,
    folder: true,
    directoryStream: false,
  });
  deepStrictEqual(parsePath('a:s:$DATA'), { components: ['a'], stream: 's', defaultStream: false, folder: false, directoryStream: false });
  strictEqual(parsePath('\\a'), NtStatus.InvalidParameter);
});

test('a component `.` is the directory itself; `..` and an empty component are invalid, also above the root (MS-FSCC 2.1.5.1, MS-SMB2 3.3.5.9)', () => {
  const components = (name: string) => {
    const path = parsePath(name);
    return typeof path === 'number' ? path : path.components;
  };
  for (const name of ['d\\.\\x', '.\\d\\x', 'd\\x\\.', '.\\.\\d\\.\\x\\.\\']) deepStrictEqual(components(name), ['d', 'x'], name);
  for (const name of ['.', '.\\', '.\\.']) deepStrictEqual(components(name), [], name);
  for (const name of ['d\\..\\x', 'd\\..', 'd\\..\\', 'd\\.\\e\\..\\..']) strictEqual(components(name), NtStatus.InvalidParameter, name);
  for (const name of ['..', '..\\x', 'd\\..\\..', 'd\\..\\..\\x', '.\\..'])
    strictEqual(components(name), NtStatus.ObjectPathSyntaxBad, name);
  for (const name of ['a\\\\b', 'a\\\\', 'a\\b\\\\c']) strictEqual(components(name), NtStatus.ObjectPathNotFound, name);
  deepStrictEqual(components('...'), ['...']);
});

test('the stream type of directories has no other stream than theirs (MS-FSA 2.1.5.1)', () => {
  for (const name of ['f::$INDEX_ALLOCATION', 'f:$I30:$INDEX_ALLOCATION', 'f:$i30:$index_allocation']) {
    deepStrictEqual(parsePath(name), { components: ['f'], stream: undefined, defaultStream: false, folder: true, directoryStream: true });
  }
  strictEqual(parsePath('f:x:$INDEX_ALLOCATION'), NtStatus.InvalidParameter);
  strictEqual(parsePath('f:x:$OTHER'), NtStatus.ObjectNameInvalid);
});
