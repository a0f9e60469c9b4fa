import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@ring3/kit';
import { Bench, ok, refuses, tester, text } from '../contract/bench.ts';
import { vfsContract } from '../contract/index.ts';
import { createMemoryStore, type MemoryOptions, type MemoryStore } from './memory-store.ts';

vfsContract('the memory store', () => createMemoryStore());

async function bench(options: MemoryOptions = {}): Promise<Bench & { readonly vfs: MemoryStore }> {
  const vfs = createMemoryStore(options);
  return new Bench(vfs, await ok(vfs.root(tester))) as Bench & { readonly vfs: MemoryStore };
}

test('a full store writes as much as fits, then returns ENOSPC, and accepts more after a deletion', async () => {
  const store = await bench({ capacity: 100_000 });
  const file = await store.file('file');
  const other = await store.file('other', 'x'.repeat(20_000));
  const written = await ok(file.write([Buffer.alloc(50_000, 1), Buffer.alloc(50_000, 2)], 0));
  assert.ok(written > 0 && written < 100_000);
  assert.equal((await ok(file.stat())).size, written);
  await refuses(file.write([Buffer.alloc(65_536)], 2 ** 20), 'ENOSPC');
  await ok(other.unlink());
  assert.ok(store.vfs.used > 65_536, 'an open file keeps its room');
  await ok(other.close());
  await ok(file.truncate(0));
  assert.equal(store.vfs.used, 0);
  const { total, free } = await ok(store.root.space!());
  assert.equal(total, 100_000);
  assert.equal(free, 100_000);
});

test('reserved room counts, and is given back', async () => {
  const store = await bench({ capacity: 100_000 });
  const file = await store.file('file', 'x');
  await refuses(file.allocate!(100_001), 'ENOSPC');
  await ok(file.allocate!(90_000));
  const other = await store.file('other');
  await refuses(other.write([Buffer.alloc(65_536)], 0), 'ENOSPC');
  assert.equal(await ok(file.write([Buffer.alloc(60_000)], 0)), 60_000);
  await ok(file.truncate(1));
  assert.equal(await ok(other.write([Buffer.alloc(30_000)], 0)), 30_000);
});

test('data with a million holes takes the space of the written bytes only', async () => {
  const store = await bench();
  const file = await store.file('file');
  for (let i = 0; i < 100; i++) await ok(file.write([Buffer.from('x')], i * 2 ** 40));
  assert.equal(store.vfs.used, 100 * 512);
  assert.equal((await ok(file.stat())).size, 99 * 2 ** 40 + 1);
  assert.equal((await ok(file.ranges!(0, 2 ** 52))).length, 100);
});

test('streams and unlinked files give their room back with the last handle', async () => {
  const store = await bench();
  const file = await store.file('file', 'main');
  const stream = await store.stream(file, 'side', 'beside');
  const gone = await store.stream(file, 'gone', 'gone');
  await ok(gone.unlink());
  assert.equal(store.vfs.used, 3 * 512);
  await ok(gone.close());
  assert.equal(store.vfs.used, 2 * 512);
  await ok(file.unlink());
  await ok(file.close());
  assert.equal(await text(stream), 'beside');
  assert.equal(store.vfs.used, 2 * 512);
  await ok(stream.close());
  assert.equal(store.vfs.used, 0);
});

test('limits of names and sizes are those of the options', async () => {
  const store = await bench({ nameLimit: 8, fileSizeLimit: 1000 });
  await refuses(store.tryCreate('123456789'), 'ENAMETOOLONG');
  const file = await store.file('12345678');
  assert.equal(await ok(file.write([Buffer.alloc(1000)], 0)), 1000);
  await refuses(file.write([Buffer.alloc(1)], 1000), 'EFBIG');
  await refuses(file.truncate(1001), 'EFBIG');
  await refuses(file.read(Buffer.alloc(1), -1), 'EINVAL');
});

test('times come from the clock', async () => {
  const clock = new FakeClock(Date.UTC(2030, 0, 1));
  const store = await bench({ clock });
  const file = await store.file('file');
  clock.advance(60_000);
  await ok(file.write([Buffer.from('x')], 0));
  const { birth, modified } = await ok(file.stat());
  assert.equal(birth, BigInt(Date.UTC(2030, 0, 1)) * 1_000_000n);
  assert.equal(modified - birth, 60_000_000_000n);
});

test('a closed store answers ESTALE, and so does a closed handle', async () => {
  const store = await bench();
  const file = await store.file('file');
  await ok(file.close());
  await refuses(file.stat(), 'ESTALE');
  await store.vfs.close!();
  await refuses(store.root.stat(), 'ESTALE');
  await refuses(store.tryOpen('file'), 'ESTALE');
  await refuses(store.vfs.root(tester), 'ESTALE');
});

test('folders of another store are refused', async () => {
  const store = await bench();
  const other = await bench();
  const file = await store.file('file', 'x');
  await refuses(file.rename(other.root, 'x'), 'EXDEV');
  await refuses(file.link!(other.root, 'x'), 'EXDEV');
  await refuses(file.copyRange!(await other.file('file'), 0, 0, 1), 'EXDEV');
});

test('a folder of 20,000 entries is listed in parts and emptied while it is listed', async () => {
  const store = await bench();
  for (let i = 0; i < 20_000; i++) await ok((await ok(store.tryCreate(`entry ${i}`))).close());
  let told = 0;
  for (let cursor: number | bigint | string | undefined; ; ) {
    const part = await ok(store.root.list(cursor, { limit: 1000, stat: false }));
    for (const { name } of part.entries) {
      const handle = await ok(store.tryOpen(name));
      await ok(handle.unlink());
      await ok(handle.close());
      told++;
    }
    cursor = part.cursor;
    if (cursor === undefined) break;
  }
  assert.equal(told, 20_000);
});
