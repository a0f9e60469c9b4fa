import { Frame } from '@ring3/wire';
import { CompressionTransformHeader, ProtocolId } from '../smb2/header.ts';
import { type Compression, CompressionAlgorithm, codecOf } from './algorithm.ts';
import type { Codec, Coder, Progress } from './coder.ts';
import { CompressionFlags, CompressionPatternV1, CompressionPayloadHeader, chainedHeaderLength } from './transform-header.ts';

/** Shorter messages are not compressed, bytes. */
export const minCompressedSize = 1024;
/** A shorter repetition at the begin or the end of the data is left to the algorithm, bytes. */
const minRepetitions = 64;
const patternPayload = CompressionPayloadHeader.byteLength + CompressionPatternV1.byteLength;
const sizeField = 4;
/** After this many bytes, data that did not become smaller is no longer compressed. */
const trialSize = 128 * 1024;

/** A message while it is compressed, MS-SMB2 3.1.4.4. Its result is `target` up to `written`. */
export class MessageCompressor implements Coder {
  readonly #target: Uint8Array;
  readonly #frame: Frame;
  readonly #size: number;
  #middle: Uint8Array;
  readonly #algorithm: number;
  readonly #chained: boolean;
  #coder: Coder | undefined;
  /** Where the payload of the coder begins, and what repeats after it. */
  #coderAt = 0;
  #tail = 0;
  #tailByte = 0;
  #to = 0;
  #begun = false;

  /**
   * @param head the beginning of the message, which stays as it is: its header
   * @param data the rest of the message
   * @param target at least as long as both together
   */
  constructor(head: Uint8Array, data: Uint8Array, target: Uint8Array, { algorithms, chained }: Compression) {
    this.#size = head.length + data.length;
    this.#target = target.length === this.#size ? target : target.subarray(0, this.#size);
    this.#frame = new Frame(this.#target);
    this.#chained = chained;
    this.#algorithm = algorithms.find((algorithm) => codecOf(algorithm) !== undefined) ?? CompressionAlgorithm.None;
    const codec = codecOf(this.#algorithm);
    this.#middle = data;
    if (this.#size < minCompressedSize) return;
    if (chained) this.#beginChain(head, data, algorithms.includes(CompressionAlgorithm.PatternV1), codec);
    else if (codec !== undefined) this.#beginUnchained(head, codec);
  }

  get consumed(): number {
    return this.#coder?.consumed ?? 0;
  }

  get written(): number {
    return this.#to;
  }

  /** @returns 'failed' if the message does not become smaller: it is sent as it is */
  advance(bytes: number): Progress {
    if (!this.#begun) return 'failed';
    const coder = this.#coder;
    if (coder === undefined) return this.#finish();
    const progress = coder.advance(bytes);
    if (progress === 'more') return coder.consumed < trialSize || coder.written < coder.consumed ? 'more' : this.#withoutCoder();
    if (progress === 'failed') return this.#withoutCoder();
    this.#to = this.#coderAt + coder.written;
    if (this.#chained) this.#payloadHeader(this.#coderAt - sizeField, this.#algorithm, sizeField + coder.written, this.#middle.length);
    return this.#finish();
  }

  #beginUnchained(head: Uint8Array, codec: Codec): void {
    const headerLength = CompressionTransformHeader.byteLength;
    const at = headerLength + head.length;
    if (at >= this.#target.length) return;
    CompressionTransformHeader.write(this.#frame, 0, {
      originalCompressedSegmentSize: this.#middle.length,
      compressionAlgorithm: this.#algorithm,
      flags: CompressionFlags.None,
      offset: head.length,
    });
    this.#target.set(head, headerLength);
    this.#coderAt = at;
    this.#coder = codec.compress(this.#middle, this.#target.subarray(at));
    this.#begun = true;
  }

  #beginChain(head: Uint8Array, data: Uint8Array, patterns: boolean, codec: Codec | undefined): void {
    this.#frame.view.setUint32(0, ProtocolId.Compression, true);
    this.#frame.view.setUint32(4, this.#size, true);
    this.#to = chainedHeaderLength;
    this.#plain(head);
    const front = patterns ? repetition(data, false) : 0;
    if (front >= minRepetitions) this.#pattern(data[0] as number, front);
    let middle = front >= minRepetitions ? data.subarray(front) : data;
    const back = patterns ? repetition(middle, true) : 0;
    if (back >= minRepetitions) {
      this.#tailByte = middle[middle.length - 1] as number;
      this.#tail = back;
      middle = middle.subarray(0, middle.length - back);
    }
    this.#begun = true;
    this.#middle = middle;
    if (middle.length === 0) return;
    this.#coderAt = this.#to + CompressionPayloadHeader.byteLength + sizeField;
    if (codec === undefined || middle.length < minCompressedSize || this.#coderAt >= this.#target.length) {
      if (this.#to + CompressionPayloadHeader.byteLength + middle.length > this.#target.length) this.#begun = false;
      else this.#plain(middle);
    } else this.#coder = codec.compress(middle, this.#target.subarray(this.#coderAt, this.#coderAt + middle.length));
  }

  /** The data in the middle is sent as it is: of use only if what repeats before or after it is worth it. */
  #withoutCoder(): Progress {
    if (!this.#chained || this.#to + CompressionPayloadHeader.byteLength + this.#middle.length > this.#target.length) return 'failed';
    this.#plain(this.#middle);
    return this.#finish();
  }

  #finish(): Progress {
    if (this.#tail > 0) {
      if (this.#to + patternPayload > this.#target.length) return 'failed';
      this.#pattern(this.#tailByte, this.#tail);
    }
    return this.#to < this.#size ? 'done' : 'failed';
  }

  /** @param originalSize the field that follows the header, if the algorithm has it */
  #payloadHeader(dataAt: number, compressionAlgorithm: number, length: number, originalSize?: number): void {
    const at = dataAt - CompressionPayloadHeader.byteLength;
    const flags = at === chainedHeaderLength ? CompressionFlags.Chained : CompressionFlags.None;
    CompressionPayloadHeader.write(this.#frame, at, { compressionAlgorithm, flags, length });
    if (originalSize !== undefined) this.#frame.view.setUint32(dataAt, originalSize, true);
  }

  #plain(bytes: Uint8Array): void {
    const at = this.#to + CompressionPayloadHeader.byteLength;
    this.#payloadHeader(at, CompressionAlgorithm.None, bytes.length);
    this.#target.set(bytes, at);
    this.#to = at + bytes.length;
  }

  #pattern(pattern: number, repetitions: number): void {
    const at = this.#to + CompressionPayloadHeader.byteLength;
    this.#payloadHeader(at, CompressionAlgorithm.PatternV1, CompressionPatternV1.byteLength);
    CompressionPatternV1.write(this.#frame, at, { pattern, repetitions });
    this.#to = at + CompressionPatternV1.byteLength;
  }
}

const piece = 4096;

/** How often the first byte repeats from the begin, or the last one from the end. */
function repetition(data: Uint8Array, fromEnd: boolean): number {
  const { length } = data;
  if (length === 0) return 0;
  const byte = data[fromEnd ? length - 1 : 0] as number;
  let count = 0;
  if (length > piece) {
    const whole = new Uint8Array(piece).fill(byte);
    const at = (): number => (fromEnd ? length - count - piece : count);
    while (count + piece <= length && Buffer.compare(data.subarray(at(), at() + piece), whole) === 0) count += piece;
  }
  while (count < length && data[fromEnd ? length - 1 - count : count] === byte) count++;
  return count;
}
