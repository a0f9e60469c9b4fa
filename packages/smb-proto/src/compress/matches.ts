/** Up to this length, a loop over the bytes is faster than a call. */
const shortCopy = 24;

/**
 * Copies a match byte by byte in effect: a match that is longer than its offset repeats its own beginning. MS-XCA 2.4.4.
 * The caller has checked that `offset` is 1 to `at`, and that `at + length` is within the array.
 */
export function copyMatch(bytes: Uint8Array, at: number, offset: number, length: number): void {
  if (length <= shortCopy) {
    for (let to = at, end = at + length; to < end; to++) bytes[to] = bytes[to - offset] as number;
    return;
  }
  if (offset === 1) {
    bytes.fill(bytes[at - 1] as number, at, at + length);
    return;
  }
  const from = at - offset;
  let copied = 0;
  let period = offset;
  while (copied < length) {
    const piece = Math.min(period, length - copied);
    bytes.copyWithin(at + copied, from, from + piece);
    copied += piece;
    period = offset + copied;
  }
}

/** Maximum length of a match that is searched: one step of a coder takes limited time. Bytes. */
const maxMatch = 64 * 1024;

/** Number of equal bytes at `a` and `b`, where `a < b`, up to `last` of the second, and up to 64 KiB. */
export function matchLength(bytes: Uint8Array, a: number, b: number, last: number): number {
  const end = Math.min(last, b + maxMatch);
  let at = b;
  let from = a;
  while (at < end && bytes[from] === bytes[at]) {
    from++;
    at++;
  }
  return at - b;
}

/**
 * A hash table for the search of matches in this many bytes of input: for each hash, the position after its last occurrence, or 0.
 * A small table is cheaper to create.
 */
export const createHashTable = (length: number): Int32Array => new Int32Array(1 << (length > 16_384 ? 15 : 12));

/** Bits of the hashes of a table. */
export const hashBits = (table: Int32Array): number => 31 - Math.clz32(table.length);

/** Hash of the three bytes at `at`, in `bits` bits. */
export const hash3 = (bytes: Uint8Array, at: number, bits: number): number =>
  Math.imul((bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16), 0x9e3779b1) >>> (32 - bits);

/**
 * Distance to the next position that is searched for a match, bytes. Data that cannot be compressed takes less time: the distance grows by one
 * after every 64 positions.
 * @param misses positions searched since the last match
 */
export const searchStep = (misses: number): number => 1 + (misses >> 6);
