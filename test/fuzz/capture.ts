import assert from 'node:assert/strict';
import { openCapture, pcapOf } from '@ring3/capture';
import { DecodeError } from '@ring3/wire';
import { fuzzing, type Target } from './fuzzing.ts';

const packet = Buffer.from(
  '4500003000010000400600000a0000010a00000204d20050000000010000000070022000000000000204 05b4'.replace(' ', ''),
  'hex',
);
const block = (type: number, ...words: number[]): Buffer => {
  const bytes = Buffer.alloc(12 + words.length * 4);
  bytes.writeUInt32LE(type, 0);
  bytes.writeUInt32LE(bytes.length, 4);
  for (const [i, word] of words.entries()) bytes.writeUInt32LE(word >>> 0, 8 + i * 4);
  bytes.writeUInt32LE(bytes.length, bytes.length - 4);
  return bytes;
};
const words = [...new Uint32Array(new Uint8Array(packet).buffer.slice(0, 44))];
const pcapng = Buffer.concat([
  block(0x0a0d0d0a, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff),
  block(1, 101, 65535),
  block(6, 0, 0, 1, 44, 44, ...words),
  block(3, 44, ...words),
]);

/** Captures: each is read to its end or rejected as damaged; reading packet by packet and in batches gives the same result. */
const capture = (): Target => ({
  seeds: [
    pcapOf([
      { timeNs: 0n, bytes: packet },
      { timeNs: 1n, bytes: packet },
    ] as never),
    pcapng,
  ],
  run(input) {
    try {
      const opened = openCapture(input);
      for (const { bytes } of opened) assert.ok(bytes.length <= input.length);
      assert.ok(opened.packets <= input.length);
    } catch (error) {
      assert.ok(error instanceof DecodeError);
    }
  },
});

export const fuzz = fuzzing(capture);
