import { createCipheriv, createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { Cmac } from './cmac.ts';

/** SMB2_SIGNING_CAPABILITIES, MS-SMB2 2.2.3.1.7. */
export const SigningAlgorithm = { HmacSha256: 0, AesCmac: 1, AesGmac: 2 } as const;
export type SigningAlgorithm = (typeof SigningAlgorithm)[keyof typeof SigningAlgorithm];

/** Which end of the connection sends. */
export type Sender = 'client' | 'server';

const commandAt = 12;
const messageIdAt = 24;
const signatureAt = 48;
const signatureEnd = 64;
const cancel = 0x0c;

/** The algorithm of a dialect where none was negotiated, MS-SMB2 3.1.4.1. */
export const defaultSigningAlgorithm = (dialect: number): SigningAlgorithm =>
  dialect < 0x0300 ? SigningAlgorithm.HmacSha256 : SigningAlgorithm.AesCmac;

/** The nonce of AES-GMAC, MS-SMB2 3.1.4.1: the message id, then a bit for the server and one for CANCEL requests. 12 bytes. */
function gmacNonce(nonce: Uint8Array, header: Uint8Array, sender: Sender): Uint8Array {
  for (let i = 0; i < 8; i++) nonce[i] = header[messageIdAt + i]!;
  const isCancel = header[commandAt] === cancel && header[commandAt + 1] === 0;
  nonce[8] = sender === 'server' ? 1 : isCancel ? 2 : 0;
  return nonce;
}

/**
 * Signs and verifies messages under one key. Key objects and cipher states are prepared once and serve every message of the session.
 * A message is a list of chunks; the first one holds the whole SMB2 header, and a compounded element brings its padding.
 */
export class Signer {
  readonly algorithm: SigningAlgorithm;
  readonly #key: KeyObject;
  readonly #cmac: Cmac | undefined;
  readonly #nonce = new Uint8Array(12);

  /** @param key 16 bytes: the session's or channel's signing key */
  constructor(algorithm: SigningAlgorithm, key: Uint8Array) {
    this.algorithm = algorithm;
    this.#key = createSecretKey(key);
    this.#cmac = algorithm === SigningAlgorithm.AesCmac ? new Cmac(key) : undefined;
  }

  /** Fills in the signature field of the header, MS-SMB2 3.1.4.1. SMB2_FLAGS_SIGNED must be set already: it is signed too. */
  sign(message: readonly Uint8Array[], sender: Sender): void {
    const header = message[0]!;
    header.fill(0, signatureAt, signatureEnd);
    header.set(this.#code(message, sender), signatureAt);
  }

  /**
   * Whether the signature is right, MS-SMB2 3.1.5.1; compared in constant time. The message is unchanged afterwards.
   * @returns false also for a message whose first chunk is shorter than the SMB2 header
   */
  verify(message: readonly Uint8Array[], sender: Sender): boolean {
    const header = message[0];
    if (header === undefined || header.length < signatureEnd) return false;
    const given = new Uint8Array(header.subarray(signatureAt, signatureEnd)); // a copy also where the header is a Buffer
    header.fill(0, signatureAt, signatureEnd);
    const right = this.#code(message, sender);
    header.set(given, signatureAt);
    return timingSafeEqual(given, right);
  }

  #code(message: readonly Uint8Array[], sender: Sender): Uint8Array {
    if (this.#cmac !== undefined) return this.#cmac.digest(message);
    if (this.algorithm === SigningAlgorithm.AesGmac) {
      const gmac = createCipheriv('aes-128-gcm', this.#key, gmacNonce(this.#nonce, message[0]!, sender));
      for (const chunk of message) gmac.setAAD(chunk);
      gmac.final();
      return gmac.getAuthTag();
    }
    const hmac = createHmac('sha256', this.#key);
    for (const chunk of message) hmac.update(chunk);
    return hmac.digest().subarray(0, 16);
  }
}
