import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CompletionFilter, NotifyAction } from '@ring3/smb-proto';
import type { Change } from '@ring3/vfs';
import { encodeTold, lengthOf, tellChange } from './changes.ts';

const every = 0xfff;
const told = (change: Exclude<Change, { what: 'overflow' }>, filter = every): [number, string][] =>
  tellChange(change, filter).map(({ action, fileName }) => [action, fileName]);

test('a rename inside a directory is reported as a pair, one across directories as removal and addition (MS-FSCC 2.7.1)', () => {
  const kind = 'file';
  assert.deepEqual(told({ what: 'renamed', kind, from: ['d', 'a'], path: ['d', 'b'] }), [
    [NotifyAction.RenamedOldName, 'd\\a'],
    [NotifyAction.RenamedNewName, 'd\\b'],
  ]);
  assert.deepEqual(told({ what: 'renamed', kind, from: ['d', 'a'], path: ['a'] }), [
    [NotifyAction.Removed, 'd\\a'],
    [NotifyAction.Added, 'a'],
  ]);
});

test('files and directories are selected by different bits of the filter (MS-SMB2 2.2.35)', () => {
  for (const what of ['added', 'removed'] as const) {
    assert.equal(told({ what, kind: 'file', path: ['x'] }, CompletionFilter.FileName).length, 1);
    assert.equal(told({ what, kind: 'file', path: ['x'] }, every & ~CompletionFilter.FileName).length, 0);
    assert.equal(told({ what, kind: 'folder', path: ['x'] }, CompletionFilter.DirName).length, 1);
    assert.equal(told({ what, kind: 'folder', path: ['x'] }, every & ~CompletionFilter.DirName).length, 0);
  }
});

test('changes of data and attributes are modifications, if the filter selects them (MS-SMB2 2.2.35)', () => {
  const path = ['x'];
  assert.deepEqual(told({ what: 'data', kind: 'file', path }, CompletionFilter.Size), [[NotifyAction.Modified, 'x']]);
  assert.deepEqual(told({ what: 'data', kind: 'file', path }, CompletionFilter.Security), []);
  assert.deepEqual(told({ what: 'description', kind: 'file', path }, CompletionFilter.Security), [[NotifyAction.Modified, 'x']]);
  assert.deepEqual(told({ what: 'description', kind: 'file', path }, CompletionFilter.Size), []);
});

test('changes of named streams have actions and filter bits of their own (MS-SMB2 2.2.35, MS-FSCC 2.7.1)', () => {
  const of = (what: 'streamAdded' | 'streamRemoved' | 'streamData') => ({ what, kind: 'file', path: ['d', 'x'], stream: 's' }) as const;
  assert.deepEqual(told(of('streamAdded'), CompletionFilter.StreamName), [[NotifyAction.AddedStream, 'd\\x:s']]);
  assert.deepEqual(told(of('streamRemoved'), CompletionFilter.StreamName), [[NotifyAction.RemovedStream, 'd\\x:s']]);
  for (const filter of [CompletionFilter.StreamSize, CompletionFilter.StreamWrite])
    assert.deepEqual(told(of('streamData'), filter), [[NotifyAction.ModifiedStream, 'd\\x:s']]);
  assert.deepEqual(told(of('streamData'), CompletionFilter.FileName | CompletionFilter.StreamName), []);
  assert.deepEqual(told(of('streamAdded'), CompletionFilter.FileName | CompletionFilter.StreamSize), []);
});

test('names that Windows cannot express are reported in the spelling that it sees', () => {
  assert.deepEqual(told({ what: 'added', kind: 'file', path: ['what?'] }), [[NotifyAction.Added, 'what\uf025']]);
});

test('the size of entries follows from their lengths: each begins at a multiple of four (MS-FSCC 2.7.1)', () => {
  const names = ['a', 'bb', 'ccc', '', 'dddd', 'e'];
  for (let count = 1; count <= names.length; count++) {
    const some = names.slice(0, count).map((fileName) => ({ action: NotifyAction.Added, fileName }));
    const before = some.slice(0, -1).reduce((sum, one) => sum + ((lengthOf(one) + 3) & ~3), 0);
    assert.equal(encodeTold(some).length, before + lengthOf(some.at(-1) as (typeof some)[number]));
  }
});
