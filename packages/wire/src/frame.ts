import { DecodeError } from './errors.ts';

/**
 * A received (or to be filled) unit of bytes: a contiguous head with its one DataView, and what follows the head as a list of chunks that
 * nobody joins. Structures live in the head; only bulk payload may reach into `rest`.
 */
export class Frame {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly rest: readonly Uint8Array[];
  /** Bytes in all: head and rest. */
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

  /** A view of `length` bytes of the head. @throws DecodeError when the head does not hold them. */
  slice(at: number, length: number, structure = 'Frame', field = 'slice'): Uint8Array {
    if (at < 0 || length < 0 || at + length > this.bytes.length) {
      throw new DecodeError(structure, field, at, `${length} bytes wanted, ${Math.max(0, this.bytes.length - at)} there`);
    }
    return this.bytes.subarray(at, at + length);
  }

  /** Views of `length` bytes wherever they lie, in order, not joined. @throws DecodeError when the frame does not hold them. */
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
