import { deepStrictEqual, notDeepStrictEqual, strictEqual } from 'node:assert/strict';
import { createCipheriv, createHmac, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { Cmac } from './cmac.ts';
import { defaultSigningAlgorithm, Signer, SigningAlgorithm } from './signing.ts';

const key = Buffer.from('73FE7A9A77BEF0BDE49C650D8CCB5F76', 'hex');
/** The final SESSION_SETUP response of Microsoft's published 3.1.1 exchange, with its signature. */
const response = Buffer.from(
  'FE534D4240000100000000000100800009000000000000000300000000000000FFFE0000000000001900000000100000EBE146DA120BA25FC3376A49DFE31BC1' +
    '0900000048001D00A11B3019A0030A0100A3120410010000003B453CDC3524164200000000',
  'hex',
);

test('the signature of Microsoft’s published 3.1.1 session set-up response is right (MS-SMB2 3.1.5.1)', () => {
  const signer = new Signer(SigningAlgorithm.AesCmac, key);
  const before = Buffer.from(response);
  strictEqual(signer.verify([response], 'server'), true);
  strictEqual(signer.verify([response.subarray(0, 64), response.subarray(64)], 'server'), true);
  deepStrictEqual(response, before, 'verifying leaves the message as it was');
});

for (const [name, algorithm] of Object.entries(SigningAlgorithm)) {
  test(`${name}: a signed message verifies, and one with a changed bit anywhere does not (MS-SMB2 3.1.4.1)`, () => {
    const signer = new Signer(algorithm, key);
    const message = [Buffer.from(response), randomBytes(5000), randomBytes(1)];
    signer.sign(message, 'server');
    strictEqual(new Signer(algorithm, key).verify(message, 'server'), true);
    for (const chunk of message) {
      for (let at = 0; at < chunk.length; at += chunk.length > 1000 ? 199 : 1) {
        chunk[at]! ^= 0x10;
        strictEqual(signer.verify(message, 'server'), false, `byte ${at}`);
        chunk[at]! ^= 0x10;
      }
    }
    strictEqual(signer.verify(message, 'server'), true);
    strictEqual(signer.verify([response.subarray(0, 63)], 'server'), false);
    strictEqual(signer.verify([], 'server'), false);
  });
}

test('HMAC-SHA256 signatures are the first half of the code, CMAC ones the whole (MS-SMB2 3.1.4.1)', () => {
  const zeroed = Buffer.from(response).fill(0, 48, 64);
  const message = Buffer.from(response);
  new Signer(SigningAlgorithm.HmacSha256, key).sign([message], 'server');
  deepStrictEqual(message.subarray(48, 64), createHmac('sha256', key).update(zeroed).digest().subarray(0, 16));
  new Signer(SigningAlgorithm.AesCmac, key).sign([message], 'server');
  deepStrictEqual(message.subarray(48, 64), Buffer.from(new Cmac(key).digest([zeroed])));
});

test('the nonce of AES-GMAC is the message id, a bit for the server, and one for CANCEL requests (MS-SMB2 3.1.4.1)', () => {
  const gmac = (nonce: string, message: Buffer): Buffer => {
    const cipher = createCipheriv('aes-128-gcm', key, Buffer.from(nonce, 'hex'));
    cipher.setAAD(Buffer.from(message).fill(0, 48, 64)).final();
    return cipher.getAuthTag();
  };
  const signer = new Signer(SigningAlgorithm.AesGmac, key);
  const message = Buffer.from(response);
  const signature = (sender: 'client' | 'server'): Buffer => {
    signer.sign([message], sender);
    return Buffer.from(message.subarray(48, 64));
  };
  deepStrictEqual(signature('server'), gmac('030000000000000001000000', message));
  deepStrictEqual(signature('client'), gmac('030000000000000000000000', message));
  message.writeUInt16LE(0x0c, 12);
  deepStrictEqual(signature('client'), gmac('030000000000000002000000', message));
  notDeepStrictEqual(signature('server'), signature('client'));
});

test('dialects without negotiation sign with HMAC-SHA256 before 3.0, with AES-CMAC from there on', () => {
  deepStrictEqual([0x0202, 0x0210, 0x0300, 0x0302, 0x0311].map(defaultSigningAlgorithm), [0, 0, 1, 1, 1]);
});
