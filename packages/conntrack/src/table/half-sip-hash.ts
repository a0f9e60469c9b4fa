import { generate } from '@ring3/wire';

/**
 * HalfSipHash-1-3 with 32 bits of output over whole 32-bit words: Aumasson and Bernstein, the reference's small variant, with one
 * compression and three finalisation rounds. Keyed by 64 random bits of the table, so that a peer cannot choose colliding tuples.
 * The state is kept in locals: module-level variables are several times slower.
 */
export function hashWords(key0: number, key1: number, words: Int32Array, count: number): number {
  let v0 = key0;
  let v1 = key1;
  let v2 = key0 ^ 0x6c796765;
  let v3 = key1 ^ 0x74656462;
  for (let i = 0; i <= count; i++) {
    // the top byte of the last word is the length in bytes
    const word = i < count ? words[i]! : (count * 4) << 24;
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
  }
  v2 ^= 0xff;
  for (let i = 0; i < 3; i++) {
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
  }
  return v1 ^ v3;
}

/** One round of the reference, as source text over the locals v0 to v3. */
const round = `
  v0 = (v0 + v1) | 0; v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0; v0 = (v0 << 16) | (v0 >>> 16);
  v2 = (v2 + v3) | 0; v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
  v0 = (v0 + v3) | 0; v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
  v2 = (v2 + v1) | 0; v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2; v2 = (v2 << 16) | (v2 >>> 16);`;
const absorb = (word: string): string => `v3 ^= ${word}; ${round} v0 ^= ${word};`;

const scratch = new Int32Array(4);
const plain = (key0: number, key1: number, a: number, b: number, c: number, d: number): number => {
  scratch[0] = a;
  scratch[1] = b;
  scratch[2] = c;
  scratch[3] = d;
  return hashWords(key0, key1, scratch, 4);
};

/** The same over four words passed one by one: an IPv4 key. Unrolled if code generation is allowed, because every packet needs it. */
export const hash4: (key0: number, key1: number, a: number, b: number, c: number, d: number) => number =
  generate<typeof plain>(
    [],
    [],
    `return (key0, key1, a, b, c, d) => {
      let v0 = key0, v1 = key1, v2 = key0 ^ 0x6c796765, v3 = key1 ^ 0x74656462;
      ${['a', 'b', 'c', 'd', '0x10000000'].map(absorb).join('\n')}
      v2 ^= 0xff;
      ${round.repeat(3)}
      return v1 ^ v3;
    };`,
  ) ?? plain;

/** The same over the ten words of an IPv6 key. */
export const hash10: (key0: number, key1: number, words: Int32Array) => number =
  generate<(key0: number, key1: number, words: Int32Array) => number>(
    [],
    [],
    `return (key0, key1, w) => {
      let v0 = key0, v1 = key1, v2 = key0 ^ 0x6c796765, v3 = key1 ^ 0x74656462, x = 0;
      ${Array.from({ length: 10 }, (_, i) => `x = w[${i}]; ${absorb('x')}`).join('\n')}
      ${absorb('0x28000000')}
      v2 ^= 0xff;
      ${round.repeat(3)}
      return v1 ^ v3;
    };`,
  ) ?? ((key0, key1, words) => hashWords(key0, key1, words, 10));
