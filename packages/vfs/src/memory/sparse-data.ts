import type { Range } from '../vfs.ts';

/** Capacity that all data of a store shares. */
export interface Room {
  /** Takes so many bytes. @returns false if there are not enough; then it takes none */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

const chunkSize = 0x10000;
const smallest = 512;

/**
 * The bytes of a file in chunks of up to 64 KiB. Ranges that were never written take no space and read as zeros, a small file takes a small
 * chunk, and a growing file is never copied as a whole. Beyond `size` every chunk holds zeros.
 */
export class SparseData {
  size = 0;
  readonly #room: Room;
  readonly #chunks = new Map<number, Uint8Array>();
  /** Bytes in chunks, and bytes reserved from the start of the file. The greater of both is taken from the capacity. */
  #bytes = 0;
  #reserved = 0;
  #held = 0;

  constructor(room: Room) {
    this.#room = room;
  }

  /** Space that it takes. */
  get allocated(): number {
    return this.#held;
  }

  /** @returns bytes read, fewer than requested only at the end */
  read(target: Uint8Array, offset: number): number {
    const end = Math.min(offset + target.length, this.size);
    for (let at = offset; at < end; ) {
      const index = Math.floor(at / chunkSize);
      const from = at - index * chunkSize;
      const length = Math.min(chunkSize - from, end - at);
      const chunk = this.#chunks.get(index);
      const held = chunk === undefined ? 0 : Math.max(0, Math.min(length, chunk.length - from));
      const out = at - offset;
      if (held > 0) target.set(chunk!.subarray(from, from + held), out);
      if (held < length) target.fill(0, out + held, out + length);
      at += length;
    }
    return Math.max(0, end - offset);
  }

  /** @returns bytes written, fewer than given if no more space is available */
  write(source: Uint8Array, offset: number): number {
    let done = 0;
    while (done < source.length) {
      const index = Math.floor((offset + done) / chunkSize);
      const from = offset + done - index * chunkSize;
      const length = Math.min(chunkSize - from, source.length - done);
      const chunk = this.#grown(index, from + length, length);
      if (chunk === undefined) break;
      chunk.set(source.subarray(done, done + length), from);
      done += length;
    }
    if (done > 0) this.size = Math.max(this.size, offset + done);
    return done;
  }

  /** Sets the size; data beyond it is dropped. */
  truncate(size: number): void {
    if (size < this.size) this.#clear(size, Number.POSITIVE_INFINITY);
    this.#hold(this.#bytes, Math.min(this.#reserved, size));
    this.size = size;
  }

  /** Reserves space for the first `size` bytes. @returns whether it is available */
  reserve(size: number): boolean {
    return this.#hold(this.#bytes, size);
  }

  /** Sets a range to zeros and releases whole chunks. */
  punch(offset: number, length: number): void {
    this.#clear(offset, offset + length);
    this.#hold(this.#bytes, 0);
  }

  /** The parts of a range that chunks hold. */
  ranges(offset: number, length: number): Range[] {
    const ranges: { offset: number; length: number }[] = [];
    const end = Math.min(offset + length, this.size);
    for (const index of [...this.#chunks.keys()].sort((a, b) => a - b)) {
      const from = Math.max(offset, index * chunkSize);
      const to = Math.min(end, index * chunkSize + this.#chunks.get(index)!.length);
      if (from >= to) continue;
      const last = ranges.at(-1);
      if (last !== undefined && last.offset + last.length === from) last.length += to - from;
      else ranges.push({ offset: from, length: to - from });
    }
    return ranges;
  }

  /** Releases all space. */
  clear(): void {
    this.#chunks.clear();
    this.#hold(0, 0);
    this.size = 0;
  }

  #clear(from: number, to: number): void {
    let bytes = this.#bytes;
    for (const [index, chunk] of this.#chunks) {
      const start = index * chunkSize;
      if (start >= to || start + chunk.length <= from) continue;
      if (start >= from && start + chunk.length <= to) {
        this.#chunks.delete(index);
        bytes -= chunk.length;
      } else chunk.fill(0, Math.max(0, from - start), Math.min(chunk.length, to - start));
    }
    this.#hold(bytes, this.#reserved);
  }

  /**
   * The chunk, created or enlarged to at least `needed` bytes, of which `overwritten` will be written next. Undefined if there is no space.
   */
  #grown(index: number, needed: number, overwritten: number): Uint8Array | undefined {
    const old = this.#chunks.get(index);
    if (old !== undefined && old.length >= needed) return old;
    let length = smallest;
    while (length < needed) length *= 2;
    if (!this.#hold(this.#bytes + length - (old?.length ?? 0), this.#reserved)) return undefined;
    const chunk = overwritten === length ? new Uint8Array(Buffer.allocUnsafeSlow(length).buffer) : new Uint8Array(length);
    if (old !== undefined) chunk.set(old);
    this.#chunks.set(index, chunk);
    return chunk;
  }

  #hold(bytes: number, reserved: number): boolean {
    const held = Math.max(bytes, reserved);
    if (held > this.#held && !this.#room.take(held - this.#held)) return false;
    if (held < this.#held) this.#room.give(this.#held - held);
    this.#held = held;
    this.#bytes = bytes;
    this.#reserved = reserved;
    return true;
  }
}
