import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { md4 } from '../crypto/md4.ts';
import { Rc4 } from '../crypto/rc4.ts';
import type { MessageIntegrity } from './mechanism.ts';
import { NtlmFlags } from './ntlm-messages.ts';

/** HMAC-MD5 over several chunks. */
export function hmacMd5(key: Uint8Array, ...chunks: readonly Uint8Array[]): Uint8Array {
  const hmac = createHmac('md5', key);
  for (const chunk of chunks) hmac.update(chunk);
  return new Uint8Array(hmac.digest());
}

const md5 = (...chunks: readonly Uint8Array[]): Uint8Array => {
  const hash = createHash('md5');
  for (const chunk of chunks) hash.update(chunk);
  return new Uint8Array(hash.digest());
};

/** UTF-16LE bytes of a text. */
export const unicode = (text: string): Uint8Array => Buffer.from(text, 'utf16le');

/** The NT hash of a password, MS-NLMP 3.3.1 NTOWFv1: the only form that a server stores. 16 bytes. */
export const ntHash = (password: string): Uint8Array => md4(unicode(password));

/** Upper case by Windows' rules: one code unit maps to one, so `ß` is unchanged. */
const upperCase = (text: string): string =>
  Array.from({ length: text.length }, (_, i) => {
    const upper = text[i]!.toUpperCase();
    return upper.length === 1 ? upper : text[i]!;
  }).join('');

/**
 * ResponseKeyNT, MS-NLMP 3.3.2 NTOWFv2. 16 bytes.
 * @param upper Windows' upper case, where the caller has its table (MS-UCODEREF 3.1.5.3): the default differs from it in a few letters, such as `ı`
 */
export const responseKeyNt = (hash: Uint8Array, user: string, domain: string, upper: (text: string) => string = upperCase): Uint8Array =>
  hmacMd5(hash, unicode(upper(user) + domain));

/** NTProofStr, MS-NLMP 3.3.2. @param temp the NTLMv2_CLIENT_CHALLENGE @returns 16 bytes */
export const ntProof = (responseKey: Uint8Array, serverChallenge: Uint8Array, temp: Uint8Array): Uint8Array =>
  hmacMd5(responseKey, serverChallenge, temp);

/** SessionBaseKey, MS-NLMP 3.3.2; for NTLMv2 it is the key exchange key too (3.4.5.1). */
export const sessionBaseKey = (responseKey: Uint8Array, proof: Uint8Array): Uint8Array => hmacMd5(responseKey, proof);

const magic = (direction: 'client-to-server' | 'server-to-client', use: 'signing' | 'sealing'): Uint8Array =>
  new TextEncoder().encode(`session key to ${direction} ${use} key magic constant\0`);

/** SIGNKEY, MS-NLMP 3.4.5.2, with extended session security. */
export const signKey = (exported: Uint8Array, direction: 'client-to-server' | 'server-to-client'): Uint8Array =>
  md5(exported, magic(direction, 'signing'));

/** SEALKEY, MS-NLMP 3.4.5.3, with extended session security: the flags determine the key length. */
export const sealKey = (flags: number, exported: Uint8Array, direction: 'client-to-server' | 'server-to-client'): Uint8Array => {
  const strength = (flags & NtlmFlags.Bits128) !== 0 ? 16 : (flags & NtlmFlags.Bits56) !== 0 ? 7 : 5;
  return md5(exported.subarray(0, strength), magic(direction, 'sealing'));
};

/** One direction of NTLMSSP_MESSAGE_SIGNATURE with extended session security, MS-NLMP 3.4.4.2: keys, cipher stream and sequence number. */
class MacStream {
  readonly #signKey: Uint8Array;
  readonly #seal: Rc4 | undefined;
  #sequence = 0;

  constructor(flags: number, exported: Uint8Array, direction: 'client-to-server' | 'server-to-client') {
    this.#signKey = signKey(exported, direction);
    this.#seal = (flags & NtlmFlags.KeyExchange) !== 0 ? new Rc4(sealKey(flags, exported, direction)) : undefined;
  }

  next(message: Uint8Array): Uint8Array {
    const sequence = new Uint8Array(4);
    new DataView(sequence.buffer).setUint32(0, this.#sequence++, true);
    const digest = hmacMd5(this.#signKey, sequence, message).subarray(0, 8);
    const code = new Uint8Array(16);
    code[0] = 1; // Version
    code.set(this.#seal === undefined ? digest : this.#seal.update(digest), 4);
    code.set(sequence, 12);
    return code;
  }
}

/** Compares two codes in constant time. */
export const sameCode = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);

/** NTLM's message signatures for one end of the connection, MS-NLMP 3.4.4. */
export function ntlmIntegrity(flags: number, exported: Uint8Array, end: 'client' | 'server'): MessageIntegrity {
  const own = new MacStream(flags, exported, end === 'client' ? 'client-to-server' : 'server-to-client');
  const peer = new MacStream(flags, exported, end === 'client' ? 'server-to-client' : 'client-to-server');
  return { sign: (message) => own.next(message), verify: (message, code) => sameCode(peer.next(message), code) };
}
