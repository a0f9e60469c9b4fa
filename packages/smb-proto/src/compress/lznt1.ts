import { type Codec, type Coder, copyMatch, hash3, matchLength, type Progress } from './coder.ts';

/** Plain bytes of a chunk. */
const chunkSize = 4096;
const headerSize = 2;
const minMatch = 3;
const hashBits = 11;
/** Bits 14 to 12 of the header of each chunk, and bit 15 of one that is compressed. */
const signature = 0x3000;
const compressedFlag = 0x8000;

/** Bits of the length of a compressed word after this many plain bytes of the chunk. MS-XCA 2.5.1.4. */
const lengthBits = (processed: number): number => 16 - Math.max(4, 32 - Math.clz32(processed - 1));

/** LZNT1 compression, MS-XCA 2.5.3. */
class Lznt1Compressor implements Coder {
  readonly #source: Uint8Array;
  readonly #target: Uint8Array;
  readonly #seen = new Int32Array(1 << hashBits);
  #from = 0;
  #to = 0;

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
    const { length } = this.#source;
    const stop = Math.min(length, this.#from + bytes);
    while (this.#from < stop) {
      const size = Math.min(chunkSize, length - this.#from);
      let written = this.#compressed(size);
      if (written === undefined) written = this.#plain(size);
      if (written === undefined) return 'failed';
      this.#from += size;
      this.#to += written;
    }
    return this.#from < length ? 'more' : 'done';
  }

  /** Writes a chunk of literal data. @returns its size, or undefined if there is no space */
  #plain(size: number): number | undefined {
    const at = this.#to;
    if (at + headerSize + size > this.#target.length) return undefined;
    this.#header(signature | (size - 1));
    this.#target.set(this.#source.subarray(this.#from, this.#from + size), at + headerSize);
    return headerSize + size;
  }

  #header(value: number): void {
    this.#target[this.#to] = value;
    this.#target[this.#to + 1] = value >> 8;
  }

  /** Writes a compressed chunk. @returns its size, or undefined if it is not smaller than the data, or there is no space */
  #compressed(size: number): number | undefined {
    const source = this.#source;
    const target = this.#target;
    const seen = this.#seen;
    const start = this.#from;
    const end = start + size;
    const limit = Math.min(target.length, this.#to + headerSize + size);
    seen.fill(0);
    let from = start;
    let to = this.#to + headerSize;
    while (from < end) {
      const flagsAt = to++;
      let flags = 0;
      for (let i = 0; i < 8 && from < end; i++) {
        if (to + 2 > limit) return undefined;
        let length = 0;
        let distance = 0;
        if (from + minMatch <= end) {
          const hash = hash3(source, from, hashBits);
          const candidate = start + (seen[hash] as number) - 1;
          seen[hash] = from - start + 1;
          distance = from - candidate;
          if (candidate >= start) length = matchLength(source, candidate, from, end);
        }
        if (length < minMatch) {
          target[to++] = source[from++] as number;
          continue;
        }
        const bits = lengthBits(from - start);
        length = Math.min(length, (1 << bits) - 1 + minMatch);
        const word = ((distance - 1) << bits) | (length - minMatch);
        target[to++] = word;
        target[to++] = word >> 8;
        flags |= 1 << i;
        from += length;
      }
      target[flagsAt] = flags;
    }
    const written = to - this.#to;
    this.#header(compressedFlag | signature | (written - 3));
    return written;
  }
}

/** LZNT1 decompression, MS-XCA 2.5.1. */
class Lznt1Decompressor implements Coder {
  readonly #source: Uint8Array;
  readonly #target: Uint8Array;
  #from = 0;
  #to = 0;

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
    while (this.#to < stop) {
      const at = this.#from;
      if (at + headerSize > source.length) return 'failed';
      const header = (source[at] as number) | ((source[at + 1] as number) << 8);
      if ((header & 0x7000) !== signature) return 'failed'; // the end of the buffer, too: data is missing
      const end = at + (header & 0xfff) + 3;
      if (end > source.length) return 'failed';
      const good = header & compressedFlag ? this.#compressed(at + headerSize, end) : this.#plain(at + headerSize, end);
      if (!good) return 'failed';
      this.#from = end;
    }
    return this.#to < target.length ? 'more' : 'done';
  }

  #plain(from: number, end: number): boolean {
    if (end - from > this.#target.length - this.#to) return false;
    this.#target.set(this.#source.subarray(from, end), this.#to);
    this.#to += end - from;
    return true;
  }

  #compressed(start: number, end: number): boolean {
    const source = this.#source;
    const target = this.#target;
    const base = this.#to;
    const limit = Math.min(target.length, base + chunkSize);
    let from = start;
    let to = base;
    while (from < end) {
      let flags = source[from++] as number;
      for (let i = 0; i < 8 && from < end; i++, flags >>= 1) {
        if ((flags & 1) === 0) {
          if (to === limit) return false;
          target[to++] = source[from++] as number;
          continue;
        }
        if (from + 2 > end || to === base) return false;
        const word = (source[from] as number) | ((source[from + 1] as number) << 8);
        from += 2;
        const bits = lengthBits(to - base);
        const length = (word & ((1 << bits) - 1)) + minMatch;
        const distance = (word >> bits) + 1;
        if (distance > to - base || length > limit - to) return false;
        copyMatch(target, to, distance, length);
        to += length;
      }
    }
    this.#to = to;
    return to > base; // a chunk without data would make no progress
  }
}

/** LZNT1, MS-XCA 2.5. */
export const lznt1: Codec = {
  compress: (source, target) => new Lznt1Compressor(source, target),
  decompress: (source, target) => new Lznt1Decompressor(source, target),
};
