import { type Codec, type Coder, copyMatch, hashBits, matchLength, type Progress } from './coder.ts';

/** Rules of the block format: the last bytes are literals, and the last match begins some bytes before the end. */
const lastLiterals = 5;
const matchLimit = 12;
const minMatch = 4;
const maxDistance = 0xffff;
const patience = 6;

const hash4 = (bytes: Uint8Array, at: number, bits: number): number =>
  Math.imul(
    (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24),
    0x9e3779b1,
  ) >>>
  (32 - bits);

/** Compression into one LZ4 block. */
class Lz4Compressor implements Coder {
  readonly #source: Uint8Array;
  readonly #target: Uint8Array;
  readonly #seen: Int32Array;
  readonly #bits: number;
  /** Where the literals of the next sequence begin. */
  #literals = 0;
  #from = 0;
  #to = 0;

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
    const seen = this.#seen;
    const bits = this.#bits;
    const lastMatch = source.length - matchLimit;
    const stop = Math.min(lastMatch + 1, this.#from + bytes);
    let from = this.#from;
    let misses = 0;
    while (from < stop) {
      const hash = hash4(source, from, bits);
      const candidate = (seen[hash] as number) - 1;
      seen[hash] = from + 1;
      const near = candidate >= 0 && from - candidate <= maxDistance;
      const length = near ? matchLength(source, candidate, from, source.length - lastLiterals) : 0;
      if (length < minMatch) {
        from += 1 + (misses++ >> patience);
        continue;
      }
      misses = 0;
      if (!this.#sequence(from, from - candidate, length)) return 'failed';
      from += length;
      this.#literals = from;
    }
    this.#from = from;
    if (from <= lastMatch) return 'more';
    return this.#sequence(source.length, 0, 0) ? 'done' : 'failed';
  }

  /** Writes the literals up to `end` and a match; the last sequence has none. @returns false if there is no space */
  #sequence(end: number, distance: number, length: number): boolean {
    const target = this.#target;
    const literals = end - this.#literals;
    const extra = length === 0 ? 0 : length - minMatch;
    const needs = 1 + extended(literals) + literals + (length === 0 ? 0 : 2 + extended(extra));
    if (this.#to + needs > target.length) return false;
    target[this.#to++] = (Math.min(literals, 15) << 4) | Math.min(extra, 15);
    this.#extend(literals);
    target.set(this.#source.subarray(this.#literals, end), this.#to);
    this.#to += literals;
    if (length === 0) return true;
    target[this.#to++] = distance;
    target[this.#to++] = distance >> 8;
    this.#extend(extra);
    return true;
  }

  #extend(value: number): void {
    if (value < 15) return;
    let rest = value - 15;
    for (; rest >= 255; rest -= 255) this.#target[this.#to++] = 255;
    this.#target[this.#to++] = rest;
  }
}

/** Bytes that extend a length of the token. */
const extended = (value: number): number => (value < 15 ? 0 : 1 + Math.floor((value - 15) / 255));

/** Decompression of one LZ4 block. */
class Lz4Decompressor implements Coder {
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
    const target = this.#target;
    const stop = Math.min(target.length, this.#to + bytes);
    while (this.#to < stop) if (!this.#sequence()) return 'failed';
    return this.#to < target.length ? 'more' : 'done';
  }

  #sequence(): boolean {
    const source = this.#source;
    const target = this.#target;
    if (this.#from === source.length) return false;
    const token = source[this.#from++] as number;
    const literals = this.#length(token >> 4);
    if (literals > source.length - this.#from || literals > target.length - this.#to) return false;
    if (literals > 32) target.set(source.subarray(this.#from, this.#from + literals), this.#to);
    else for (let i = 0; i < literals; i++) target[this.#to + i] = source[this.#from + i] as number;
    this.#from += literals;
    this.#to += literals;
    if (this.#from === source.length) return this.#to === target.length; // the last sequence has no match
    if (this.#from + 2 > source.length) return false;
    const distance = (source[this.#from] as number) | ((source[this.#from + 1] as number) << 8);
    this.#from += 2;
    const length = this.#length(token & 15) + minMatch;
    if (distance === 0 || distance > this.#to || length > target.length - this.#to) return false;
    copyMatch(target, this.#to, distance, length);
    this.#to += length;
    return true;
  }

  /** A length with its extension; Infinity if the extension does not end. */
  #length(nibble: number): number {
    if (nibble < 15) return nibble;
    const source = this.#source;
    let length = 15;
    while (this.#from < source.length) {
      const byte = source[this.#from++] as number;
      length += byte;
      if (byte < 255) return length;
    }
    return Number.POSITIVE_INFINITY;
  }
}

/** LZ4 block format, as MS-SMB2 2.2.3.1.3 and 3.1.4.4 use it. */
export const lz4: Codec = {
  compress: (source, target) => new Lz4Compressor(source, target),
  decompress: (source, target) => new Lz4Decompressor(source, target),
};
