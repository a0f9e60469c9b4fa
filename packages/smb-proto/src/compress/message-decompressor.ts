import { Frame } from '@ring3/wire';
import { CompressionTransformHeader } from '../smb2/header.ts';
import { type Compression, CompressionAlgorithm, codecOf } from './algorithm.ts';
import { BufferCoder, type Coder, type Progress } from './coder.ts';
import { CompressionFlags, CompressionPatternV1, CompressionPayloadHeader, chainedHeaderLength } from './transform-header.ts';

/** A received message in its compressed form. */
export interface CompressedMessage {
  /** Bytes of the plain message, as the header announces them. */
  readonly size: number;
  /** @param target of exactly this size; it has its bytes when the coder is done */
  decompress(target: Uint8Array): Coder;
}

/**
 * Maximum of OriginalCompressedSegmentSize, MS-SMB2 3.2.5.1.1.2 and 3.3.5.2.1.2.
 * @param largest the largest of the connection's maximum sizes, bytes
 */
export const maxSegment = (largest: number): number => 256 + CompressionTransformHeader.byteLength + largest;

/**
 * Reads the header of a compressed message, MS-SMB2 3.2.5.1.1.2 and 3.3.5.2.1.2. Nothing is allocated.
 * @param message it begins with ProtocolId.Compression
 * @param max maximum size of the plain message, bytes
 * @returns the message, or why the connection must be closed
 */
export function readCompressed(message: Uint8Array, { algorithms, chained }: Compression, max: number): CompressedMessage | string {
  if (message.length < CompressionTransformHeader.byteLength) return 'a compressed message that is too short';
  const header = CompressionTransformHeader.read(new Frame(message), 0);
  const { originalCompressedSegmentSize: segment, flags, offset, compressionAlgorithm } = header;
  if (segment > max) return `a compressed message of ${segment} bytes, at most ${max} are accepted`;
  if (flags === CompressionFlags.Chained && chained) {
    return { size: segment, decompress: (target) => new ChainDecompressor(message, algorithms, target) };
  }
  if (flags !== CompressionFlags.None) return `compression flags ${flags}`;
  const codec = codecOf(compressionAlgorithm);
  const known = algorithms.some((algorithm) => algorithm === compressionAlgorithm);
  if (codec === undefined || !known) return `compression algorithm ${compressionAlgorithm}`;
  const begin = CompressionTransformHeader.byteLength + offset;
  if (begin > message.length) return 'a compressed message whose offset is beyond its end';
  if (offset + segment > max) return `a compressed message of ${offset + segment} bytes, at most ${max} are accepted`;
  return {
    size: offset + segment,
    decompress(target) {
      target.set(message.subarray(CompressionTransformHeader.byteLength, begin));
      return codec.decompress(message.subarray(begin), target.subarray(offset));
    },
  };
}

/** Plain bytes that each payload of a chain counts for at least: a chain of empty ones takes many steps, too. */
const payloadCost = 256;

/** Decompresses a chain of payloads, MS-SMB2 3.1.5.3. */
class ChainDecompressor extends BufferCoder {
  readonly #frame: Frame;
  readonly #algorithms: readonly CompressionAlgorithm[];
  protected override inputPosition = chainedHeaderLength;
  #coder: Coder | undefined;
  /** Where the payload of the coder begins in the output buffer. */
  #coderAt = 0;

  constructor(message: Uint8Array, algorithms: readonly CompressionAlgorithm[], target: Uint8Array) {
    super(message, target);
    this.#frame = new Frame(message);
    this.#algorithms = algorithms;
  }

  override advance(bytes: number): Progress {
    let left = bytes;
    while (left > 0) {
      const before = this.outputPosition;
      if (this.#coder !== undefined) {
        const progress = this.#coder.advance(left);
        if (progress === 'failed') return 'failed';
        this.outputPosition = this.#coderAt + this.#coder.written;
        if (progress === 'done') this.#coder = undefined;
      } else if (this.inputPosition === this.input.length) {
        return this.outputPosition === this.output.length ? 'done' : 'failed';
      } else if (!this.#payload()) return 'failed';
      left -= Math.max(payloadCost, this.outputPosition - before);
    }
    return 'more';
  }

  /** Begins with the next payload. @returns false if it is not valid */
  #payload(): boolean {
    const begin = this.inputPosition + CompressionPayloadHeader.byteLength;
    if (begin > this.input.length) return false;
    const { compressionAlgorithm, length } = CompressionPayloadHeader.read(this.#frame, this.inputPosition);
    if (length > this.input.length - begin) return false;
    this.inputPosition = begin + length;
    const space = this.output.length - this.outputPosition;
    if (compressionAlgorithm === CompressionAlgorithm.None) {
      if (length > space) return false;
      this.output.set(this.input.subarray(begin, begin + length), this.outputPosition);
      this.outputPosition += length;
      return true;
    }
    if (!this.#algorithms.some((algorithm) => algorithm === compressionAlgorithm)) return false;
    if (compressionAlgorithm === CompressionAlgorithm.PatternV1) return this.#pattern(begin, length, space);
    if (length < 4) return false;
    const size = this.#frame.view.getUint32(begin, true);
    if (size > space) return false;
    this.#coderAt = this.outputPosition;
    const target = this.output.subarray(this.outputPosition, this.outputPosition + size);
    this.#coder = codecOf(compressionAlgorithm)?.decompress(this.input.subarray(begin + 4, begin + length), target);
    return this.#coder !== undefined;
  }

  #pattern(begin: number, length: number, space: number): boolean {
    if (length !== CompressionPatternV1.byteLength) return false;
    const { pattern, repetitions } = CompressionPatternV1.read(this.#frame, begin);
    if (repetitions > space) return false;
    this.output.fill(pattern, this.outputPosition, this.outputPosition + repetitions);
    this.outputPosition += repetitions;
    return true;
  }
}
