import { type Codec, Compressor, Decompressor } from './coder.ts';
import { copyMatch, hash3, matchLength } from './matches.ts';

/** Plain bytes of a chunk. */
const chunkSize = 4096;
const headerSize = 2;
const minMatch = 3;
const chunkHashBits = 11;
/** Bits 14 to 12 of the header of each chunk, and bit 15 of one that is compressed. */
const signature = 0x3000;
const compressedFlag = 0x8000;

/** Bits of the length of a compressed word after this many plain bytes of the chunk. MS-XCA 2.5.1.4. */
const lengthBits = (processed: number): number => 16 - Math.max(4, 32 - Math.clz32(processed - 1));

/** LZNT1 compression, MS-XCA 2.5.3. */
class Lznt1Compressor extends Compressor {
  readonly #hashTable = new Int32Array(1 << chunkHashBits);

  protected override compressTo(stop: number): boolean {
    const { length } = this.input;
    while (this.inputPosition < stop) {
      const size = Math.min(chunkSize, length - this.inputPosition);
      let written = this.#compressed(size);
      if (written === undefined) written = this.#uncompressed(size);
      if (written === undefined) return false;
      this.inputPosition += size;
      this.outputPosition += written;
    }
    return true;
  }

  /** Writes a chunk of literal data. @returns its size, or undefined if there is no space */
  #uncompressed(size: number): number | undefined {
    const at = this.outputPosition;
    if (at + headerSize + size > this.output.length) return undefined;
    this.#header(signature | (size - 1));
    this.output.set(this.input.subarray(this.inputPosition, this.inputPosition + size), at + headerSize);
    return headerSize + size;
  }

  #header(value: number): void {
    this.output[this.outputPosition] = value;
    this.output[this.outputPosition + 1] = value >> 8;
  }

  /** Writes a compressed chunk. @returns its size, or undefined if it is not smaller than the data, or there is no space */
  #compressed(size: number): number | undefined {
    const input = this.input;
    const output = this.output;
    const hashTable = this.#hashTable;
    const start = this.inputPosition;
    const end = start + size;
    const limit = Math.min(output.length, this.outputPosition + headerSize + size);
    hashTable.fill(0);
    let from = start;
    let to = this.outputPosition + headerSize;
    while (from < end) {
      const flagsAt = to++;
      let flags = 0;
      for (let i = 0; i < 8 && from < end; i++) {
        if (to + 2 > limit) return undefined;
        let length = 0;
        let displacement = 0;
        if (from + minMatch <= end) {
          const hash = hash3(input, from, chunkHashBits);
          const candidate = start + (hashTable[hash] as number) - 1;
          hashTable[hash] = from - start + 1;
          displacement = from - candidate;
          if (candidate >= start) length = matchLength(input, candidate, from, end);
        }
        if (length < minMatch) {
          output[to++] = input[from++] as number;
          continue;
        }
        const bits = lengthBits(from - start);
        length = Math.min(length, (1 << bits) - 1 + minMatch);
        const compressedWord = ((displacement - 1) << bits) | (length - minMatch);
        output[to++] = compressedWord;
        output[to++] = compressedWord >> 8;
        flags |= 1 << i;
        from += length;
      }
      output[flagsAt] = flags;
    }
    const written = to - this.outputPosition;
    this.#header(compressedFlag | signature | (written - 3));
    return written;
  }
}

/** LZNT1 decompression, MS-XCA 2.5.1. */
class Lznt1Decompressor extends Decompressor {
  protected override decompressTo(stop: number): boolean {
    const input = this.input;
    while (this.outputPosition < stop) {
      const at = this.inputPosition;
      if (at + headerSize > input.length) return false;
      const header = (input[at] as number) | ((input[at + 1] as number) << 8);
      if ((header & 0x7000) !== signature) return false; // the end of the buffer, too: data is missing
      const end = at + (header & 0xfff) + 3;
      if (end > input.length) return false;
      const good = header & compressedFlag ? this.#compressed(at + headerSize, end) : this.#uncompressed(at + headerSize, end);
      if (!good) return false;
      this.inputPosition = end;
    }
    return true;
  }

  #uncompressed(from: number, end: number): boolean {
    if (end - from > this.output.length - this.outputPosition) return false;
    this.output.set(this.input.subarray(from, end), this.outputPosition);
    this.outputPosition += end - from;
    return true;
  }

  #compressed(start: number, end: number): boolean {
    const input = this.input;
    const output = this.output;
    const base = this.outputPosition;
    const limit = Math.min(output.length, base + chunkSize);
    let from = start;
    let to = base;
    while (from < end) {
      let flags = input[from++] as number;
      for (let i = 0; i < 8 && from < end; i++, flags >>= 1) {
        if ((flags & 1) === 0) {
          if (to === limit) return false;
          output[to++] = input[from++] as number;
          continue;
        }
        if (from + 2 > end || to === base) return false;
        const compressedWord = (input[from] as number) | ((input[from + 1] as number) << 8);
        from += 2;
        const bits = lengthBits(to - base);
        const length = (compressedWord & ((1 << bits) - 1)) + minMatch;
        const displacement = (compressedWord >> bits) + 1;
        if (displacement > to - base || length > limit - to) return false;
        copyMatch(output, to, displacement, length);
        to += length;
      }
    }
    this.outputPosition = to;
    return to > base; // a chunk without data would make no progress
  }
}

/** LZNT1, MS-XCA 2.5. */
export const lznt1: Codec = {
  compress: (input, output) => new Lznt1Compressor(input, output),
  decompress: (input, output) => new Lznt1Decompressor(input, output),
};
