import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CompletionFilter, NotifyAction } from '@ring3/smb-proto';
import type { Change } from '@ring3/vfs';
import { encodeEntries, entriesOf, lengthOf } from './changes.ts';

const every = 0xfff;
const entriesOfChange = (change: Exclude<Change, { what: 'overflow' }>, filter = every): [number, string][] =>
  entriesOf(change, filter).map(({ action, fileName }) => [action, fileName]);

test('a rename inside a directory is reported as a pair, one across directories as removal and addition (MS-FSCC 2.7.1)', () => {
  const kind = 'file';
  assert.deepEqual(entriesOfChange({ what: 'renamed', kind, from: ['d', 'a'], path: ['d', 'b'] }), [
    [NotifyAction.RenamedOldName, 'd\\a'],
    [NotifyAction.RenamedNewName, 'd\\b'],
  ]);
  assert.deepEqual(entriesOfChange({ what: 'renamed', kind, from: ['d', 'a'], path: ['a'] }), [
    [NotifyAction.Removed, 'd\\a'],
    [NotifyAction.Added, 'a'],
  ]);
});

test('files and directories are selected by different bits of the filter (MS-SMB2 2.2.35)', () => {
  for (const what of ['added', 'removed'] as const) {
    assert.equal(entriesOfChange({ what, kind: 'file', path: ['x'] }, CompletionFilter.FileName).length, 1);
    assert.equal(entriesOfChange({ what, kind: 'file', path: ['x'] }, every & ~CompletionFilter.FileName).length, 0);
    assert.equal(entriesOfChange({ what, kind: 'folder', path: ['x'] }, CompletionFilter.DirName).length, 1);
    assert.equal(entriesOfChange({ what, kind: 'folder', path: ['x'] }, every & ~CompletionFilter.DirName).length, 0);
  }
});

test('changes of data and attributes are modifications, if the filter selects them (MS-SMB2 2.2.35)', () => {
  const path = ['x'];
  assert.deepEqual(entriesOfChange({ what: 'data', kind: 'file', path }, CompletionFilter.Size), [[NotifyAction.Modified, 'x']]);
  assert.deepEqual(entriesOfChange({ what: 'data', kind: 'file', path }, CompletionFilter.Security), []);
  assert.deepEqual(entriesOfChange({ what: 'description', kind: 'file', path }, CompletionFilter.Security), [[NotifyAction.Modified, 'x']]);
  assert.deepEqual(entriesOfChange({ what: 'description', kind: 'file', path }, CompletionFilter.Size), []);
  const fields = ['attributes', 'birth'] as const; // the filters of MS-SMB2 2.2.35 that these fields are named in
  for (const [filter, selected] of [
    [CompletionFilter.Attributes, true],
    [CompletionFilter.Creation, true],
    [CompletionFilter.LastWrite, false],
    [CompletionFilter.LastAccess, false],
    [CompletionFilter.Ea, false],
    [CompletionFilter.Security, false],
  ] as const)
    assert.equal(entriesOfChange({ what: 'description', kind: 'file', path, fields }, filter).length, selected ? 1 : 0);
});

test('changes of named streams have actions and filter bits of their own (MS-SMB2 2.2.35, MS-FSCC 2.7.1)', () => {
  const of = (what: 'streamAdded' | 'streamRemoved' | 'streamData') => ({ what, kind: 'file', path: ['d', 'x'], stream: 's' }) as const;
  assert.deepEqual(entriesOfChange(of('streamAdded'), CompletionFilter.StreamName), [[NotifyAction.AddedStream, 'd\\x:s']]);
  assert.deepEqual(entriesOfChange(of('streamRemoved'), CompletionFilter.StreamName), [[NotifyAction.RemovedStream, 'd\\x:s']]);
  for (const filter of [CompletionFilter.StreamSize, CompletionFilter.StreamWrite])
    assert.deepEqual(entriesOfChange(of('streamData'), filter), [[NotifyAction.ModifiedStream, 'd\\x:s']]);
  assert.deepEqual(entriesOfChange(of('streamData'), CompletionFilter.FileName | CompletionFilter.StreamName), []);
  assert.deepEqual(entriesOfChange(of('streamAdded'), CompletionFilter.FileName | CompletionFilter.StreamSize), []);
});

test('names that Windows cannot express are reported in the spelling that it sees', () => {
  assert.deepEqual(entriesOfChange({ what: 'added', kind: 'file', path: ['what?'] }), [[NotifyAction.Added, 'what\uf025']]);
});

test('the size of entries follows from their lengths: each begins at a multiple of four (MS-FSCC 2.7.1)', () => {
  const names = ['a', 'bb', 'ccc', '', 'dddd', 'e'];
  for (let count = 1; count <= names.length; count++) {
    const some = names.slice(0, count).map((fileName) => ({ action: NotifyAction.Added, fileName }));
    const before = some.slice(0, -1).reduce((sum, one) => sum + ((lengthOf(one) + 3) & ~3), 0);
    assert.equal(encodeEntries(some).length, before + lengthOf(some.at(-1) as (typeof some)[number]));
  }
});
