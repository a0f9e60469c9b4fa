import { deepStrictEqual, notStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { fakeRandom } from '@ring3/kit';
import { Cipher, Decryptor, Encryptor, nodeAesGcm, transformHeaderLength } from '@ring3/smb-proto';
import type { Session } from '../objects/session.ts';
import { BufferPool } from '../values/buffer-pool.ts';
import { assemble } from './outgoing.ts';
import type { Reply } from './reply.ts';

const reply = (sent?: () => void): Reply => {
  const bytes = new Uint8Array(4 + 64);
  return { request: { sent }, bytes, view: new DataView(bytes.buffer), rest: [], length: 64, status: 0 } as unknown as Reply;
};

test('buffers are returned for the responses that were sent, not for a request that still waits', () => {
  const back: string[] = [];
  const answered = reply(() => back.push('answered'));
  const waits = reply();
  const { sent } = assemble([answered, waits], undefined, new BufferPool());
  waits.request.sent = () => back.push('waits');
  sent?.();
  deepStrictEqual(back, ['answered']);
});

test('an encrypted response is one piece of the server’s own memory: a big one from the pool, to which it returns when it was sent; the buffers of its parts are free at once', () => {
  const key = new Uint8Array(16);
  const fills = (key: Uint8Array) => Object.assign(nodeAesGcm(key), { fills: true });
  const session = { sessionId: 7, encryptor: new Encryptor(Cipher.Aes128Gcm, key, fakeRandom(), fills) } as unknown as Session;
  const pool = new BufferPool();
  for (const length of [64, 3000, 4096 - 4 - transformHeaderLength, 5000, 1 << 20]) {
    let done = false;
    const rest = [Buffer.alloc(length - 64, 5)];
    const whole = { ...reply(() => (done = true)), rest, length };
    const { chunks, sent } = assemble([whole], session, pool);
    strictEqual(done, true);
    strictEqual(chunks.length, 1);
    const [bytes] = chunks as [Uint8Array];
    strictEqual(Buffer.from(bytes).readUInt32BE(0), transformHeaderLength + length, 'framing');
    deepStrictEqual(rest, [Buffer.alloc(length - 64, 5)]);
    const plain = new Decryptor(Cipher.Aes128Gcm, key).decrypt([new Uint8Array(bytes.subarray(4))]);
    deepStrictEqual(Buffer.concat(plain ?? []), Buffer.concat([Buffer.alloc(64), ...rest]));
    strictEqual(sent !== undefined, bytes.length > 4096);
    notStrictEqual(pool.take(bytes.length).buffer, bytes.buffer, 'not before it was sent');
    sent?.();
    strictEqual(pool.take(bytes.length).buffer === bytes.buffer, sent !== undefined);
  }
});
