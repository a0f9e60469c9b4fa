import { deepStrictEqual, notDeepStrictEqual, ok, strictEqual, throws } from 'node:assert/strict';
import { randomBytes, randomFillSync } from 'node:crypto';
import { test } from 'node:test';
import { Cipher, cipherBits, Decryptor, Encryptor, transformHeaderLength } from './encryption.ts';
import { sessionKeys } from './kdf.ts';
import type { RandomBytes } from './random-bytes.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const hex = (chunks: readonly Uint8Array[]): string => Buffer.concat(chunks).toString('hex').toUpperCase();
const random: RandomBytes = { fill: (array) => randomFillSync(array) };
const sessionId = bytes('2500000000100000');

// Microsoft's published examples: "Encryption in SMB 3.0: A protocol perspective" and "SMB 3.1.1 Encryption in Windows 10".
const ccm = sessionKeys(0x0300, bytes('B4546771B515F766A86735532DD6C4F0'), undefined);
const ccmRequest = {
  plain:
    'FE534D4240000100000000000900400008000000000000000400000000000000FFFE0000010000001100001400E40800000000000000000000000000000000003100700017000000000000000000000015010000390000020100000039020000' +
    '00000000000000007000000000000000536D623320656E6372797074696F6E2074657374696E67',
  frame:
    'FD534D4281A286535415445DAE393921E44FA42E66E69A111892584FB5ED524A744DA3EE87000000000001001100001400E4080025C8FEE16605A437832D1CD52DA9F4645333482A175FE5384563F45FCDAFAEF38BC62BA4D5C62897996625A4' +
    '4C29BE5658DE2E6117585779E7B59FFD971278D08580D7FA899E410E910EABF5AA1DB43050B33B49182637759AC15D84BFCDF5B6B238993C0F4CF4D6012023F6C627297075D84B7803912D0A9639634453595EF3E33FFE4E7AC2AB',
};
const ccmResponse = {
  plain:
    'FE534D4240000100000000000900210009000000000000000400000000000000FFFE0000010000001100001400E408000000000000000000000000000000000011000000170000000000000000000000',
  frame:
    'FD534D42A6015530A18F6D9AFFE22AFAE8E6648486000000000000001100001400E4080050000000000001001100001400E40800DBF46435C5F14169293CE079E344479BF670227E49873F458672C3098DAC467DD5809F369D674091665157871483E01F7BECD02064EAC3E235F913668BBC2F097980D4B378F1993EFF6E60D177309E5B',
};
const gcmHash = bytes(
  'B23F3CBFD69487D9832B79B1594A367CDD950909B774C3A4C412B4FCEA9EDDDBA7DB256BA2EA30E977F11F9B113247578E0E915C6D2A513B8F2FCA5707DC8770',
);
const gcm = sessionKeys(0x0311, bytes('419FDDF34C1E001909D362AE7FB6AF79'), gcmHash);
const gcmRequest = {
  plain:
    'FE534D4240000100000000000900010008000000000000000500000000000000FFFE0000010000002500000000100000000000000000000000000000000000003100700017000000000000000000000006000000040000000100000004000000' +
    '00000000000000007000000000000000536D623320656E6372797074696F6E2074657374696E67',
  frame:
    'FD534D42BD73D97D2BC9001BCAFAC0FDFF5FEEBCC7D6822D269CAF48904C664C0000000087000000000001002500000000100000' +
    '6ECDD2A7AFC7B47763057A041B8FD4DAFFE990B70C9E09D36C084E02D14EF247F8BDE38ACF6256F8B1D3B56F77FBDEB312FEA5E92CBCC1ED8FB2EBBFAA75E49A4A394BB44576545567C24D4C014D47C9FBDFDAFD2C4F9B72F8D256452620A299F48E29E53D6B61D1C13A19E91AF013F00D17E3ABC2FC3D36C8C1B6B93973253852DBD442E46EE8',
};
const gcmResponse = {
  plain:
    'FE534D4240000100000000000900010001000000000000000500000000000000FFFE000001000000250000000010000000000000000000000000000000000000' +
    '11000000170000000000000000000000',
  frame:
    'FD534D42ACBE1CB7ED343ADF1725EF144D90D4B0E06831DD2E8EB7B400000000000000005000000000000100250000000010000026BBBF949983A6C1C796559D0F2C510CB651D1F7B6AC8DED32A2A0B8F2D793A815C6F6B848D69767A215841A42D400AE6DDB5F0B44173A014973321FDD7950DA6179159B82E03C9E18A050FF0EA1C967',
};

/** A frame split at odd positions: the first chunk holds the transform header and more. */
const cut = (frame: Buffer): Buffer[] => [frame.subarray(0, 60), frame.subarray(60, 61), frame.subarray(61)];

test('Microsoft’s AES-128-CCM frames decrypt in both directions (MS-SMB2 3.1.4.3)', () => {
  strictEqual(hex(new Decryptor(Cipher.Aes128Ccm, ccm.clientToServer).decrypt(cut(bytes(ccmRequest.frame)))!), ccmRequest.plain);
  strictEqual(hex(new Decryptor(Cipher.Aes128Ccm, ccm.serverToClient).decrypt(cut(bytes(ccmResponse.frame)))!), ccmResponse.plain);
});

test('Microsoft’s AES-128-GCM frames decrypt in both directions (MS-SMB2 3.1.4.3)', () => {
  strictEqual(hex(new Decryptor(Cipher.Aes128Gcm, gcm.clientToServer).decrypt(cut(bytes(gcmRequest.frame)))!), gcmRequest.plain);
  strictEqual(hex(new Decryptor(Cipher.Aes128Gcm, gcm.serverToClient).decrypt(cut(bytes(gcmResponse.frame)))!), gcmResponse.plain);
});

for (const [name, cipher] of Object.entries(Cipher)) {
  const key = randomBytes(cipherBits(cipher) / 8);
  const message = [randomBytes(116), randomBytes(70_000), randomBytes(3)];

  test(`${name}: an encrypted message decrypts, in any chunks`, () => {
    const frame = Buffer.concat(new Encryptor(cipher, key, random).encrypt(message, sessionId));
    const whole = Buffer.concat(message);
    const decryptor = new Decryptor(cipher, key);
    const uncut = (bytes: Buffer): Buffer[] => [bytes];
    const atHeader = (bytes: Buffer): Buffer[] => [bytes.subarray(0, 52), bytes.subarray(52)];
    for (const cutting of [uncut, cut, atHeader]) {
      const received = Buffer.from(frame);
      deepStrictEqual(Buffer.concat(decryptor.decrypt(cutting(received))!), whole);
    }
    deepStrictEqual(frame.subarray(44, 52), sessionId);
    strictEqual(frame.readUInt32LE(36), whole.length);
  });

  test(`${name}: one changed bit anywhere, or a byte less or more, decrypts to nothing`, () => {
    const frame = Buffer.concat(new Encryptor(cipher, key, random).encrypt([Buffer.from('message')], sessionId));
    const decryptor = new Decryptor(cipher, key);
    const protocolIdLength = 4; // which the tag does not cover
    for (let at = protocolIdLength; at < frame.length; at++) {
      const changed = Buffer.from(frame);
      changed[at]! ^= 1;
      strictEqual(decryptor.decrypt([changed]), undefined, `byte ${at}`);
    }
    strictEqual(decryptor.decrypt([frame.subarray(0, -1)]), undefined);
    strictEqual(decryptor.decrypt([frame, Buffer.of(0)]), undefined);
    for (let length = 0; length < transformHeaderLength; length++) strictEqual(decryptor.decrypt([frame.subarray(0, length)]), undefined);
    strictEqual(decryptor.decrypt([]), undefined);
    strictEqual(Buffer.concat(decryptor.decrypt([frame])!).toString(), 'message', 'what was wrong leaves no trace');
  });

  test(`${name}: no nonce comes twice, and what the cipher does not take of it is zero (MS-SMB2 2.2.41)`, () => {
    const encryptor = new Encryptor(cipher, key, random);
    const nonces = new Set<string>();
    for (let i = 0; i < 300; i++) {
      const header = encryptor.encrypt([Buffer.of(1)], sessionId)[0]!;
      nonces.add(Buffer.from(header.subarray(20, 36)).toString('hex'));
      ok(header.subarray(cipher % 2 === 1 ? 31 : 32, 36).every((byte) => byte === 0));
    }
    strictEqual(nonces.size, 300);
    strictEqual(encryptor.count, 300);
  });
}

test('the caller supplies memory of exactly the encrypted length, with any content, and nothing around it is changed', () => {
  for (const cipher of Object.values(Cipher)) {
    const key = randomBytes(cipherBits(cipher) / 8);
    const message = [randomBytes(116), randomBytes(70_000), randomBytes(3)];
    const room = randomBytes(transformHeaderLength + 70_119 + 20);
    const around = [Buffer.from(room.subarray(0, 10)), Buffer.from(room.subarray(-10))];
    const before = message.map((chunk) => Buffer.from(chunk));
    const encryptor = new Encryptor(cipher, key, random);
    encryptor.encryptInto(room.subarray(10, -10), message, sessionId);
    deepStrictEqual([room.subarray(0, 10), room.subarray(-10)], around);
    deepStrictEqual(message, before, 'the message is as it was');
    deepStrictEqual(Buffer.concat(new Decryptor(cipher, key).decrypt([room.subarray(10, -10)])!), Buffer.concat(message));
    throws(() => encryptor.encryptInto(room.subarray(10, -9), message, sessionId), RangeError);
    throws(() => encryptor.encryptInto(room.subarray(10, -11), message, sessionId), RangeError);
    strictEqual(encryptor.count, 1);
  }
});

test('two encryptors with one key do not share their nonces, and a key of the wrong length is rejected', () => {
  const key = new Uint8Array(16);
  const [a, b] = [1, 2].map((salt) => new Encryptor(Cipher.Aes128Gcm, key, { fill: (array) => array.fill(salt) }));
  notDeepStrictEqual(
    a!.encrypt([Buffer.of(1)], sessionId)[0]!.subarray(20, 36),
    b!.encrypt([Buffer.of(1)], sessionId)[0]!.subarray(20, 36),
  );
  throws(() => new Encryptor(Cipher.Aes256Gcm, key, random), RangeError);
  throws(() => new Decryptor(Cipher.Aes256Ccm, key), RangeError);
});
