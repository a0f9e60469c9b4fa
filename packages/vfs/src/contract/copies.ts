import assert from 'node:assert/strict';
import { fakeRandom } from '@ring3/kit';
import { content, type Declare, must, ok } from './bench.ts';

/** Copies by the store. */
export function copies(declare: Declare): void {
  declare('a range is copied from another file, as far as that goes', ['copy'], async (bench) => {
    const bytes = fakeRandom(1).fill(Buffer.alloc(300_000));
    const source = await bench.file('source', bytes);
    const target = await bench.file('target', 'head');
    let done = 0;
    for (let copied = 1; copied > 0 && done < 250_000; done += copied) {
      copied = await ok(must(target.copyRange, 'copyRange').call(target, source, 1000 + done, 10 + done, 250_000 - done));
    }
    assert.equal(done, 250_000);
    const expected = Buffer.alloc(250_010);
    expected.write('head');
    bytes.copy(expected, 10, 1000, 251_000);
    assert.deepEqual(await content(target), expected);
    assert.ok((await ok(must(target.copyRange, 'copyRange').call(target, source, 299_990, 0, 100))) <= 10);
    assert.equal(await ok(must(target.copyRange, 'copyRange').call(target, source, 300_000, 0, 100)), 0);
    assert.equal(await ok(must(target.copyRange, 'copyRange').call(target, source, 10 ** 9, 0, 100)), 0);
    assert.deepEqual(await content(source), bytes);
  });

  declare('a range is copied within a file, also onto itself in part', ['copy'], async (bench) => {
    for (const [from, to] of [
      [0, 100_000],
      [100_000, 0],
      [50_000, 50_000],
    ] as const) {
      const bytes = fakeRandom(2).fill(Buffer.alloc(300_000));
      const file = await bench.file(`${from} to ${to}`, bytes);
      const copied = await ok(must(file.copyRange, 'copyRange').call(file, file, from, to, 200_000));
      const expected = Buffer.from(bytes);
      bytes.copy(expected, to, from, from + copied);
      assert.ok(copied > 0);
      assert.deepEqual(await content(file), expected);
    }
  });

  declare('a clone is a copy, whole or not at all', ['clone'], async (bench) => {
    const bytes = fakeRandom(3).fill(Buffer.alloc(0x40000));
    const source = await bench.file('source', bytes);
    const target = await bench.file('target');
    await ok(must(target.cloneRange, 'cloneRange').call(target, source, 0x10000, 0x20000, 0x10000));
    const expected = Buffer.alloc(0x30000);
    bytes.copy(expected, 0x20000, 0x10000, 0x20000);
    assert.deepEqual(await content(target), expected);
    await ok(source.write([Buffer.alloc(0x40000)], 0));
    assert.deepEqual(await content(target), expected);
  });
}
