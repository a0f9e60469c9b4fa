import assert from 'node:assert/strict';
import { fakeRandom } from '@ring3/kit';
import { isCode } from '../vfs-error.ts';
import { content, type Declare, must, ok, refuses, text } from './bench.ts';

/** Reading, writing, sizes, holes. */
export function data(declare: Declare): void {
  declare('what is written is read, from any offset', [], async (bench) => {
    const file = await bench.file('file');
    assert.equal(await ok(file.write([Buffer.from('hello world')], 0)), 11);
    const target = Buffer.alloc(5);
    assert.equal(await ok(file.read(target, 6)), 5);
    assert.equal(target.toString(), 'world');
    assert.equal(await ok(file.write([Buffer.from('W')], 6)), 1);
    assert.equal(await text(file), 'hello World');
  });

  declare('a list of chunks is written as one, and the store keeps none of them', [], async (bench) => {
    const file = await bench.file('file');
    const chunks = Array.from({ length: 130 }, (_, i) => Buffer.alloc(i === 7 ? 0 : 1000 + i * 13, i));
    const expected = Buffer.concat(chunks);
    assert.equal(await ok(file.write(chunks, 5)), expected.length);
    for (const chunk of chunks) chunk.fill(0xff);
    assert.deepEqual((await content(file)).subarray(5), expected);
    assert.equal(await ok(file.write([], 0)), 0);
    assert.equal(await ok(file.write([Buffer.alloc(0)], 1_000_000)), 0);
    assert.equal((await ok(file.stat())).size, expected.length + 5, 'nothing written is no growth');
  });

  declare('a read is short only at the end of file, and empty at it and beyond', [], async (bench) => {
    const file = await bench.file('file', 'abc');
    const target = Buffer.alloc(8, 0x2e);
    assert.equal(await ok(file.read(target, 1)), 2);
    assert.equal(target.toString(), 'bc......');
    for (const offset of [3, 4, 1_000_000, 2 ** 40, Number.MAX_SAFE_INTEGER]) assert.equal(await ok(file.read(target, offset)), 0);
    assert.equal(await ok(file.read(Buffer.alloc(0), 0)), 0);
    assert.equal(await ok((await bench.file('empty')).read(target, 0)), 0);
  });

  declare('a gap before a write reads as zeros', [], async (bench) => {
    const file = await bench.file('file', 'ab');
    await ok(file.write([Buffer.from('z')], 200_000));
    const expected = Buffer.alloc(200_001);
    expected.write('ab');
    expected.write('z', 200_000);
    assert.deepEqual(await content(file), expected);
  });

  declare('truncate cuts off, and grows by zeros; what was cut off never comes back', [], async (bench) => {
    const file = await bench.file('file', Buffer.alloc(100_000, 0x61));
    await ok(file.truncate(10));
    assert.equal(await text(file), 'a'.repeat(10));
    await ok(file.truncate(150_000));
    assert.deepEqual((await content(file)).subarray(10), Buffer.alloc(149_990));
    await ok(file.truncate(0));
    assert.equal((await content(file)).length, 0);
    await ok(file.write([Buffer.from('b')], 20));
    assert.deepEqual(await content(file), Buffer.from(`${'\0'.repeat(20)}b`));
  });

  declare('a file may be larger than 4 GiB, or the store says that it may not', [], async (bench) => {
    const file = await bench.file('file');
    const far = 2 ** 32 + 12_345;
    const answer = await file.write([Buffer.from('far')], far);
    if (isCode(answer)) return assert.ok(['EFBIG', 'ENOSPC', 'EDQUOT'].includes(answer), answer);
    const target = Buffer.alloc(10, 0xee);
    assert.equal(await ok(file.read(target, far - 7)), 10);
    assert.equal(target.toString(), '\0'.repeat(7).concat('far'));
    assert.equal((await ok(file.stat())).size, far + 3);
    await ok(file.truncate(0));
  });

  declare('folders have no data', [], async (bench) => {
    const folder = await bench.folder('folder');
    await refuses(folder.read(Buffer.alloc(1), 0), 'EISDIR');
    await refuses(folder.write([Buffer.alloc(1)], 0), 'EISDIR');
    await refuses(folder.truncate(0), 'EISDIR');
  });

  declare('many writes at once all land', [], async (bench) => {
    const file = await bench.file('file');
    await Promise.all(
      Array.from({ length: 64 }, async (_, i) => assert.equal(await ok(file.write([Buffer.alloc(1000, i)], i * 1000)), 1000)),
    );
    assert.deepEqual(await content(file), Buffer.concat(Array.from({ length: 64 }, (_, i) => Buffer.alloc(1000, i))));
  });

  declare('a write-through write and a flush are answered', [], async (bench) => {
    const file = await bench.file('file');
    assert.equal(await ok(file.write([Buffer.from('safe')], 0, { through: true })), 4);
    if (bench.vfs.features.has('flush')) {
      await ok(must(file.flush, 'flush').call(file));
      await ok(must(bench.root.flush, 'flush').call(bench.root));
    }
    assert.equal(await text(file), 'safe');
  });

  declare('writes, truncations and reads in any order leave what the same would leave in an array', [], async (bench) => {
    const random = fakeRandom(20261120);
    const file = await bench.file('file');
    const largest = 300_000;
    const model = Buffer.alloc(largest);
    let size = 0;
    for (let step = 0; step < 200; step++) {
      const at = random.u32() % largest;
      const length = random.u32() % Math.min(70_000, largest - at);
      switch (random.u32() % 4) {
        case 0:
        case 1: {
          const bytes = random.fill(Buffer.alloc(length));
          const cut = random.u32() % (length + 1);
          await ok(file.write([bytes.subarray(0, cut), bytes.subarray(cut)], at));
          bytes.copy(model, at);
          if (length > 0) size = Math.max(size, at + length);
          break;
        }
        case 2:
          await ok(file.truncate(at));
          model.fill(0, at);
          size = at;
          break;
        default: {
          const target = Buffer.alloc(length, 0xee);
          const expected = Math.max(0, Math.min(length, size - at));
          assert.equal(await ok(file.read(target, at)), expected);
          assert.deepEqual(target.subarray(0, expected), model.subarray(at, at + expected));
        }
      }
    }
    assert.deepEqual(await content(file), model.subarray(0, size));
  });

  declare('a punched hole reads as zeros, keeps the size, and is told', ['sparse'], async (bench) => {
    const mebi = 2 ** 20;
    const file = await bench.file('file', Buffer.alloc(4 * mebi, 1));
    await ok(must(file.punch, 'punch').call(file, mebi, 2 * mebi));
    await ok(must(file.punch, 'punch').call(file, 10, 5));
    const expected = Buffer.alloc(4 * mebi, 1)
      .fill(0, mebi, 3 * mebi)
      .fill(0, 10, 15);
    assert.deepEqual(await content(file), expected);
    const told = await ok(must(file.ranges, 'ranges').call(file, 0, 10 * mebi));
    assert.deepEqual(told, [
      { offset: 0, length: mebi },
      { offset: 3 * mebi, length: mebi },
    ]);
    assert.deepEqual(await ok(must(file.ranges, 'ranges').call(file, mebi, 2 * mebi)), []);
    assert.deepEqual(await ok(must(file.ranges, 'ranges').call(file, 3 * mebi + 100, 200)), [{ offset: 3 * mebi + 100, length: 200 }]);
  });

  declare('what was never written is a hole', ['sparse'], async (bench) => {
    const file = await bench.file('file');
    await ok(file.truncate(2 ** 30));
    assert.deepEqual(await ok(must(file.ranges, 'ranges').call(file, 0, 2 ** 30)), []);
    assert.ok((await ok(file.stat())).allocated < 2 ** 24);
  });

  declare('reserved room changes neither size nor data', ['allocate'], async (bench) => {
    const file = await bench.file('file', 'data');
    await ok(must(file.allocate, 'allocate').call(file, 1_000_000));
    const stat = await ok(file.stat());
    assert.equal(stat.size, 4);
    assert.ok(stat.allocated >= 1_000_000, 'the room is told as allocated');
    assert.equal(await text(file), 'data');
  });
}
