import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { type AesGcm, type CreateAesGcm, nodeAesGcm } from './aes-gcm.ts';
import { Cmac } from './cmac.ts';

/** SMB2_SIGNING_CAPABILITIES, MS-SMB2 2.2.3.1.7. */
export const SigningAlgorithm = { HmacSha256: 0, AesCmac: 1, AesGmac: 2 } as const;
export type SigningAlgorithm = (typeof SigningAlgorithm)[keyof typeof SigningAlgorithm];

/** The sending end of the connection. */
export type Sender = 'client' | 'server';

const commandAt = 12;
const messageIdAt = 24;
const signatureAt = 48;
const signatureEnd = 64;
const cancel = 0x0c;

/** The algorithm of a dialect if none was negotiated, MS-SMB2 3.1.4.1. */
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
 * Signs and verifies messages under one key. Key objects and cipher states are prepared once and used for every message of the session.
 * A message is a list of chunks; the first one holds the whole SMB2 header, and a compounded element includes its padding.
 */
export class Signer {
  readonly algorithm: SigningAlgorithm;
  readonly #key: KeyObject | undefined;
  readonly #cmac: Cmac | undefined;
  readonly #gmac: AesGcm | undefined;
  readonly #nonce = new Uint8Array(12);
  readonly #code = new Uint8Array(signatureEnd - signatureAt);
  readonly #given = new Uint8Array(signatureEnd - signatureAt);
  #isDisposed = false;

  /**
   * @param key 16 bytes: the session's or channel's signing key
   * @param createAesGcm the implementation of AES-GMAC
   */
  constructor(algorithm: SigningAlgorithm, key: Uint8Array, createAesGcm: CreateAesGcm = nodeAesGcm) {
    this.algorithm = algorithm;
    this.#key = algorithm === SigningAlgorithm.HmacSha256 ? createSecretKey(key) : undefined;
    this.#cmac = algorithm === SigningAlgorithm.AesCmac ? new Cmac(key) : undefined;
    this.#gmac = algorithm === SigningAlgorithm.AesGmac ? createAesGcm(key) : undefined;
  }

  /** Writes the signature into the header, MS-SMB2 3.1.4.1. SMB2_FLAGS_SIGNED must already be set, because it is signed too. */
  sign(message: readonly Uint8Array[], sender: Sender): void {
    const header = message[0]!;
    header.fill(0, signatureAt, signatureEnd);
    header.set(this.#codeOf(message, sender), signatureAt);
  }

  /**
   * Verifies the signature, MS-SMB2 3.1.5.1, in constant time. The message is not changed.
   * @returns false also for a message whose first chunk is shorter than the SMB2 header
   */
  verify(message: readonly Uint8Array[], sender: Sender): boolean {
    const header = message[0];
    if (header === undefined || header.length < signatureEnd) return false;
    const given = this.#given;
    given.set(header.subarray(signatureAt, signatureEnd));
    header.fill(0, signatureAt, signatureEnd);
    const right = this.#codeOf(message, sender);
    header.set(given, signatureAt);
    return timingSafeEqual(given, right);
  }

  /** Releases the key. Later calls throw. */
  dispose(): void {
    this.#isDisposed = true;
    this.#gmac?.dispose();
  }

  get isDisposed(): boolean {
    return this.#isDisposed;
  }

  #codeOf(message: readonly Uint8Array[], sender: Sender): Uint8Array {
    if (this.#cmac !== undefined) return this.#cmac.digest(message);
    if (this.#gmac !== undefined) {
      this.#gmac.code(gmacNonce(this.#nonce, message[0]!, sender), message, this.#code);
      return this.#code;
    }
    const hmac = createHmac('sha256', this.#key!);
    for (const chunk of message) hmac.update(chunk);
    return hmac.digest().subarray(0, 16);
  }
}
