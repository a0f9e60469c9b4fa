import { type Codec, Compressor, Decompressor } from './coder.ts';
import { canonicalCodes, codeLengths, decodingEntries, fillDecodingTable, maxCodeBits, symbolCount, tableBytes } from './huffman-code.ts';
import { copyMatch, createHashTable, hash3, hashBits, matchLength, searchStep } from './matches.ts';

/** Plain bytes of a block. */
const blockSize = 65_536;
const maxOffset = 65_535;
const minMatch = 3;
/** The symbol of the end; in other places, a match of three bytes at offset 1. */
const endSymbol = 256;

/** LZ77+Huffman compression, MS-XCA 2.1.4. A block takes two passes: matches are found, then the symbols are encoded. */
class Lz77HuffmanCompressor extends Compressor {
  readonly #hashTable = createHashTable(this.input.length);
  readonly #maxSymbols = Math.min(blockSize, this.input.length);
  /** The symbols of a block; for a match also its length less 3, and its offset. */
  readonly #symbols = new Uint16Array(this.#maxSymbols);
  readonly #lengths = new Uint16Array(this.#maxSymbols);
  readonly #offsets = new Uint16Array(this.#maxSymbols);
  // The state of the bit stream, MS-XCA 2.1.4.3: the word that is being filled and the one after it have their positions already.
  #outputPosition1 = 0;
  #outputPosition2 = 0;
  #nextWord = 0;
  #freeBits = 16;

  protected override compressTo(stop: number): boolean {
    const { length } = this.input;
    do {
      const end = Math.min(length, this.inputPosition + blockSize);
      const count = this.#findMatches(end);
      this.inputPosition = end;
      if (!this.#encode(count, end === length)) return false;
    } while (this.inputPosition < stop);
    return true;
  }

  /** @returns the number of symbols up to `end` */
  #findMatches(end: number): number {
    const input = this.input;
    const hashTable = this.#hashTable;
    const bits = hashBits(hashTable);
    const symbols = this.#symbols;
    let count = 0;
    let misses = 0;
    let from = this.inputPosition;
    let searchAt = from;
    while (from < end) {
      if (from >= searchAt && from + minMatch <= end) {
        const hash = hash3(input, from, bits);
        const candidate = (hashTable[hash] as number) - 1;
        hashTable[hash] = from + 1;
        const offset = from - candidate;
        const length = candidate >= 0 && offset <= maxOffset ? matchLength(input, candidate, from, end) : 0;
        if (length >= minMatch) {
          misses = 0;
          this.#lengths[count] = length - minMatch;
          this.#offsets[count] = offset;
          symbols[count++] = 256 + ((31 - Math.clz32(offset)) << 4) + Math.min(length - minMatch, 15);
          from += length;
          searchAt = from;
          if (from + 2 <= end) hashTable[hash3(input, from - 1, bits)] = from;
          continue;
        }
        searchAt = from + searchStep(misses++);
      }
      symbols[count++] = input[from++] as number;
    }
    return count;
  }

  /** @returns false if there is no space */
  #encode(count: number, last: boolean): boolean {
    const symbols = this.#symbols;
    const frequencies = new Uint32Array(symbolCount);
    for (let i = 0; i < count; i++) frequencies[symbols[i] as number]!++;
    if (last) frequencies[endSymbol]!++;
    for (let spare = 0; !hasTwo(frequencies); spare++) frequencies[spare] = Math.max(1, frequencies[spare] as number);
    const bits = codeLengths(frequencies);
    const codes = canonicalCodes(bits);
    if (!this.#beginBlock(bits)) return false;
    const limit = this.output.length - 16;
    for (let i = 0; i < count; i++) {
      if (this.outputPosition > limit) return false;
      const symbol = symbols[i] as number;
      this.#writeBits(codes[symbol] as number, bits[symbol] as number);
      if (symbol < 256) continue;
      this.#writeLength(this.#lengths[i] as number);
      const offsetBits = (symbol - 256) >> 4;
      this.#writeBits((this.#offsets[i] as number) - (1 << offsetBits), offsetBits);
    }
    if (last) {
      if (this.outputPosition > limit) return false;
      this.#writeBits(codes[endSymbol] as number, bits[endSymbol] as number);
    }
    writeU16(this.output, this.#outputPosition1, this.#nextWord << this.#freeBits);
    writeU16(this.output, this.#outputPosition2, 0);
    return true;
  }

  #beginBlock(bits: Uint8Array): boolean {
    const at = this.outputPosition;
    if (at + tableBytes + 4 > this.output.length) return false;
    for (let i = 0; i < tableBytes; i++) this.output[at + i] = (bits[2 * i] as number) | ((bits[2 * i + 1] as number) << 4);
    this.#outputPosition1 = at + tableBytes;
    this.#outputPosition2 = this.#outputPosition1 + 2;
    this.outputPosition = this.#outputPosition1 + 4;
    this.#nextWord = 0;
    this.#freeBits = 16;
    return true;
  }

  /** Writes the low `count` bits of a value. */
  #writeBits(value: number, count: number): void {
    if (this.#freeBits >= count) {
      this.#freeBits -= count;
      this.#nextWord = (this.#nextWord << count) | value;
      return;
    }
    const left = count - this.#freeBits;
    writeU16(this.output, this.#outputPosition1, (this.#nextWord << this.#freeBits) | (value >> left));
    this.#outputPosition1 = this.#outputPosition2;
    this.#outputPosition2 = this.outputPosition;
    this.outputPosition += 2;
    this.#freeBits = 16 - left;
    this.#nextWord = value & ((1 << left) - 1);
  }

  /** Writes the rest of a length that its symbol does not hold. @param length less 3 */
  #writeLength(length: number): void {
    if (length < 15) return;
    const output = this.output;
    if (length - 15 < 255) {
      output[this.outputPosition++] = length - 15;
      return;
    }
    output[this.outputPosition++] = 255;
    writeU16(output, this.outputPosition, length); // a match ends with its block, so that 16 bits are enough
    this.outputPosition += 2;
  }
}

function hasTwo(frequencies: Uint32Array): boolean {
  let used = 0;
  for (const frequency of frequencies) if (frequency !== 0 && ++used === 2) return true;
  return false;
}

function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >> 8;
}

/** LZ77+Huffman decompression, MS-XCA 2.2.4. */
class Lz77HuffmanDecompressor extends Decompressor {
  readonly #decodingTable = new Uint16Array(decodingEntries);
  readonly #bitLengths = new Uint8Array(symbolCount);
  #blockEnd = 0;
  #nextBits = 0;
  /** Bits present in addition to 16; below 0, more are read. */
  #extraBitCount = 0;

  protected override decompressTo(stop: number): boolean {
    while (this.outputPosition < stop) {
      if (this.outputPosition >= this.#blockEnd && !this.#beginBlock()) return false;
      if (!this.#decode(Math.min(stop, this.#blockEnd))) return false;
    }
    return true;
  }

  #beginBlock(): boolean {
    const input = this.input;
    if (this.inputPosition + tableBytes + 4 > input.length) return false;
    for (let i = 0; i < tableBytes; i++) {
      const pair = input[this.inputPosition + i] as number;
      this.#bitLengths[2 * i] = pair & 15;
      this.#bitLengths[2 * i + 1] = pair >> 4;
    }
    if (!fillDecodingTable(this.#bitLengths, this.#decodingTable)) return false;
    this.inputPosition += tableBytes;
    this.#nextBits = (this.#word(this.inputPosition) << 16) | this.#word(this.inputPosition + 2);
    this.inputPosition += 4;
    this.#extraBitCount = 16;
    this.#blockEnd = this.outputPosition + blockSize;
    return true;
  }

  #word(at: number): number {
    return (this.input[at] as number) | ((this.input[at + 1] as number) << 8);
  }

  /** Decodes up to `stop`, or a match beyond it. @returns false if the data is not valid */
  #decode(stop: number): boolean {
    const input = this.input;
    const output = this.output;
    const decodingTable = this.#decodingTable;
    const bitLengths = this.#bitLengths;
    let to = this.outputPosition;
    let from = this.inputPosition;
    let nextBits = this.#nextBits;
    let extraBitCount = this.#extraBitCount;
    while (to < stop) {
      const symbol = decodingTable[nextBits >>> (32 - maxCodeBits)] as number;
      const count = bitLengths[symbol] as number;
      nextBits <<= count;
      extraBitCount -= count;
      if (extraBitCount < 0) {
        if (from + 2 > input.length) return false;
        nextBits |= this.#word(from) << -extraBitCount;
        from += 2;
        extraBitCount += 16;
      }
      if (symbol < 256) {
        output[to++] = symbol;
        continue;
      }
      let length = (symbol - 256) & 15;
      const offsetBits = (symbol - 256) >> 4;
      if (length === 15) {
        if (from === input.length) return false;
        length = input[from++] as number;
        if (length < 255) length += 15;
        else {
          if (from + 2 > input.length) return false;
          length = this.#word(from);
          from += 2;
          if (length === 0) {
            if (from + 4 > input.length) return false;
            length = this.#word(from) + this.#word(from + 2) * 65_536;
            from += 4;
          }
          if (length < 15) return false;
        }
      }
      length += minMatch;
      let offset = 1;
      if (offsetBits > 0) {
        offset = (1 << offsetBits) + (nextBits >>> (32 - offsetBits));
        nextBits <<= offsetBits;
        extraBitCount -= offsetBits;
        if (extraBitCount < 0) {
          if (from + 2 > input.length) return false;
          nextBits |= this.#word(from) << -extraBitCount;
          from += 2;
          extraBitCount += 16;
        }
      }
      if (offset > to || length > output.length - to) return false;
      copyMatch(output, to, offset, length);
      to += length;
    }
    this.outputPosition = to;
    this.inputPosition = from;
    this.#nextBits = nextBits;
    this.#extraBitCount = extraBitCount;
    return true;
  }
}

/** LZ77+Huffman, MS-XCA 2.1 and 2.2. */
export const lz77Huffman: Codec = {
  compress: (input, output) => new Lz77HuffmanCompressor(input, output),
  decompress: (input, output) => new Lz77HuffmanDecompressor(input, output),
};
