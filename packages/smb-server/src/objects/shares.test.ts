import { equal, notEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryStore } from '@ring3/vfs';
import { createShares } from './shares.ts';

test('a replaced share keeps the spelling of its name, and the state of its files if the store is the same', () => {
  const vfs = createMemoryStore();
  const shares = createShares({ Data: vfs });
  const { fileState } = shares.get('data') as NonNullable<ReturnType<typeof shares.get>>;
  const replaced = shares.replace('DATA', { vfs, readOnly: true });
  equal(replaced.name, 'Data');
  equal(replaced.fileState, fileState);
  equal(shares.get('data'), replaced);
  notEqual(shares.replace('data', { vfs: createMemoryStore() }).fileState, fileState);
});

test('an unknown share cannot be replaced, and IPC$ cannot be added', () => {
  const vfs = createMemoryStore();
  const shares = createShares({ data: vfs });
  throws(() => shares.replace('other', { vfs }), RangeError);
  throws(() => shares.replace('IPC$', { vfs }), RangeError);
  throws(() => shares.add('ipc$', { vfs }), RangeError);
  equal(shares.get('IPC$')?.isPipe, true);
});

test('invalid options change nothing', () => {
  const vfs = createMemoryStore();
  const shares = createShares({ data: vfs });
  const before = shares.get('data');
  for (const options of [{ veto: [''] }, { veto: ['a/b'] }, { maxConnections: -1 }, { maxConnections: 0.5 }]) {
    throws(() => shares.replace('data', { vfs, ...options }), RangeError);
    throws(() => shares.add('new', { vfs, ...options }), RangeError);
  }
  equal(shares.get('data'), before);
  equal(shares.get('new'), undefined);
});
