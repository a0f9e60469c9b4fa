import { DecodeError } from './errors.ts';

/**
 * A unit of bytes, received or to be filled: a contiguous head with its one DataView, followed by a list of chunks that are never
 * joined. Structures are in the head; only bulk payload may extend into `rest`.
 */
export class Frame {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly rest: readonly Uint8Array[];
  /** Total number of bytes: head and rest. */
  readonly length: number;

  constructor(bytes: Uint8Array, rest: readonly Uint8Array[] = []) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.rest = rest;
    let length = bytes.byteLength;
    for (const chunk of rest) length += chunk.byteLength;
    this.length = length;
  }

  /** A frame of `length` zero bytes. */
  static alloc(length: number): Frame {
    return new Frame(new Uint8Array(length));
  }

  /** A view of `length` bytes of the head. @throws DecodeError if the head is too short. */
  slice(at: number, length: number, structure = 'Frame', field = 'slice'): Uint8Array {
    if (at < 0 || length < 0 || at + length > this.bytes.length) {
      throw new DecodeError(structure, field, at, `${length} bytes wanted, ${Math.max(0, this.bytes.length - at)} there`);
    }
    return this.bytes.subarray(at, at + length);
  }

  /** Views of `length` bytes of head and rest, in order, not joined. @throws DecodeError if the frame is too short. */
  chunks(at: number, length: number, structure = 'Frame', field = 'chunks'): Uint8Array[] {
    if (at < 0 || length < 0 || at + length > this.length) {
      throw new DecodeError(structure, field, at, `${length} bytes wanted, ${Math.max(0, this.length - at)} there`);
    }
    const found: Uint8Array[] = [];
    let start = 0;
    for (let i = -1; i < this.rest.length && length > 0; i++) {
      const chunk = i < 0 ? this.bytes : (this.rest[i] as Uint8Array);
      const from = at - start;
      start += chunk.byteLength;
      if (from >= chunk.byteLength) continue;
      const take = Math.min(length, chunk.byteLength - from);
      found.push(take === chunk.byteLength ? chunk : chunk.subarray(from, from + take));
      at += take;
      length -= take;
    }
    return found;
  }
}
