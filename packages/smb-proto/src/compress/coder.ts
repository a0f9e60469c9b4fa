/** State of a coder: there is more to do, it is complete, or it failed. */
export type Progress = 'more' | 'done' | 'failed';

/** A compression or a decompression that is done in steps, so that a large one does not hold the event loop. */
export interface Coder {
  /**
   * Continues by about this many bytes of plain data.
   * @returns 'failed' for compressed data that is not valid, and for plain data that does not fit into the target when it is compressed
   */
  advance(bytes: number): Progress;
  /** Bytes of the source that were used. */
  readonly consumed: number;
  /** Bytes written into the target. */
  readonly written: number;
}

/** A compression algorithm. Neither side reads or writes outside the given arrays. */
export interface Codec {
  /** Compresses all of `source` into `target`, which may be larger than the result. */
  compress(source: Uint8Array, target: Uint8Array): Coder;
  /** Decompresses `source` until `target` is full; it fails if `source` ends before. Data after that is not read. */
  decompress(source: Uint8Array, target: Uint8Array): Coder;
}

/** Up to this length, a loop over the bytes is faster than a call. */
const shortCopy = 24;

/**
 * Copies a match byte by byte in effect: a match that is longer than its distance repeats its own beginning. MS-XCA 2.4.4.
 * The caller has checked that `distance` is 1 to `at`, and that `at + length` is within the array.
 */
export function copyMatch(bytes: Uint8Array, at: number, distance: number, length: number): void {
  if (length <= shortCopy) {
    for (let to = at, end = at + length; to < end; to++) bytes[to] = bytes[to - distance] as number;
    return;
  }
  if (distance === 1) {
    bytes.fill(bytes[at - 1] as number, at, at + length);
    return;
  }
  const from = at - distance;
  let copied = 0;
  let period = distance;
  while (copied < length) {
    const piece = Math.min(period, length - copied);
    bytes.copyWithin(at + copied, from, from + piece);
    copied += piece;
    period = distance + copied;
  }
}

/** A match is not searched further than this: one step of a coder takes limited time. Bytes. */
const longestMatch = 64 * 1024;

/** Number of equal bytes at `a` and `b`, where `a < b`, up to `last` of the second, and up to 64 KiB. */
export function matchLength(bytes: Uint8Array, a: number, b: number, last: number): number {
  const end = Math.min(last, b + longestMatch);
  let at = b;
  let from = a;
  while (at < end && bytes[from] === bytes[at]) {
    from++;
    at++;
  }
  return at - b;
}

/** Hash of the three bytes at `at`, in `bits` bits. */
export const hash3 = (bytes: Uint8Array, at: number, bits: number): number =>
  Math.imul((bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16), 0x9e3779b1) >>> (32 - bits);

/** Bits of a hash table for a source of this many bytes: a small one is cheaper to create. */
export const hashBits = (length: number): number => (length > 16_384 ? 15 : 12);
