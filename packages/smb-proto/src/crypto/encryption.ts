import { type CipherGCM, createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import type { RandomBytes } from './random-bytes.ts';

/** SMB2_ENCRYPTION_CAPABILITIES, MS-SMB2 2.2.3.1.2. */
export const Cipher = { Aes128Ccm: 1, Aes128Gcm: 2, Aes256Ccm: 3, Aes256Gcm: 4 } as const;
export type Cipher = (typeof Cipher)[keyof typeof Cipher];

/** How a cipher is used, MS-SMB2 2.2.41. */
interface CipherSpec {
  readonly name: 'aes-128-ccm' | 'aes-128-gcm' | 'aes-256-ccm' | 'aes-256-gcm';
  readonly keyBits: 128 | 256;
  /** Bytes of the transform header's Nonce that the cipher takes; the others are zero. */
  readonly nonceBytes: 11 | 12;
}
const specs: Readonly<Record<Cipher, CipherSpec>> = {
  [Cipher.Aes128Ccm]: { name: 'aes-128-ccm', keyBits: 128, nonceBytes: 11 },
  [Cipher.Aes128Gcm]: { name: 'aes-128-gcm', keyBits: 128, nonceBytes: 12 },
  [Cipher.Aes256Ccm]: { name: 'aes-256-ccm', keyBits: 256, nonceBytes: 11 },
  [Cipher.Aes256Gcm]: { name: 'aes-256-gcm', keyBits: 256, nonceBytes: 12 },
};

/** Bits of the keys that a cipher takes. */
export const cipherBits = (cipher: Cipher): 128 | 256 => specs[cipher].keyBits;

/** Bytes of SMB2 TRANSFORM_HEADER, MS-SMB2 2.2.41. */
export const transformHeaderLength = 52;
const signatureAt = 4;
const nonceAt = 20;
const sizeAt = 36;
const flagsAt = 42;
const sessionIdAt = 44;
const tagLength = 16;
const encrypted = 1;

const isCcm = (cipher: Cipher): boolean => cipher === Cipher.Aes128Ccm || cipher === Cipher.Aes256Ccm;
const lengthOf = (chunks: readonly Uint8Array[]): number => chunks.reduce((sum, chunk) => sum + chunk.length, 0);
const joined = (chunks: readonly Uint8Array[]): Uint8Array => (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));

/** What `update` gives is fresh memory: of this size the allocator keeps it, more is mapped and unmapped each time (90 ms for a gigabyte). */
const pieceLength = 65536;

function updateAll(cipher: { update(piece: Uint8Array): Uint8Array }, chunks: readonly Uint8Array[], out: Uint8Array[]): void {
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += pieceLength) {
      out.push(cipher.update(chunk.length <= pieceLength ? chunk : chunk.subarray(at, at + pieceLength)));
    }
  }
}

/**
 * Encrypts messages under one key, MS-SMB2 3.1.4.3. One object serves all channels of a session, because the nonce is a counter (MS-SMB2 2.2.41: never
 * reused) beside a salt that differs for each object, should a peer ever bring about the same key twice.
 */
export class Encryptor {
  readonly cipher: Cipher;
  readonly #key: KeyObject;
  readonly #spec: CipherSpec;
  readonly #salt: Uint8Array;
  #low = 0;
  #high = 0;

  /**
   * @param key 16 or 32 bytes, by the cipher
   * @param random fills the salt once
   */
  constructor(cipher: Cipher, key: Uint8Array, random: RandomBytes) {
    this.cipher = cipher;
    this.#spec = specs[cipher];
    if (key.length * 8 !== this.#spec.keyBits)
      throw new RangeError(`${this.#spec.name} takes ${this.#spec.keyBits} bits, not ${key.length * 8}`);
    this.#key = createSecretKey(key);
    this.#salt = random.fill(new Uint8Array(this.#spec.nonceBytes - 8));
  }

  /** Messages encrypted so far. */
  get count(): number {
    return this.#high * 4294967296 + this.#low;
  }

  /**
   * Encrypts one frame (a message or a whole compound).
   * @param sessionId the 8 bytes of the session's id, as the SMB2 header carries them
   * @returns the transform header, then the encrypted chunks: GCM encrypts chunk by chunk, CCM needs them joined
   */
  encrypt(message: readonly Uint8Array[], sessionId: Uint8Array): Uint8Array[] {
    const header = this.#header(lengthOf(message), sessionId);
    const nonce = header.subarray(nonceAt, nonceAt + this.#spec.nonceBytes);
    const aad = header.subarray(nonceAt);
    const out: Uint8Array[] = [header];
    let cipher: CipherGCM;
    if (isCcm(this.cipher)) {
      const whole = joined(message);
      const ccm = createCipheriv(this.#spec.name as 'aes-128-ccm', this.#key, nonce, { authTagLength: tagLength });
      ccm.setAAD(aad, { plaintextLength: whole.length });
      out.push(ccm.update(whole));
      cipher = ccm;
    } else {
      cipher = createCipheriv(this.#spec.name as 'aes-128-gcm', this.#key, nonce);
      cipher.setAAD(aad);
      updateAll(cipher, message, out);
    }
    cipher.final();
    header.set(cipher.getAuthTag(), signatureAt);
    return out;
  }

  #header(size: number, sessionId: Uint8Array): Uint8Array {
    const header = new Uint8Array(transformHeaderLength);
    const view = new DataView(header.buffer);
    view.setUint32(0, 0xfd534d42);
    view.setUint32(nonceAt, this.#low, true);
    view.setUint32(nonceAt + 4, this.#high, true);
    header.set(this.#salt, nonceAt + 8);
    view.setUint32(sizeAt, size, true);
    view.setUint16(flagsAt, encrypted, true);
    header.set(sessionId, sessionIdAt);
    this.#low = (this.#low + 1) >>> 0;
    if (this.#low === 0) this.#high++;
    return header;
  }
}

/** Decrypts messages under one key, MS-SMB2 3.3.5.2.1.1. */
export class Decryptor {
  readonly cipher: Cipher;
  readonly #key: KeyObject;
  readonly #spec: CipherSpec;

  /** @param key 16 or 32 bytes, by the cipher */
  constructor(cipher: Cipher, key: Uint8Array) {
    this.cipher = cipher;
    this.#spec = specs[cipher];
    if (key.length * 8 !== this.#spec.keyBits)
      throw new RangeError(`${this.#spec.name} takes ${this.#spec.keyBits} bits, not ${key.length * 8}`);
    this.#key = createSecretKey(key);
  }

  /**
   * Decrypts one frame.
   * @param frame chunks as received; the first holds at least the transform header
   * @returns the message in fresh chunks, or undefined where the header is short, its size is not the message's, or the tag is wrong
   */
  decrypt(frame: readonly Uint8Array[]): Uint8Array[] | undefined {
    const first = frame[0];
    if (first === undefined || first.length < transformHeaderLength) return undefined;
    const header = first.subarray(0, transformHeaderLength);
    const size = new DataView(header.buffer, header.byteOffset).getUint32(sizeAt, true);
    if (lengthOf(frame) - transformHeaderLength !== size) return undefined;
    const chunks = first.length === transformHeaderLength ? frame.slice(1) : [first.subarray(transformHeaderLength), ...frame.slice(1)];
    const nonce = header.subarray(nonceAt, nonceAt + this.#spec.nonceBytes);
    const tag = header.subarray(signatureAt, signatureAt + tagLength);
    try {
      return isCcm(this.cipher) ? this.#ccm(header, nonce, tag, chunks) : this.#gcm(header, nonce, tag, chunks);
    } catch {
      return undefined; // OpenSSL says no more than that the tag is wrong
    }
  }

  #gcm(header: Uint8Array, nonce: Uint8Array, tag: Uint8Array, chunks: readonly Uint8Array[]): Uint8Array[] {
    const gcm = createDecipheriv(this.#spec.name as 'aes-128-gcm', this.#key, nonce, { authTagLength: tagLength });
    gcm.setAuthTag(tag);
    gcm.setAAD(header.subarray(nonceAt));
    const plain: Uint8Array[] = [];
    updateAll(gcm, chunks, plain);
    gcm.final();
    return plain;
  }

  #ccm(header: Uint8Array, nonce: Uint8Array, tag: Uint8Array, chunks: readonly Uint8Array[]): Uint8Array[] {
    const whole = joined(chunks);
    const ccm = createDecipheriv(this.#spec.name as 'aes-128-ccm', this.#key, nonce, { authTagLength: tagLength });
    ccm.setAuthTag(tag);
    ccm.setAAD(header.subarray(nonceAt), { plaintextLength: whole.length });
    const plain = ccm.update(whole);
    ccm.final();
    return [plain];
  }
}
