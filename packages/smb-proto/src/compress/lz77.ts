import { type Codec, type Coder, copyMatch, hash3, hashBits, matchLength, type Progress } from './coder.ts';

/** Maximum distance of a match: 13 bits. */
const maxDistance = 8192;
const minMatch = 3;
/** Maximum number of bytes that one item takes: flags, a match and its longest length. */
const itemBytes = 4 + 2 + 1 + 1 + 2 + 4;
/** After this many positions without a match, fewer positions are searched. A power of two, as its logarithm. */
const patience = 6;

/** Plain LZ77 compression, MS-XCA 2.3.4. */
class Lz77Compressor implements Coder {
  readonly #source: Uint8Array;
  readonly #target: Uint8Array;
  /** Position after the last occurrence of each hash; 0 if there is none. */
  readonly #seen: Int32Array;
  readonly #bits: number;
  #from = 0;
  #to = 4;
  #flagsAt = 0;
  #flags = 0;
  #flagCount = 0;
  /** Position of a length byte whose upper half is free; 0 if there is none. */
  #halfByteAt = 0;
  #misses = 0;

  constructor(source: Uint8Array, target: Uint8Array) {
    this.#source = source;
    this.#target = target;
    this.#bits = hashBits(source.length);
    this.#seen = new Int32Array(1 << this.#bits);
  }

  get consumed(): number {
    return this.#from;
  }

  get written(): number {
    return this.#to;
  }

  advance(bytes: number): Progress {
    const source = this.#source;
    const target = this.#target;
    const seen = this.#seen;
    const bits = this.#bits;
    const end = source.length;
    const stop = Math.min(end, this.#from + bytes);
    const lastTo = target.length - itemBytes;
    let from = this.#from;
    let to = this.#to;
    let flags = this.#flags;
    let flagCount = this.#flagCount;
    let misses = this.#misses;
    let searchAt = from;
    while (from < stop) {
      if (to > lastTo) return 'failed';
      let length = 0;
      let distance = 0;
      if (from >= searchAt && from + minMatch <= end) {
        const hash = hash3(source, from, bits);
        const candidate = (seen[hash] as number) - 1;
        seen[hash] = from + 1;
        distance = from - candidate;
        if (candidate >= 0 && distance <= maxDistance) length = matchLength(source, candidate, from, end);
        if (length < minMatch) {
          length = 0;
          searchAt = from + 1 + (misses++ >> patience);
        }
      }
      if (length === 0) {
        target[to++] = source[from++] as number;
        flags <<= 1;
      } else {
        misses = 0;
        to = this.#match(to, distance, length);
        const next = from + length;
        if (next + minMatch <= end) seen[hash3(source, next - 1, bits)] = next;
        from = searchAt = next;
        flags = (flags << 1) | 1;
      }
      if (++flagCount === 32) {
        writeU32(target, this.#flagsAt, flags);
        this.#flagsAt = to;
        to += 4;
        flags = flagCount = 0;
      }
    }
    this.#from = from;
    this.#to = to;
    this.#flags = flags;
    this.#flagCount = flagCount;
    this.#misses = misses;
    if (from < end) return 'more';
    return this.#finish();
  }

  /** Unused flags are ones. */
  #finish(): Progress {
    if (this.#to > this.#target.length) return 'failed';
    const unused = 32 - this.#flagCount;
    const flags = unused === 32 ? -1 : (this.#flags << unused) | (2 ** unused - 1);
    writeU32(this.#target, this.#flagsAt, flags);
    return 'done';
  }

  #match(at: number, distance: number, length: number): number {
    const target = this.#target;
    let to = at;
    let rest = length - minMatch;
    const metadata = ((distance - 1) << 3) | Math.min(rest, 7);
    target[to++] = metadata;
    target[to++] = metadata >> 8;
    if (rest < 7) return to;
    rest -= 7;
    const nibble = Math.min(rest, 15);
    if (this.#halfByteAt === 0) {
      this.#halfByteAt = to;
      target[to++] = nibble;
    } else {
      target[this.#halfByteAt] = (target[this.#halfByteAt] as number) | (nibble << 4);
      this.#halfByteAt = 0;
    }
    if (rest < 15) return to;
    rest -= 15;
    target[to++] = Math.min(rest, 255);
    if (rest < 255) return to;
    rest += 15 + 7;
    const short = rest <= 0xffff ? rest : 0;
    target[to++] = short;
    target[to++] = short >> 8;
    if (short !== 0) return to;
    writeU32(target, to, rest);
    return to + 4;
  }
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >> 8;
  bytes[at + 2] = value >> 16;
  bytes[at + 3] = value >> 24;
}

/** Plain LZ77 decompression, MS-XCA 2.4.4. */
class Lz77Decompressor implements Coder {
  readonly #source: Uint8Array;
  readonly #target: Uint8Array;
  #from = 0;
  #to = 0;
  #flags = 0;
  #flagCount = 0;
  #halfByteAt = 0;

  constructor(source: Uint8Array, target: Uint8Array) {
    this.#source = source;
    this.#target = target;
  }

  get consumed(): number {
    return this.#from;
  }

  get written(): number {
    return this.#to;
  }

  advance(bytes: number): Progress {
    const source = this.#source;
    const target = this.#target;
    const stop = Math.min(target.length, this.#to + bytes);
    let to = this.#to;
    while (to < stop) {
      if (this.#flagCount === 0) {
        if (this.#from + 4 > source.length) return 'failed';
        this.#flags = this.#number(4) | 0;
        this.#flagCount = 32;
      }
      let flags = this.#flags;
      let flagCount = this.#flagCount;
      let from = this.#from;
      while (flagCount > 0 && flags >= 0 && to < stop) {
        if (from === source.length) return 'failed';
        target[to++] = source[from++] as number;
        flags <<= 1;
        flagCount--;
      }
      this.#from = from;
      if (flagCount > 0 && flags < 0 && to < stop) {
        flags <<= 1;
        flagCount--;
        if (from + 2 > source.length) return 'failed';
        const metadata = this.#number(2);
        const distance = (metadata >> 3) + 1;
        const length = (metadata & 7) < 7 ? (metadata & 7) + minMatch : this.#longLength();
        if (length === undefined || distance > to || length > target.length - to) return 'failed';
        copyMatch(target, to, distance, length);
        to += length;
      }
      this.#flags = flags;
      this.#flagCount = flagCount;
    }
    this.#to = to;
    return to < target.length ? 'more' : 'done';
  }

  /** The next little-endian number of 1, 2 or 4 bytes, which were checked to be present. */
  #number(size: 1 | 2 | 4): number {
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + (this.#source[this.#from + i] as number);
    this.#from += size;
    return value;
  }

  #left(): number {
    return this.#source.length - this.#from;
  }

  /** A length of 10 or more. @returns undefined if it is not valid */
  #longLength(): number | undefined {
    let length: number;
    if (this.#halfByteAt === 0) {
      if (this.#left() < 1) return undefined;
      this.#halfByteAt = this.#from;
      length = this.#number(1) & 15;
    } else {
      length = (this.#source[this.#halfByteAt] as number) >> 4;
      this.#halfByteAt = 0;
    }
    if (length < 15) return length + 7 + minMatch;
    if (this.#left() < 1) return undefined;
    length = this.#number(1);
    if (length < 255) return length + 15 + 7 + minMatch;
    if (this.#left() < 2) return undefined;
    length = this.#number(2);
    if (length === 0) {
      if (this.#left() < 4) return undefined;
      length = this.#number(4);
    }
    return length < 15 + 7 ? undefined : length + minMatch;
  }
}

/** Plain LZ77, MS-XCA 2.3 and 2.4. */
export const lz77: Codec = {
  compress: (source, target) => new Lz77Compressor(source, target),
  decompress: (source, target) => new Lz77Decompressor(source, target),
};
