import { Command, headerLength, ProtocolId } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import type { BufferPool } from './buffer-pool.ts';

/** What the framing tells its owner. Chunks are views of what was received, and its to write into. */
export interface FrameEvents {
  /**
   * One whole message, without its framing.
   * @param pooled the buffer that it lies in, where it lies in one of the pool's
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
/** Frames above this are received into one buffer of the pool. */
const bulkFrame = 0x10000;
/** Where small frames arrive, of all connections: what is kept of it is copied before anybody else receives. */
const landing = Buffer.allocUnsafeSlow(bulkFrame);
/** Crumbs of a frame are joined when there are many: each costs far more than its bytes. */
const manyPieces = 64;
const crumb = 1024;

/**
 * Cuts a stream into messages: direct TCP (MS-SMB2 2.1: a zero byte and 24 bits of length), and on the same port NetBIOS session service (RFC 1002 4.3.1).
 * Where the link asks for memory, a bulk frame is received in place into one buffer, and what is small is copied out of one landing; else pieces stay as
 * they came.
 */
export class FrameReader {
  readonly #events: FrameEvents;
  /** Bytes that the next frame may have; the owner raises it after log-on. */
  limit: number;
  #head = new Uint8Array(4);
  #headLength = 0;
  #type = 0;
  #wanted = 0;
  #there = 0;
  #chunks: Uint8Array[] = [];
  readonly #pool: BufferPool | undefined;
  /** The buffer of the bulk frame that is being received. */
  #bulk: Uint8Array | undefined;
  /** The link asks for memory. */
  #asked = false;
  #broken = false;
  /** A frame came before: no session is requested any more. */
  #begun = false;

  /** @param pool where buffers for bulk frames come from; whoever gets the frame gives them back, or leaves them to the garbage collector */
  constructor(limit: number, events: FrameEvents, pool?: BufferPool) {
    this.limit = limit;
    this.#events = events;
    this.#pool = pool;
  }

  /** Memory for what arrives next. */
  buffer(): Uint8Array {
    this.#asked = true;
    return this.#bulk === undefined ? landing : this.#bulk.subarray(this.#there, this.#wanted);
  }

  /** Bytes that a frame takes which is not complete yet: of a bulk frame all of its buffer, since a client costs that by announcing it. */
  get held(): number {
    return this.#bulk?.length ?? this.#there;
  }

  /** Takes the next piece of the stream. */
  receive(bytes: Uint8Array): void {
    if (this.#bulk !== undefined && bytes.buffer === this.#bulk.buffer) {
      this.#there += bytes.length;
      if (this.#there === this.#wanted) this.#complete();
      return;
    }
    const borrowed = bytes.buffer === landing.buffer;
    let at = 0;
    while (at < bytes.length && !this.#broken) {
      if (this.#headLength < 4) {
        this.#head[this.#headLength++] = bytes[at++] as number;
        if (this.#headLength === 4) this.#start();
        continue;
      }
      const take = Math.min(this.#wanted - this.#there, bytes.length - at);
      const piece = take === bytes.length ? bytes : bytes.subarray(at, at + take);
      if (this.#bulk !== undefined) this.#bulk.set(piece, this.#there);
      else this.#chunks.push(borrowed ? Buffer.from(piece) : piece);
      this.#there += take;
      at += take;
      if (this.#there === this.#wanted) this.#complete();
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
    else if (this.#asked && this.#wanted > bulkFrame) this.#bulk = this.#pool?.take(this.#wanted);
  }

  #complete(): void {
    const bulk = this.#bulk;
    const length = this.#there;
    const chunks = bulk === undefined ? this.#chunks : [bulk.subarray(0, length)];
    this.#headLength = this.#there = 0;
    this.#chunks = [];
    this.#bulk = undefined;
    this.#begun = true;
    if (this.#type === sessionRequest) this.#events.sessionRequest();
    else if (this.#type === sessionMessage) {
      if (length === 0) this.#break('an empty frame');
      else this.#events.frame(chunks, length, bulk);
    }
  }

  #break(reason: string, tooLong = false): void {
    this.#broken = true;
    this.#chunks = [];
    this.#bulk = undefined;
    this.#events.broken(reason, tooLong);
  }
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

/** The chunks again, with at least `length` bytes in the first one. */
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
 * One message as a frame: what is small, or came in one piece, is contiguous; a single big WRITE keeps its payload as the chunks that came; any other big
 * message is joined.
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

/** The first four bytes, wherever they lie. @returns undefined where there are fewer */
export function protocolIdOf(chunks: readonly Uint8Array[]): number | undefined {
  const [head] = withHead(chunks, 4) as [Uint8Array];
  if (head.length < 4) return undefined;
  return new DataView(head.buffer, head.byteOffset, 4).getUint32(0, true);
}

/** The chunks with the whole of a header of `length` bytes in the first one. */
export const contiguousHead = withHead;
