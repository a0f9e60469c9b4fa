import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Handle, isCode, type VfsCode } from '@ring3/vfs';
import { tester } from '@ring3/vfs/contract';
import { createNodeStore } from './node-store.ts';

/** A result that is not a code. */
async function ok<T>(answer: T | VfsCode | Promise<T | VfsCode>): Promise<T> {
  const value = await answer;
  assert.ok(!isCode(value), String(value));
  return value as T;
}

test('a stream whose move into a file was cut short by the end of the process keeps its data', async () => {
  const base = mkdtempSync(join(tmpdir(), 'ring3-streams-'));
  const [share, state] = [join(base, 'share'), join(base, 'state')];
  mkdirSync(share);
  /** Uses the file of a store that is opened for it only. */
  const using = async (use: (file: Handle) => Promise<void>): Promise<void> => {
    const store = createNodeStore(share, { state });
    try {
      const root = await ok(store.root(tester));
      const there = await store.open(root, 'file', { access: 'readWrite', kind: 'file', disposition: 'open' }, tester);
      const create = { access: 'readWrite', kind: 'file', disposition: 'create' } as const;
      const file = isCode(there) ? await ok(store.open(root, 'file', create, tester)) : there;
      await use(file);
      await file.close();
      await root.close();
    } finally {
      store.close?.();
    }
  };
  try {
    await using(async (file) => {
      for (const [name, length] of [
        ['short', 5],
        ['long', 5000],
      ] as const) {
        const stream = await ok(file.openStream!(name, { access: 'readWrite', disposition: 'create' }));
        assert.equal(await stream.write([Buffer.alloc(length, name)], 0), length);
        await stream.close();
      }
    });
    const [folder] = readdirSync(join(state, 'streams'));
    const own = join(state, 'streams', String(folder));
    writeFileSync(join(own, 'unfinished-0123abcd'), 'sh');
    await using(async (file) => {
      const streams = (await ok(file.streams!())).map(({ name, size }) => [name, size]);
      assert.deepEqual(streams.sort(), [
        ['long', 5000],
        ['short', 5],
      ]);
      const stream = await ok(file.openStream!('short', { access: 'readWrite', disposition: 'open' }));
      assert.equal(await stream.write([Buffer.from('er')], 5), 2);
      const data = Buffer.alloc(100);
      assert.equal(data.toString('latin1', 0, await ok(stream.read(data, 0))), 'shorter');
      await stream.close();
    });
    assert.ok(!readdirSync(own).some((name) => name.startsWith('unfinished')));
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
});
