import { type Codec, Compressor, Decompressor } from './coder.ts';
import { copyMatch, createHashTable, hashBits, matchLength, searchStep } from './matches.ts';

/** End of block conditions of the format: the last 5 bytes are literals, and the last match begins at least 12 bytes before the end. */
const lastLiterals = 5;
const matchLimit = 12;
const minMatch = 4;
const maxOffset = 0xffff;

const hash4 = (bytes: Uint8Array, at: number, bits: number): number =>
  Math.imul(
    (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24),
    0x9e3779b1,
  ) >>>
  (32 - bits);

/** Compression into one LZ4 block. */
class Lz4Compressor extends Compressor {
  readonly #hashTable = createHashTable(this.input.length);
  /** Position of the literals of the next sequence. */
  #literalsAt = 0;

  protected override compressTo(end: number): boolean {
    const input = this.input;
    const hashTable = this.#hashTable;
    const bits = hashBits(hashTable);
    const lastMatch = input.length - matchLimit;
    const stop = Math.min(lastMatch + 1, end);
    let from = this.inputPosition;
    let misses = 0;
    while (from < stop) {
      const hash = hash4(input, from, bits);
      const candidate = (hashTable[hash] as number) - 1;
      hashTable[hash] = from + 1;
      const near = candidate >= 0 && from - candidate <= maxOffset;
      const length = near ? matchLength(input, candidate, from, input.length - lastLiterals) : 0;
      if (length < minMatch) {
        from += searchStep(misses++);
        continue;
      }
      misses = 0;
      if (!this.#sequence(from, from - candidate, length)) return false;
      from += length;
      this.#literalsAt = from;
    }
    this.inputPosition = from > lastMatch ? input.length : from;
    return true;
  }

  protected override finish(): boolean {
    return this.#sequence(this.input.length, 0, 0);
  }

  /** Writes the literals up to `end` and a match; the last sequence has none. @returns false if there is no space */
  #sequence(end: number, offset: number, length: number): boolean {
    const output = this.output;
    const literals = end - this.#literalsAt;
    const extra = length === 0 ? 0 : length - minMatch;
    const needs = 1 + extensionBytes(literals) + literals + (length === 0 ? 0 : 2 + extensionBytes(extra));
    if (this.outputPosition + needs > output.length) return false;
    output[this.outputPosition++] = (Math.min(literals, 15) << 4) | Math.min(extra, 15);
    this.#extend(literals);
    output.set(this.input.subarray(this.#literalsAt, end), this.outputPosition);
    this.outputPosition += literals;
    if (length === 0) return true;
    output[this.outputPosition++] = offset;
    output[this.outputPosition++] = offset >> 8;
    this.#extend(extra);
    return true;
  }

  /** Writes the bytes that extend a length of the token. */
  #extend(value: number): void {
    if (value < 15) return;
    let rest = value - 15;
    for (; rest >= 255; rest -= 255) this.output[this.outputPosition++] = 255;
    this.output[this.outputPosition++] = rest;
  }
}

/** Number of bytes that extend a length of the token. */
const extensionBytes = (value: number): number => (value < 15 ? 0 : 1 + Math.floor((value - 15) / 255));

/** Decompression of one LZ4 block. */
class Lz4Decompressor extends Decompressor {
  protected override decompressTo(stop: number): boolean {
    while (this.outputPosition < stop) if (!this.#sequence()) return false;
    return true;
  }

  /** Decompresses one sequence: literals and a match. @returns false if it is not valid */
  #sequence(): boolean {
    const input = this.input;
    const output = this.output;
    if (this.inputPosition === input.length) return false;
    const token = input[this.inputPosition++] as number;
    const literals = this.#length(token >> 4);
    if (literals > input.length - this.inputPosition || literals > output.length - this.outputPosition) return false;
    if (literals > 32) output.set(input.subarray(this.inputPosition, this.inputPosition + literals), this.outputPosition);
    else for (let i = 0; i < literals; i++) output[this.outputPosition + i] = input[this.inputPosition + i] as number;
    this.inputPosition += literals;
    this.outputPosition += literals;
    if (this.inputPosition === input.length) return this.outputPosition === output.length; // the last sequence has no match
    if (this.inputPosition + 2 > input.length) return false;
    const offset = (input[this.inputPosition] as number) | ((input[this.inputPosition + 1] as number) << 8);
    this.inputPosition += 2;
    const length = this.#length(token & 15) + minMatch;
    if (offset === 0 || offset > this.outputPosition || length > output.length - this.outputPosition) return false;
    copyMatch(output, this.outputPosition, offset, length);
    this.outputPosition += length;
    return true;
  }

  /** A length with its extension; Infinity if the extension does not end. */
  #length(nibble: number): number {
    if (nibble < 15) return nibble;
    const input = this.input;
    let length = 15;
    while (this.inputPosition < input.length) {
      const byte = input[this.inputPosition++] as number;
      length += byte;
      if (byte < 255) return length;
    }
    return Number.POSITIVE_INFINITY;
  }
}

/** LZ4 block format, as MS-SMB2 2.2.3.1.3 and 3.1.4.4 use it. */
export const lz4: Codec = {
  compress: (input, output) => new Lz4Compressor(input, output),
  decompress: (input, output) => new Lz4Decompressor(input, output),
};
