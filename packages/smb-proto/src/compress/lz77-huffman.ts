import { type Codec, type Coder, copyMatch, hash3, hashBits, matchLength, type Progress } from './coder.ts';
import { canonicalCodes, codeLengths, decodingEntries, fillDecodingTable, maxCodeBits, symbolCount, tableBytes } from './huffman-code.ts';

/** Plain bytes of a block. */
const blockSize = 65_536;
const maxDistance = 65_535;
const minMatch = 3;
/** The symbol of the end; in other places, a match of three bytes at distance 1. */
const endSymbol = 256;
const patience = 6;

/** LZ77+Huffman compression, MS-XCA 2.1.4. A block takes two passes: matches are found, then the symbols are encoded. */
class Lz77HuffmanCompressor implements Coder {
  readonly #source: Uint8Array;
  readonly #target: Uint8Array;
  readonly #seen: Int32Array;
  readonly #bits: number;
  /** The symbols of a block; for a match also its length less 3, and its distance. */
  readonly #symbols: Uint16Array;
  readonly #lengths: Uint16Array;
  readonly #distances: Uint16Array;
  #from = 0;
  #to = 0;
  // The state of the bit stream: the word that is being filled and the one after it have their places already.
  #wordAt = 0;
  #nextWordAt = 0;
  #word = 0;
  #freeBits = 16;

  constructor(source: Uint8Array, target: Uint8Array) {
    this.#source = source;
    this.#target = target;
    this.#bits = hashBits(source.length);
    this.#seen = new Int32Array(1 << this.#bits);
    const most = Math.min(blockSize, source.length);
    this.#symbols = new Uint16Array(most);
    this.#lengths = new Uint16Array(most);
    this.#distances = new Uint16Array(most);
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
    do {
      const end = Math.min(length, this.#from + blockSize);
      const count = this.#findMatches(end);
      this.#from = end;
      if (!this.#encode(count, end === length)) return 'failed';
    } while (this.#from < stop);
    return this.#from < length ? 'more' : 'done';
  }

  /** @returns the number of symbols up to `end` */
  #findMatches(end: number): number {
    const source = this.#source;
    const seen = this.#seen;
    const bits = this.#bits;
    const symbols = this.#symbols;
    let count = 0;
    let misses = 0;
    let from = this.#from;
    let searchAt = from;
    while (from < end) {
      if (from >= searchAt && from + minMatch <= end) {
        const hash = hash3(source, from, bits);
        const candidate = (seen[hash] as number) - 1;
        seen[hash] = from + 1;
        const distance = from - candidate;
        const length = candidate >= 0 && distance <= maxDistance ? matchLength(source, candidate, from, end) : 0;
        if (length >= minMatch) {
          misses = 0;
          this.#lengths[count] = length - minMatch;
          this.#distances[count] = distance;
          symbols[count++] = 256 + ((31 - Math.clz32(distance)) << 4) + Math.min(length - minMatch, 15);
          from += length;
          searchAt = from;
          if (from + 2 <= end) seen[hash3(source, from - 1, bits)] = from;
          continue;
        }
        searchAt = from + 1 + (misses++ >> patience);
      }
      symbols[count++] = source[from++] as number;
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
    const limit = this.#target.length - 16;
    for (let i = 0; i < count; i++) {
      if (this.#to > limit) return false;
      const symbol = symbols[i] as number;
      this.#put(codes[symbol] as number, bits[symbol] as number);
      if (symbol < 256) continue;
      this.#putLength(this.#lengths[i] as number);
      const distanceBits = (symbol - 256) >> 4;
      this.#put((this.#distances[i] as number) - (1 << distanceBits), distanceBits);
    }
    if (last) {
      if (this.#to > limit) return false;
      this.#put(codes[endSymbol] as number, bits[endSymbol] as number);
    }
    writeU16(this.#target, this.#wordAt, this.#word << this.#freeBits);
    writeU16(this.#target, this.#nextWordAt, 0);
    return true;
  }

  #beginBlock(bits: Uint8Array): boolean {
    const at = this.#to;
    if (at + tableBytes + 4 > this.#target.length) return false;
    for (let i = 0; i < tableBytes; i++) this.#target[at + i] = (bits[2 * i] as number) | ((bits[2 * i + 1] as number) << 4);
    this.#wordAt = at + tableBytes;
    this.#nextWordAt = this.#wordAt + 2;
    this.#to = this.#wordAt + 4;
    this.#word = 0;
    this.#freeBits = 16;
    return true;
  }

  /** Writes the low `count` bits of a value. */
  #put(value: number, count: number): void {
    if (this.#freeBits >= count) {
      this.#freeBits -= count;
      this.#word = (this.#word << count) | value;
      return;
    }
    const left = count - this.#freeBits;
    writeU16(this.#target, this.#wordAt, (this.#word << this.#freeBits) | (value >> left));
    this.#wordAt = this.#nextWordAt;
    this.#nextWordAt = this.#to;
    this.#to += 2;
    this.#freeBits = 16 - left;
    this.#word = value & ((1 << left) - 1);
  }

  /** Writes the rest of a length that its symbol does not hold. @param length less 3 */
  #putLength(length: number): void {
    if (length < 15) return;
    const target = this.#target;
    if (length - 15 < 255) {
      target[this.#to++] = length - 15;
      return;
    }
    target[this.#to++] = 255;
    writeU16(target, this.#to, length); // a match ends with its block, so that 16 bits are enough
    this.#to += 2;
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
class Lz77HuffmanDecompressor implements Coder {
  readonly #source: Uint8Array;
  readonly #target: Uint8Array;
  readonly #table = new Uint16Array(decodingEntries);
  readonly #codeBits = new Uint8Array(symbolCount);
  #from = 0;
  #to = 0;
  #blockEnd = 0;
  #bits = 0;
  /** Bits present in addition to 16; below 0, more are read. */
  #extraBits = 0;

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
    while (this.#to < stop) {
      if (this.#to >= this.#blockEnd && !this.#beginBlock()) return 'failed';
      if (!this.#decode(Math.min(stop, this.#blockEnd))) return 'failed';
    }
    return this.#to < target.length ? 'more' : 'done';
  }

  #beginBlock(): boolean {
    const source = this.#source;
    if (this.#from + tableBytes + 4 > source.length) return false;
    for (let i = 0; i < tableBytes; i++) {
      const pair = source[this.#from + i] as number;
      this.#codeBits[2 * i] = pair & 15;
      this.#codeBits[2 * i + 1] = pair >> 4;
    }
    if (!fillDecodingTable(this.#codeBits, this.#table)) return false;
    this.#from += tableBytes;
    this.#bits = (this.#word(this.#from) << 16) | this.#word(this.#from + 2);
    this.#from += 4;
    this.#extraBits = 16;
    this.#blockEnd = this.#to + blockSize;
    return true;
  }

  #word(at: number): number {
    return (this.#source[at] as number) | ((this.#source[at + 1] as number) << 8);
  }

  /** Decodes up to `stop`, or a match beyond it. @returns false if the data is not valid */
  #decode(stop: number): boolean {
    const source = this.#source;
    const target = this.#target;
    const table = this.#table;
    const codeBits = this.#codeBits;
    let to = this.#to;
    let from = this.#from;
    let bits = this.#bits;
    let extraBits = this.#extraBits;
    while (to < stop) {
      const symbol = table[bits >>> (32 - maxCodeBits)] as number;
      const count = codeBits[symbol] as number;
      bits <<= count;
      extraBits -= count;
      if (extraBits < 0) {
        if (from + 2 > source.length) return false;
        bits |= this.#word(from) << -extraBits;
        from += 2;
        extraBits += 16;
      }
      if (symbol < 256) {
        target[to++] = symbol;
        continue;
      }
      let length = (symbol - 256) & 15;
      const distanceBits = (symbol - 256) >> 4;
      if (length === 15) {
        if (from === source.length) return false;
        length = source[from++] as number;
        if (length < 255) length += 15;
        else {
          if (from + 2 > source.length) return false;
          length = this.#word(from);
          from += 2;
          if (length === 0) {
            if (from + 4 > source.length) return false;
            length = this.#word(from) + this.#word(from + 2) * 65_536;
            from += 4;
          }
          if (length < 15) return false;
        }
      }
      length += minMatch;
      let distance = 1;
      if (distanceBits > 0) {
        distance = (1 << distanceBits) + (bits >>> (32 - distanceBits));
        bits <<= distanceBits;
        extraBits -= distanceBits;
        if (extraBits < 0) {
          if (from + 2 > source.length) return false;
          bits |= this.#word(from) << -extraBits;
          from += 2;
          extraBits += 16;
        }
      }
      if (distance > to || length > target.length - to) return false;
      copyMatch(target, to, distance, length);
      to += length;
    }
    this.#to = to;
    this.#from = from;
    this.#bits = bits;
    this.#extraBits = extraBits;
    return true;
  }
}

/** LZ77+Huffman, MS-XCA 2.1 and 2.2. */
export const lz77Huffman: Codec = {
  compress: (source, target) => new Lz77HuffmanCompressor(source, target),
  decompress: (source, target) => new Lz77HuffmanDecompressor(source, target),
};
