/** Other programs can write the store's own attributes: no value leads to a file outside or causes an internal error. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fakeRandom } from '@ring3/kit';
import { close, currentFolder, OpenFlag, openAt, setXattr } from '@ring3/linux';
import { Bench, names, ok, tester } from '@ring3/vfs/contract';
import { createNodeStore } from './node-store.ts';

/** A served directory whose attributes the test writes as another program does. */
async function serve() {
  const outside = mkdtempSync(join(tmpdir(), 'ring3-values-'));
  const share = join(outside, 'share');
  mkdirSync(share);
  writeFileSync(join(outside, 'secret'), 'secret');
  const store = createNodeStore(share, { state: join(outside, 'state') });
  const bench = new Bench(store, await ok(store.root(tester)));
  return {
    bench,
    outside,
    write(name: string, key: string, value: Uint8Array): boolean {
      const fd = openAt(currentFolder, join(share, name), OpenFlag.ReadWrite);
      const answer = setXattr(fd, key, value);
      close(fd);
      return answer === 0;
    },
    async [Symbol.asyncDispose]() {
      await bench.close();
      rmSync(outside, { recursive: true });
    },
  };
}

test('a stream attribute with any id and name leads to no file outside the state directory', async (t) => {
  await using host = await serve();
  const climb = '../'.repeat(4);
  const cases: readonly (readonly [string, string])[] = [
    [`/${climb}secret`, '00000000'],
    [`x/${climb}secret`, '00000000'],
    ['secret', '/../../.'],
    ['x', '../../..'],
    ['..', '00000000'],
    ['', '00000000'],
    ['a:b', '00000000'],
    ['n', '0000000/'],
    ['n', '\0\0\0\0\0\0\0\0'],
  ];
  for (const [i, [name, id]] of cases.entries()) {
    const file = `file${i}`;
    writeFileSync(join(host.outside, 'share', file), '');
    if (!host.write(file, `user.ring3.stream.${name}`, Buffer.from(`${id}planted`, 'latin1'))) {
      if (i === 0) return t.skip('the host keeps no attributes');
      continue; // the host rejects this name
    }
    const handle = await host.bench.open(file);
    assert.deepEqual(await ok(handle.streams!()), [], `${name} ${id}`);
    const stream = await handle.openStream!(name, { access: 'readWrite', disposition: 'open' });
    assert.equal(typeof stream, 'string');
  }
  assert.equal(readFileSync(join(host.outside, 'secret'), 'utf8'), 'secret');
  assert.deepEqual(
    readdirSync(host.outside)
      .filter((name) => name !== 'state')
      .sort(),
    ['secret', 'share'],
  );
});

test('a stream that another program copied with its file is a stream of the copy', async (t) => {
  await using host = await serve();
  writeFileSync(join(host.outside, 'share', 'file'), '');
  if (!host.write('file', 'user.ring3.stream.zone', Buffer.from('0123abcddata'))) return t.skip('the host keeps no attributes');
  const handle = await host.bench.open('file');
  assert.deepEqual(
    (await ok(handle.streams!())).map(({ name, size }) => [name, size]),
    [['zone', 4]],
  );
});

test('attributes and times of any bytes are reported or ignored, and the kind of a file is always correct', async (t) => {
  await using host = await serve();
  const random = fakeRandom(21);
  for (let i = 0; i < 300; i++) {
    const length = [20, 44, 0, 19, 45, 20, 44][i % 7] as number;
    const value = i < 14 ? Buffer.alloc(length, 0xff) : random.fill(Buffer.alloc(length));
    const name = `file${i % 50}`;
    writeFileSync(join(host.outside, 'share', name), '');
    if (!host.write(name, 'user.ring3.dos', value)) return t.skip('the host keeps no attributes');
    const handle = await host.bench.open(name);
    const { attributes = 0, birth, kind } = await ok(handle.stat());
    assert.equal(kind, 'file');
    assert.equal(attributes & 0x4d0, 0);
    assert.equal(typeof birth, 'bigint');
    await ok(handle.setStat!({ attributes: 2 }));
    await ok(handle.close());
  }
  assert.equal((await names(host.bench.root)).length, 50);
});

test('times at both ends of FILETIME are stored or rejected, without an internal error', async () => {
  await using host = await serve();
  const file = await host.bench.file('file');
  const ends = [0n, 1n, -1n, -11_644_473_600_000_000_000n, (0x7fff_ffff_ffff_ffffn - 116_444_736_000_000_000n) * 100n];
  for (const time of ends) {
    const answer = await file.setStat!({ birth: time, modified: time, accessed: time, changed: time });
    const { birth } = await ok(file.stat());
    if (answer === undefined) assert.equal(birth, time);
  }
});
