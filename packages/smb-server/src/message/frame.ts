import { Command, headerLength, ProtocolId } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import type { Allowance } from '../values/allowance.ts';
import type { BufferPool } from '../values/buffer-pool.ts';

/** Callbacks of the framing. The receiver may modify the chunks, which are views of received bytes. */
export interface FrameEvents {
  /**
   * One whole message, without its framing.
   * @param pooled the buffer of the pool that holds it, if it is in one
   */
  frame(chunks: readonly Uint8Array[], length: number, pooled?: Uint8Array): void;
  /** NetBIOS session request (RFC 1002 4.3.2), the first frame of its stream: to be answered by a positive session response. */
  sessionRequest(): void;
  /** The stream cannot be understood, or the announced frame is over the limit (`tooLong`): nothing more is read. */
  broken(reason: string, tooLong: boolean): void;
}

const sessionMessage = 0x00;
const sessionRequest = 0x81;
const keepAlive = 0x85;
/** Larger frames are received into one buffer of the pool. */
const bulkFrame = 0x10000;
/** Small frames of all connections arrive here: bytes that are kept are copied before the next receive. */
const landing = Buffer.allocUnsafeSlow(bulkFrame);
/** Number of small pieces of a frame that are joined: each costs far more than its bytes. */
const manyPieces = 64;
const crumb = 1024;

/** The receive buffer while frames are limited to small ones: little is parsed in one piece before logon. */
const smallLanding = landing.subarray(0, 4096);

/**
 * Splits a stream into messages: direct TCP (MS-SMB2 2.1: a zero byte and 24 bits of length), and on the same port NetBIOS session service (RFC 1002 4.3.1).
 * If the link asks for memory, a bulk frame is received in place into one buffer, and a small frame is copied out of a landing buffer; otherwise the pieces
 * are kept as they arrived.
 *
 * An announced length costs nothing until its bytes arrive. The buffer of a bulk frame has its whole size at once only while the allowance covers what is
 * announced and has not arrived; otherwise it starts small and doubles.
 */
export class FrameReader {
  readonly #events: FrameEvents;
  /** Maximum size of the next frame; the owner raises it after logon. */
  limit: number;
  #head = new Uint8Array(4);
  #headLength = 0;
  #type = 0;
  #wanted = 0;
  #there = 0;
  #chunks: Uint8Array[] = [];
  readonly #pool: BufferPool | undefined;
  readonly #allowance: Allowance | undefined;
  /** The buffer of the bulk frame that is being received. */
  #bulk: Uint8Array | undefined;
  /** Bytes of the allowance that this frame uses. */
  #allowed = 0;
  /** The link asks for memory. */
  #asked = false;
  #broken = false;
  /** A frame has arrived: a session request is no longer accepted. */
  #begun = false;

  /**
   * @param pool where buffers for bulk frames come from; the receiver of the frame returns them, or leaves them to the garbage collector
   * @param allowance bytes that all readers together may allocate before they arrive; none if absent
   */
  constructor(limit: number, events: FrameEvents, pool?: BufferPool, allowance?: Allowance) {
    this.limit = limit;
    this.#events = events;
    this.#pool = pool;
    this.#allowance = allowance;
  }

  /** Memory for the next receive. */
  buffer(): Uint8Array {
    this.#asked = true;
    if (this.#bulk === undefined) return this.limit > bulkFrame ? landing : smallLanding;
    return this.#bulk.subarray(this.#there, this.#wanted);
  }

  /** Bytes that have arrived of a frame that is not complete. */
  get held(): number {
    return this.#there;
  }

  /** Releases the incomplete frame: nothing more is received. */
  dispose(): void {
    this.#broken = true;
    this.#chunks = [];
    this.#bulk = undefined;
    this.#there = 0;
    this.#returnAllowed();
  }

  /** Takes the next piece of the stream. */
  receive(bytes: Uint8Array): void {
    if (this.#bulk !== undefined && bytes.buffer === this.#bulk.buffer) {
      this.#there += bytes.length;
      if (this.#there === this.#wanted) this.#complete();
      else if (this.#there === this.#bulk.length) this.#grow(this.#bulk, this.#there + 1);
      return;
    }
    const borrowed = bytes.buffer === landing.buffer;
    let at = 0;
    while (at < bytes.length && !this.#broken) {
      if (this.#headLength < 4) {
        if (this.#headLength === 0 && bytes[at] === keepAlive) {
          at = afterKeepAlives(bytes, at);
          if (at === bytes.length) break;
        }
        this.#head[this.#headLength++] = bytes[at++] as number;
        if (this.#headLength === 4) this.#start();
        continue;
      }
      const take = Math.min(this.#wanted - this.#there, bytes.length - at);
      const piece = take === bytes.length ? bytes : bytes.subarray(at, at + take);
      if (this.#bulk !== undefined) {
        if (this.#there + take > this.#bulk.length) this.#grow(this.#bulk, this.#there + take);
        this.#bulk.set(piece, this.#there);
      } else if (this.#type !== keepAlive) this.#chunks.push(borrowed ? Buffer.from(piece) : piece);
      this.#there += take;
      at += take;
      if (this.#there === this.#wanted) this.#complete();
      else if (this.#bulk !== undefined && this.#there === this.#bulk.length) this.#grow(this.#bulk, this.#there + 1);
      else if (this.#chunks.length >= Math.max(manyPieces, this.#there / crumb)) this.#chunks = [joined(this.#chunks, this.#there)];
    }
  }

  #start(): void {
    const [type, high, middle, low] = this.#head as unknown as [number, number, number, number];
    this.#type = type;
    this.#wanted = (high << 16) | (middle << 8) | low;
    const request = type === sessionRequest && !this.#begun;
    if (type !== sessionMessage && type !== keepAlive && !request) this.#break(`frame type ${type}`);
    else if (this.#wanted > this.limit) this.#break(`a frame of ${this.#wanted} bytes, at most ${this.limit} are taken`, true);
    else if (this.#wanted === 0) this.#complete();
    else if (this.#asked && this.#wanted > bulkFrame) this.#bulk = this.#bulkBuffer();
  }

  /** All of the frame's buffer if the allowance covers it, otherwise its beginning. */
  #bulkBuffer(): Uint8Array | undefined {
    if (this.#allowance?.take(this.#wanted) !== false) {
      if (this.#allowance !== undefined) this.#allowed = this.#wanted;
      return this.#pool?.take(this.#wanted);
    }
    return this.#pool?.take(bulkFrame);
  }

  /** A buffer of twice the size, or more if `least` bytes need it. */
  #grow(bulk: Uint8Array, least: number): void {
    const grown = this.#pool?.take(Math.min(this.#wanted, Math.max(bulk.length * 2, least))) as Uint8Array;
    grown.set(bulk.subarray(0, this.#there));
    this.#pool?.give(bulk);
    this.#bulk = grown;
  }

  #returnAllowed(): void {
    if (this.#allowed > 0) this.#allowance?.give(this.#allowed);
    this.#allowed = 0;
  }

  #complete(): void {
    const bulk = this.#bulk;
    const length = this.#there;
    const chunks = bulk === undefined ? this.#chunks : [bulk.subarray(0, length)];
    this.#headLength = this.#there = 0;
    this.#chunks = [];
    this.#bulk = undefined;
    this.#returnAllowed();
    this.#begun = true;
    if (this.#type === sessionRequest) this.#events.sessionRequest();
    else if (this.#type === sessionMessage) {
      if (length === 0) this.#break('an empty frame');
      else this.#events.frame(chunks, length, bulk);
    }
  }

  #break(reason: string, tooLong = false): void {
    this.dispose();
    this.#events.broken(reason, tooLong);
  }
}

/** Skips keep-alives without a payload, as they must be (RFC 1002 4.3.7): handling each would cost far more time than bytes. */
function afterKeepAlives(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at + 4 <= bytes.length && bytes[at] === keepAlive && bytes[at + 1] === 0 && bytes[at + 2] === 0 && bytes[at + 3] === 0) at += 4;
  return at;
}

/** Bytes in front of a frame: direct TCP framing of a message of `length` bytes. */
export function writeFraming(target: Uint8Array, length: number): void {
  target[0] = 0;
  target[1] = length >>> 16;
  target[2] = length >>> 8;
  target[3] = length;
}

/** Puts framing in front of a message of chunks. */
export function framed(message: readonly Uint8Array[]): Uint8Array[] {
  const framing = new Uint8Array(4);
  let length = 0;
  for (const chunk of message) length += chunk.length;
  writeFraming(framing, length);
  return [framing, ...message];
}

/** A WRITE's fixed parts: the header and 48 bytes. */
const writeHead = headerLength + 48;
const smallFrame = 16 * 1024;

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const whole = Buffer.allocUnsafe(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** The chunks, the first of which has at least `length` bytes. */
function withHead(chunks: readonly Uint8Array[], length: number): readonly Uint8Array[] {
  if ((chunks[0] as Uint8Array).length >= length) return chunks;
  const head: Uint8Array[] = [];
  let there = 0;
  let i = 0;
  while (there < length && i < chunks.length) {
    head.push(chunks[i] as Uint8Array);
    there += (chunks[i++] as Uint8Array).length;
  }
  return [joined(head, there), ...chunks.slice(i)];
}

/**
 * One message as a frame: a small one, or one that arrived in one piece, is contiguous; a single big WRITE keeps its payload as the
 * received chunks; any other big message is joined.
 */
export function toFrame(chunks: readonly Uint8Array[], length: number): Frame {
  if (chunks.length === 1) return new Frame(chunks[0] as Uint8Array);
  if (length <= smallFrame) return new Frame(joined(chunks, length));
  const [head, ...rest] = withHead(chunks, writeHead) as [Uint8Array, ...Uint8Array[]];
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const single =
    view.getUint32(0, true) === ProtocolId.Smb2 && view.getUint16(12, true) === Command.Write && view.getUint32(20, true) === 0;
  return single ? new Frame(head, rest) : new Frame(joined(chunks, length));
}

/** The first four bytes, however they are cut. @returns undefined if there are fewer */
export function protocolIdOf(chunks: readonly Uint8Array[]): number | undefined {
  const [head] = withHead(chunks, 4) as [Uint8Array];
  if (head.length < 4) return undefined;
  return new DataView(head.buffer, head.byteOffset, 4).getUint32(0, true);
}

/** The chunks with the whole of a header of `length` bytes in the first one. */
export const contiguousHead = withHead;
