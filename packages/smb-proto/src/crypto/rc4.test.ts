import { deepStrictEqual, strictEqual, throws } from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { test } from 'node:test';
import { Rc4, rc4 } from './rc4.ts';

test('RC4 gives the key streams of RFC 6229 2', () => {
  const streams: Record<string, string> = {
    '0102030405': 'b2396305f03dc027ccc3524a0a1118a8',
    '01020304050607': '293f02d47f37c9b633f2af5285feb46b',
    '0102030405060708090a0b0c0d0e0f10': '9ac7cc9a609d1ef7b2932899cde41b97',
  };
  for (const [key, stream] of Object.entries(streams)) {
    strictEqual(Buffer.from(rc4(Buffer.from(key, 'hex'), new Uint8Array(16))).toString('hex'), stream, key);
  }
});

test('an RC4 stream continues where the previous call ended', () => {
  const key = Buffer.from('key');
  const whole = rc4(key, new Uint8Array(40));
  const stream = new Rc4(key);
  deepStrictEqual(Buffer.concat([stream.update(new Uint8Array(13)), stream.update(new Uint8Array(27))]), Buffer.from(whole));
});

test('OpenSSL 3 does not support RC4, which is why this one exists; an empty key is rejected here', () => {
  throws(() => createCipheriv('rc4', new Uint8Array(16), null));
  throws(() => new Rc4(new Uint8Array()), RangeError);
});
