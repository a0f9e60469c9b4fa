import { strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { Rc4, rc4 } from '../crypto/rc4.ts';
import { hmacMd5, ntHash, ntlmIntegrity, ntProof, responseKeyNt, sealKey, sessionBaseKey, signKey, unicode } from './ntlm-crypto.ts';
import { NtlmFlags } from './ntlm-messages.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

const temp = bytes(
  '0101000000000000 0000000000000000 aaaaaaaaaaaaaaaa 00000000 02000c0044006f006d00610069006e00 01000c00530065007200760065007200 00000000 00000000',
);
const randomSessionKey = new Uint8Array(16).fill(0x55);

test('the NTLMv2 example of MS-NLMP 4.2.4 comes out value by value', () => {
  strictEqual(hex(ntHash('Password')), 'a4f49c406510bdcab6824ee7c30fd852');
  const key = responseKeyNt(ntHash('Password'), 'User', 'Domain');
  strictEqual(hex(key), '0c868a403bfd7a93a3001ef22ef02e3f');
  const proof = ntProof(key, bytes('0123456789abcdef'), temp);
  strictEqual(hex(proof), '68cd0ab851e51c96aabc927bebef6a1c');
  const base = sessionBaseKey(key, proof);
  strictEqual(hex(base), '8de40ccadbc14a82f15cb0ad0de95ca3');
  strictEqual(hex(rc4(base, randomSessionKey)), 'c5dad2544fc9799094ce1ce90bc9d03e');
});

test('the name of the user is hashed in the upper case that the caller has a table for (MS-NLMP 3.3.2)', () => {
  const hash = ntHash('Password');
  const upper = (text: string): string => text.replace('ışık', 'ıŞıK');
  strictEqual(hex(responseKeyNt(hash, 'ışık', 'Domain', upper)), hex(hmacMd5(hash, unicode('ıŞıKDomain'))));
  strictEqual(hex(responseKeyNt(hash, 'groß', 'Domain')), hex(hmacMd5(hash, unicode('GROßDomain'))));
});

test('signing and sealing keys are those of MS-NLMP 4.2.4.4, and so is the sealed message', () => {
  const seal = sealKey(NtlmFlags.Bits128, randomSessionKey, 'client-to-server');
  strictEqual(hex(seal), '59f600973cc4960a25480a7c196e4c58');
  const sign = signKey(randomSessionKey, 'client-to-server');
  strictEqual(hex(sign), '4788dc861b4782f35d43fd98fe1a2d39');
  const stream = new Rc4(seal);
  const plain = unicode('Plaintext');
  strictEqual(hex(stream.update(plain)), '54e50165bf1936dc996020c1811b0f06fb5f');
  strictEqual(hex(stream.update(hmacMd5(sign, new Uint8Array(4), plain).subarray(0, 8))), '7fb38ec5c55d4976');
});

test('weaker keys are made of fewer bytes (MS-NLMP 3.4.5.3)', () => {
  const keys = [NtlmFlags.Bits128, NtlmFlags.Bits56, 0].map((flags) => hex(sealKey(flags, randomSessionKey, 'client-to-server')));
  strictEqual(new Set(keys).size, 3);
});

test('what one end signs the other verifies, once and in order (MS-NLMP 3.4.4)', () => {
  for (const flags of [NtlmFlags.Bits128 | NtlmFlags.KeyExchange, NtlmFlags.Bits128]) {
    const client = ntlmIntegrity(flags, randomSessionKey, 'client');
    const server = ntlmIntegrity(flags, randomSessionKey, 'server');
    const message = Buffer.from('mechTypes');
    const first = client.sign(message);
    strictEqual(server.verify(message, first), true);
    strictEqual(server.verify(message, first), false, 'a replay carries the wrong number');
    strictEqual(client.verify(message, server.sign(message)), true);
    strictEqual(client.verify(message, new Uint8Array(3)), false);
  }
});
