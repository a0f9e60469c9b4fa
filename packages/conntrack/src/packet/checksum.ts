/**
 * The Internet checksum's sum over `length` bytes, 16-bit words in network order, not yet folded: RFC 1071. The words are summed 32 bits
 * at a time in the order of this machine, and swapped once at the end.
 * @param length bytes, at most 128 KiB: the halves do not overflow then
 */
export function sumWords(view: DataView, at: number, length: number): number {
  let low = 0;
  let high = 0;
  let end = at + (length & ~15);
  for (; at < end; at += 16) {
    const a = view.getInt32(at, true);
    const b = view.getInt32(at + 4, true);
    const c = view.getInt32(at + 8, true);
    const d = view.getInt32(at + 12, true);
    low += (a & 0xffff) + (b & 0xffff) + (c & 0xffff) + (d & 0xffff);
    high += (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16);
  }
  end = at + (length & 14);
  for (; at < end; at += 2) low += view.getUint16(at, true);
  if ((length & 1) !== 0) low += view.getUint8(at);
  let sum = low + high;
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  return ((sum & 0xff) << 8) | (sum >>> 8);
}

/** Folds carries: 0xffff means that a sum which includes its checksum is right. */
export function fold(sum: number): number {
  sum = (sum & 0xffff) + (sum >>> 16);
  return (sum & 0xffff) + (sum >>> 16);
}

const table = /* @__PURE__ */ (() => {
  const made = new Int32Array(2048);
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
    made[i] = crc;
  }
  for (let i = 0; i < 256; i++) {
    for (let k = 1; k < 8; k++) {
      const before = made[(k - 1) * 256 + i]!;
      made[k * 256 + i] = (before >>> 8) ^ made[before & 255]!;
    }
  }
  return made;
})();

/**
 * CRC32c (Castagnoli) of an SCTP packet whose checksum field, at `at + 8`, counts as zero: RFC 9260 appendix A. Eight bytes at a time.
 * @returns the value as it lies in the packet, read little-endian, signed
 */
export function sctpChecksum(view: DataView, at: number, length: number): number {
  const field = at + 8;
  const end = at + length;
  let crc = ~0;
  while (at + 8 <= end) {
    const low = crc ^ (at === field ? 0 : view.getInt32(at, true));
    const high = at + 4 === field ? 0 : view.getInt32(at + 4, true);
    crc =
      table[1792 + (low & 255)]! ^
      table[1536 + ((low >>> 8) & 255)]! ^
      table[1280 + ((low >>> 16) & 255)]! ^
      table[1024 + (low >>> 24)]! ^
      table[768 + (high & 255)]! ^
      table[512 + ((high >>> 8) & 255)]! ^
      table[256 + ((high >>> 16) & 255)]! ^
      table[high >>> 24]!;
    at += 8;
  }
  for (; at < end; at++) {
    const byte = at >= field && at < field + 4 ? 0 : view.getUint8(at);
    crc = table[(crc ^ byte) & 255]! ^ (crc >>> 8);
  }
  return ~crc;
}
