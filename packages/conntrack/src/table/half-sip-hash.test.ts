import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hash4, hash10, hashWords } from './half-sip-hash.ts';

/** The published algorithm, word by word with BigInt, for any number of rounds. */
function reference(key0: number, key1: number, words: readonly number[], compression: number, finalisation: number): number {
  const mask = 0xffffffffn;
  const u = (n: number): bigint => BigInt(n >>> 0);
  const rotate = (x: bigint, by: bigint): bigint => ((x << by) | (x >> (32n - by))) & mask;
  let [v0, v1, v2, v3] = [u(key0), u(key1), 0x6c796765n ^ u(key0), 0x74656462n ^ u(key1)];
  const round = (): void => {
    v0 = (v0 + v1) & mask;
    v1 = rotate(v1, 5n) ^ v0;
    v0 = rotate(v0, 16n);
    v2 = (v2 + v3) & mask;
    v3 = rotate(v3, 8n) ^ v2;
    v0 = (v0 + v3) & mask;
    v3 = rotate(v3, 7n) ^ v0;
    v2 = (v2 + v1) & mask;
    v1 = rotate(v1, 13n) ^ v2;
    v2 = rotate(v2, 16n);
  };
  for (const word of [...words.map(u), (BigInt(words.length * 4) & 0xffn) << 24n]) {
    v3 ^= word;
    for (let i = 0; i < compression; i++) round();
    v0 ^= word;
  }
  v2 ^= 0xffn;
  for (let i = 0; i < finalisation; i++) round();
  return Number(v1 ^ v3) | 0;
}

test('the reference gives the published vector of HalfSipHash-2-4 with 32 bits: no input under the key 00 01 … 07', () => {
  assert.equal(reference(0x03020100, 0x07060504, [], 2, 4) >>> 0, 0x5b9f35a9);
});

test('the hash over words is HalfSipHash-1-3', () => {
  const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  fc.assert(
    fc.property(word, word, fc.array(word, { maxLength: 12 }), (key0, key1, words) => {
      assert.equal(hashWords(key0, key1, Int32Array.from(words), words.length), reference(key0, key1, words, 1, 3));
    }),
  );
});

test('the unrolled form over four words is the same function', () => {
  const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  fc.assert(
    fc.property(word, word, word, word, word, word, (key0, key1, a, b, c, d) => {
      assert.equal(hash4(key0, key1, a, b, c, d), hashWords(key0, key1, Int32Array.of(a, b, c, d), 4));
    }),
  );
});

test('the unrolled form over ten words is the same function', () => {
  const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  fc.assert(
    fc.property(word, word, fc.array(word, { minLength: 10, maxLength: 10 }), (key0, key1, words) => {
      assert.equal(hash10(key0, key1, Int32Array.from(words)), hashWords(key0, key1, Int32Array.from(words), 10));
    }),
  );
});
