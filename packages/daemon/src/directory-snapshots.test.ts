import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createMemoryStore, type Vfs } from '@ring3/vfs';
import { DirectorySnapshots } from './directory-snapshots.ts';

test('directories that are named by a time are snapshots; each is opened once, and closed at the end', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ring3-snapshots-'));
  try {
    const tokens = ['@GMT-2026.11.29-08.00.00', '@GMT-2026.11.30-08.00.00'];
    for (const name of [...tokens, '@GMT-2026.13.30-08.00.00', 'other']) mkdirSync(join(directory, name));
    writeFileSync(join(directory, '@GMT-2026.11.30-09.00.00'), 'not a directory');
    const opened: string[] = [];
    let closed = 0;
    const open = async (path: string): Promise<Vfs> => {
      opened.push(path);
      return { ...createMemoryStore(), close: () => void closed++ };
    };
    const snapshots = new DirectorySnapshots(directory, open);
    assert.deepEqual([...(await snapshots.list())].sort(), tokens);
    const [first, again] = await Promise.all([snapshots.open(tokens[0] as string), snapshots.open(tokens[0] as string)]);
    assert.equal(first, again);
    assert.notEqual(first, undefined);
    assert.equal(await snapshots.open('@GMT-2026.11.30-09.00.00'), undefined);
    assert.equal(await snapshots.open('@GMT-2026.11.30-10.00.00'), undefined);
    assert.deepEqual(opened, [join(directory, tokens[0] as string)]);
    await snapshots.close();
    assert.equal(closed, 1);
  } finally {
    rmSync(directory, { recursive: true });
  }
  const missing = new DirectorySnapshots(directory, async () => createMemoryStore());
  assert.deepEqual(await missing.list(), []);
});
