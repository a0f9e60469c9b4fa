import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fold, sctpChecksum, sumWords } from './checksum.ts';

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

test('the sum of 16-bit words is that of RFC 1071, for every length and alignment', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(7), (bytes, offset) => {
      const at = Math.min(offset, bytes.length);
      let expected = 0;
      for (let i = at; i < bytes.length; i += 2) {
        expected += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
        expected = (expected & 0xffff) + (expected >>> 16);
      }
      const sum = sumWords(viewOf(bytes), at, bytes.length - at);
      assert.equal(fold(sum) % 0xffff, expected % 0xffff);
    }),
  );
});

test('128 KiB of ones do not overflow the halves', () => {
  const bytes = new Uint8Array(128 << 10).fill(0xff);
  assert.equal(fold(sumWords(viewOf(bytes), 0, bytes.length)), 0xffff);
});

test('CRC32c of an SCTP packet counts its own field as zero (RFC 9260 appendix A)', () => {
  // the check value of CRC-32C is that of the digits 1 to 9: here they follow twelve bytes of zeros
  const bitwise = (bytes: Uint8Array): number => {
    let crc = ~0;
    for (const byte of bytes) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return ~crc;
  };
  assert.equal(bitwise(new TextEncoder().encode('123456789')) >>> 0, 0xe3069283);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 12, maxLength: 200 }), (bytes) => {
      const zeroed = Uint8Array.from(bytes);
      zeroed.fill(0, 8, 12);
      assert.equal(sctpChecksum(viewOf(bytes), 0, bytes.length), bitwise(zeroed));
    }),
  );
});
