import { type Codec, Compressor, Decompressor } from './coder.ts';
import { copyMatch, createHashTable, hash3, hashBits, matchLength, searchStep } from './matches.ts';

/** Maximum offset of a match: 13 bits. */
const maxOffset = 8192;
const minMatch = 3;
/** Maximum number of bytes that one item takes: flags, a match and its longest length. */
const maxItemBytes = 4 + 2 + 1 + 1 + 2 + 4;

/** Plain LZ77 compression, MS-XCA 2.3.4. */
class Lz77Compressor extends Compressor {
  readonly #hashTable = createHashTable(this.input.length);
  protected override outputPosition = 4;
  #flagOutputPosition = 0;
  #flags = 0;
  #flagCount = 0;
  /** Position of a length byte whose upper half is free; 0 if there is none. */
  #lastLengthHalfByte = 0;
  #misses = 0;

  protected override compressTo(stop: number): boolean {
    const input = this.input;
    const output = this.output;
    const hashTable = this.#hashTable;
    const bits = hashBits(hashTable);
    const end = input.length;
    const lastItemAt = output.length - maxItemBytes;
    let from = this.inputPosition;
    let to = this.outputPosition;
    let flags = this.#flags;
    let flagCount = this.#flagCount;
    let misses = this.#misses;
    let searchAt = from;
    while (from < stop) {
      if (to > lastItemAt) return false;
      let length = 0;
      let offset = 0;
      if (from >= searchAt && from + minMatch <= end) {
        const hash = hash3(input, from, bits);
        const candidate = (hashTable[hash] as number) - 1;
        hashTable[hash] = from + 1;
        offset = from - candidate;
        if (candidate >= 0 && offset <= maxOffset) length = matchLength(input, candidate, from, end);
        if (length < minMatch) {
          length = 0;
          searchAt = from + searchStep(misses++);
        }
      }
      if (length === 0) {
        output[to++] = input[from++] as number;
        flags <<= 1;
      } else {
        misses = 0;
        to = this.#match(to, offset, length);
        const next = from + length;
        if (next + minMatch <= end) hashTable[hash3(input, next - 1, bits)] = next;
        from = searchAt = next;
        flags = (flags << 1) | 1;
      }
      if (++flagCount === 32) {
        writeU32(output, this.#flagOutputPosition, flags);
        this.#flagOutputPosition = to;
        to += 4;
        flags = flagCount = 0;
      }
    }
    this.inputPosition = from;
    this.outputPosition = to;
    this.#flags = flags;
    this.#flagCount = flagCount;
    this.#misses = misses;
    return true;
  }

  /** Unused flags are ones. */
  protected override finish(): boolean {
    if (this.outputPosition > this.output.length) return false;
    const unused = 32 - this.#flagCount;
    const flags = unused === 32 ? -1 : (this.#flags << unused) | (2 ** unused - 1);
    writeU32(this.output, this.#flagOutputPosition, flags);
    return true;
  }

  /** Writes a match at `at`. @returns the position after it */
  #match(at: number, offset: number, length: number): number {
    const output = this.output;
    let to = at;
    let rest = length - minMatch;
    const matchBytes = ((offset - 1) << 3) | Math.min(rest, 7);
    output[to++] = matchBytes;
    output[to++] = matchBytes >> 8;
    if (rest < 7) return to;
    rest -= 7;
    const nibble = Math.min(rest, 15);
    if (this.#lastLengthHalfByte === 0) {
      this.#lastLengthHalfByte = to;
      output[to++] = nibble;
    } else {
      output[this.#lastLengthHalfByte] = (output[this.#lastLengthHalfByte] as number) | (nibble << 4);
      this.#lastLengthHalfByte = 0;
    }
    if (rest < 15) return to;
    rest -= 15;
    output[to++] = Math.min(rest, 255);
    if (rest < 255) return to;
    rest += 15 + 7;
    const short = rest <= 0xffff ? rest : 0;
    output[to++] = short;
    output[to++] = short >> 8;
    if (short !== 0) return to;
    writeU32(output, to, rest);
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
class Lz77Decompressor extends Decompressor {
  #bufferedFlags = 0;
  #bufferedFlagCount = 0;
  /** Position of a length byte whose upper half is not used yet; 0 if there is none. */
  #lastLengthHalfByte = 0;

  protected override decompressTo(stop: number): boolean {
    const input = this.input;
    const output = this.output;
    let to = this.outputPosition;
    while (to < stop) {
      if (this.#bufferedFlagCount === 0) {
        if (this.inputPosition + 4 > input.length) return false;
        this.#bufferedFlags = this.#number(4) | 0;
        this.#bufferedFlagCount = 32;
      }
      let flags = this.#bufferedFlags;
      let flagCount = this.#bufferedFlagCount;
      let from = this.inputPosition;
      while (flagCount > 0 && flags >= 0 && to < stop) {
        if (from === input.length) return false;
        output[to++] = input[from++] as number;
        flags <<= 1;
        flagCount--;
      }
      this.inputPosition = from;
      if (flagCount > 0 && flags < 0 && to < stop) {
        flags <<= 1;
        flagCount--;
        if (from + 2 > input.length) return false;
        const matchBytes = this.#number(2);
        const offset = (matchBytes >> 3) + 1;
        const length = (matchBytes & 7) < 7 ? (matchBytes & 7) + minMatch : this.#longLength();
        if (length === undefined || offset > to || length > output.length - to) return false;
        copyMatch(output, to, offset, length);
        to += length;
      }
      this.#bufferedFlags = flags;
      this.#bufferedFlagCount = flagCount;
    }
    this.outputPosition = to;
    return true;
  }

  /** The next little-endian number of 1, 2 or 4 bytes, which were checked to be present. */
  #number(size: 1 | 2 | 4): number {
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + (this.input[this.inputPosition + i] as number);
    this.inputPosition += size;
    return value;
  }

  #left(): number {
    return this.input.length - this.inputPosition;
  }

  /** A length of 10 or more. @returns undefined if it is not valid */
  #longLength(): number | undefined {
    let length: number;
    if (this.#lastLengthHalfByte === 0) {
      if (this.#left() < 1) return undefined;
      this.#lastLengthHalfByte = this.inputPosition;
      length = this.#number(1) & 15;
    } else {
      length = (this.input[this.#lastLengthHalfByte] as number) >> 4;
      this.#lastLengthHalfByte = 0;
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
  compress: (input, output) => new Lz77Compressor(input, output),
  decompress: (input, output) => new Lz77Decompressor(input, output),
};
