import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { Cmac } from './cmac.ts';

const key = Buffer.from('2b7e151628aed2a6abf7158809cf4f3c', 'hex');
const message = Buffer.from(
  '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710',
  'hex',
);

test('AES-CMAC gives the codes of RFC 4493 4, one after another under one key', () => {
  const codes: Record<number, string> = {
    0: 'bb1d6929e95937287fa37d129b756746',
    16: '070a16b46b4d4144f79bdd9dd04a287c',
    40: 'dfa66747de9ae63030ca32611497c827',
    64: '51f0bebf7e3b9d92fc49741779363cfe',
  };
  const cmac = new Cmac(key);
  for (const [length, code] of Object.entries(codes)) {
    strictEqual(Buffer.from(cmac.digest([message.subarray(0, Number(length))])).toString('hex'), code, length);
  }
  strictEqual(Buffer.from(cmac.digest([])).toString('hex'), codes[0]);
});

/** RFC 4493 2.4 step by step over the joined message. */
function plainly(whole: Uint8Array): Buffer {
  const ecb = (data: Uint8Array): Buffer => createCipheriv('aes-128-ecb', key, null).setAutoPadding(false).update(data);
  const double = (value: bigint): bigint => ((value << 1n) ^ (value >> 127n === 1n ? 0x87n : 0n)) & ((1n << 128n) - 1n);
  const number = (data: Uint8Array): bigint => BigInt(`0x${Buffer.from(data).toString('hex')}`);
  const bytes = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(32, '0'), 'hex');
  const k1 = double(number(ecb(new Uint8Array(16))));
  const blocks = Math.max(1, Math.ceil(whole.length / 16));
  const complete = whole.length > 0 && whole.length % 16 === 0;
  const padded = Buffer.alloc(blocks * 16);
  padded.set(whole);
  if (!complete) padded[whole.length] = 0x80;
  let x = 0n;
  for (let i = 0; i < blocks; i++) {
    const mask = i + 1 < blocks ? 0n : complete ? k1 : double(k1);
    x = number(ecb(bytes(x ^ number(padded.subarray(i * 16, i * 16 + 16)) ^ mask)));
  }
  return bytes(x);
}

test('a message in chunks has the code of the message in one piece, whatever the chunks, and is left as it was', () => {
  const cmac = new Cmac(key);
  const lengths = fc.array(fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 4070, max: 4120 })), { maxLength: 6 });
  fc.assert(
    fc.property(lengths, (sizes) => {
      const chunks = sizes.map((size, i) => Buffer.alloc(size, i + 1));
      const before = Buffer.concat(chunks);
      deepStrictEqual(Buffer.from(cmac.digest(chunks)), plainly(before));
      deepStrictEqual(Buffer.concat(chunks), before);
    }),
    { numRuns: 60 },
  );
});
