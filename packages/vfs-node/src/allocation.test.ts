import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Bench, ok, refuses, tester, text } from '@ring3/vfs/contract';
import { createNodeStore } from './node-store.ts';

async function stage(t: TestContext) {
  const base = mkdtempSync(join(tmpdir(), 'ring3-allocation-'));
  const share = join(base, 'share');
  mkdirSync(share);
  const store = createNodeStore(share, { state: join(base, 'state') });
  const bench = new Bench(store, await ok(store.root(tester)));
  t.after(async () => {
    await bench.close();
    rmSync(base, { recursive: true });
  });
  return { share, bench, blocks: (): number => statSync(join(share, 'file')).blocks };
}

test('an allocation above the free space returns ENOSPC, and the file holds no more than before', async (t) => {
  const { share, bench, blocks } = await stage(t);
  const file = await bench.file('file', 'content');
  const before = blocks();
  const { bfree, bsize } = statfsSync(share);
  await refuses(file.allocate!(2 * bfree * bsize), 'ENOSPC');
  assert.equal(blocks(), before);
  assert.equal(await text(file), 'content');
});

test('the last close releases the space beyond the end of a file (MS-FSCC 2.4.4) and keeps data and times', async (t) => {
  const { share, bench, blocks } = await stage(t);
  const file = await bench.file('file', 'content');
  const other = await bench.open('file', { access: 'readWrite' });
  await ok(file.allocate!(2 ** 20));
  if (blocks() < 2048) return t.skip('the host reserves nothing');
  const modified = 1_600_000_000_000_000_000n;
  await ok(file.setStat!({ modified }));
  await ok(file.close());
  assert.ok(blocks() >= 2048, 'released before the last close');
  await ok(other.close());
  assert.ok(blocks() < 2048);
  const again = await bench.open('file');
  assert.equal(await text(again), 'content');
  assert.equal((await ok(again.stat())).modified, modified);
  assert.equal(statSync(join(share, 'file')).size, 7);
});
