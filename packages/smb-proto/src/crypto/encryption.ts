import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { type AesGcm, type CreateAesGcm, nodeAesGcm } from './aes-gcm.ts';
import type { RandomBytes } from './random-bytes.ts';

/** SMB2_ENCRYPTION_CAPABILITIES, MS-SMB2 2.2.3.1.2. */
export const Cipher = { Aes128Ccm: 1, Aes128Gcm: 2, Aes256Ccm: 3, Aes256Gcm: 4 } as const;
export type Cipher = (typeof Cipher)[keyof typeof Cipher];

/** The parameters of a cipher, MS-SMB2 2.2.41. */
interface CipherSpec {
  readonly name: 'aes-128-ccm' | 'aes-128-gcm' | 'aes-256-ccm' | 'aes-256-gcm';
  readonly keyBits: 128 | 256;
  /** Bytes of the transform header's Nonce that the cipher uses; the others are zero. */
  readonly nonceBytes: 11 | 12;
}
const specs: Readonly<Record<Cipher, CipherSpec>> = {
  [Cipher.Aes128Ccm]: { name: 'aes-128-ccm', keyBits: 128, nonceBytes: 11 },
  [Cipher.Aes128Gcm]: { name: 'aes-128-gcm', keyBits: 128, nonceBytes: 12 },
  [Cipher.Aes256Ccm]: { name: 'aes-256-ccm', keyBits: 256, nonceBytes: 11 },
  [Cipher.Aes256Gcm]: { name: 'aes-256-gcm', keyBits: 256, nonceBytes: 12 },
};

/** Key length of a cipher in bits. */
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
function lengthOf(chunks: readonly Uint8Array[]): number {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  return length;
}
const joined = (chunks: readonly Uint8Array[]): Uint8Array => (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));

/** AES-CCM, which needs the message in one piece and its length first. The same interface as AES-GCM. */
class Ccm implements Omit<AesGcm, 'code'> {
  readonly fills = false;
  readonly #name: 'aes-128-ccm';
  readonly #key: KeyObject;

  constructor(name: string, key: Uint8Array) {
    this.#name = name as 'aes-128-ccm'; // the type declarations list only one of the two
    this.#key = createSecretKey(key);
  }

  seal(nonce: Uint8Array, additional: Uint8Array, message: readonly Uint8Array[], tag: Uint8Array, out?: Uint8Array): Uint8Array[] {
    const whole = joined(message);
    const ccm = createCipheriv(this.#name, this.#key, nonce, { authTagLength: tagLength });
    ccm.setAAD(additional, { plaintextLength: whole.length });
    const text = ccm.update(whole);
    ccm.final();
    tag.set(ccm.getAuthTag());
    if (out === undefined) return [text];
    out.set(text);
    return [out];
  }

  open(nonce: Uint8Array, additional: Uint8Array, message: readonly Uint8Array[], tag: Uint8Array): Uint8Array[] | undefined {
    const whole = joined(message);
    const ccm = createDecipheriv(this.#name, this.#key, nonce, { authTagLength: tagLength });
    ccm.setAuthTag(tag);
    ccm.setAAD(additional, { plaintextLength: whole.length });
    try {
      const plain = ccm.update(whole);
      ccm.final();
      return [plain];
    } catch {
      return undefined; // OpenSSL reports only that the tag is wrong
    }
  }

  dispose(): void {} // the key object is released with this one
}

/** One key with its cipher, and a buffer for the transform header of its messages. The state belongs only to this object. */
class Transform {
  readonly ccmOrGcm: Omit<AesGcm, 'code'>;
  readonly header = Buffer.alloc(transformHeaderLength);
  readonly nonce: Uint8Array;
  /** The part of the header that the tag covers, MS-SMB2 3.1.4.3. */
  readonly additional = this.header.subarray(nonceAt);
  readonly tag = this.header.subarray(signatureAt, signatureAt + tagLength);

  constructor(cipher: Cipher, key: Uint8Array, createAesGcm: CreateAesGcm) {
    const { name, keyBits, nonceBytes } = specs[cipher];
    if (key.length * 8 !== keyBits) throw new RangeError(`${name} takes ${keyBits} bits, not ${key.length * 8}`);
    this.ccmOrGcm = isCcm(cipher) ? new Ccm(name, key) : createAesGcm(key);
    this.nonce = this.header.subarray(nonceAt, nonceAt + nonceBytes);
  }
}

/**
 * Encrypts messages under one key, MS-SMB2 3.1.4.3. One object serves all channels of a session, because the nonce is a counter (MS-SMB2 2.2.41: never
 * reused) combined with a salt that differs for each object, in case a peer causes the same key twice.
 */
export class Encryptor {
  readonly cipher: Cipher;
  readonly #transform: Transform;
  #low = 0;
  #high = 0;

  /**
   * @param key 16 or 32 bytes, by the cipher
   * @param random fills the salt once
   * @param createAesGcm the implementation of AES-GCM
   */
  constructor(cipher: Cipher, key: Uint8Array, random: RandomBytes, createAesGcm: CreateAesGcm = nodeAesGcm) {
    this.cipher = cipher;
    this.#transform = new Transform(cipher, key, createAesGcm);
    const { header, nonce } = this.#transform;
    header.writeUInt32BE(0xfd534d42, 0);
    header.writeUInt16LE(encrypted, flagsAt);
    nonce.set(random.fill(new Uint8Array(nonce.length - 8)), 8);
  }

  /** Messages encrypted so far. */
  get count(): number {
    return this.#high * 4294967296 + this.#low;
  }

  /** True if `encryptInto` writes directly into given memory, so that passing memory saves a copy. */
  get fills(): boolean {
    return this.#transform.ccmOrGcm.fills;
  }

  /**
   * Encrypts one frame (a message or a whole compound) into new memory.
   * @param sessionId the 8 bytes of the session's id, as the SMB2 header carries them
   * @returns the transform header, then the ciphertext in chunks
   */
  encrypt(message: readonly Uint8Array[], sessionId: Uint8Array): Uint8Array[] {
    const { header, nonce, additional, tag, ccmOrGcm } = this.#next(lengthOf(message), sessionId);
    const text = ccmOrGcm.seal(nonce, additional, message, tag);
    return [new Uint8Array(header), ...text];
  }

  /**
   * Encrypts one frame into the caller's memory. Useful if `fills` is true.
   * @param out receives the transform header and the ciphertext: `transformHeaderLength` bytes more than the message; must not overlap the message
   * @throws RangeError if `out` has another length
   */
  encryptInto(out: Uint8Array, message: readonly Uint8Array[], sessionId: Uint8Array): void {
    const size = lengthOf(message);
    if (out.length !== transformHeaderLength + size) throw new RangeError(`${out.length} bytes of space for a message of ${size}`);
    const { header, nonce, additional, tag, ccmOrGcm } = this.#next(size, sessionId);
    ccmOrGcm.seal(nonce, additional, message, tag, out.subarray(transformHeaderLength));
    out.set(header);
  }

  /** The header of the next message, without its tag. */
  #next(size: number, sessionId: Uint8Array): Transform {
    const { header } = this.#transform;
    header.writeUInt32LE(this.#low, nonceAt);
    header.writeUInt32LE(this.#high, nonceAt + 4);
    this.#low = (this.#low + 1) >>> 0;
    if (this.#low === 0) this.#high++;
    header.writeUInt32LE(size, sizeAt);
    header.set(sessionId, sessionIdAt);
    return this.#transform;
  }

  /** Releases the key. Later calls to encrypt throw. */
  dispose(): void {
    this.#transform.ccmOrGcm.dispose();
  }
}

/** Decrypts messages under one key, MS-SMB2 3.3.5.2.1.1. */
export class Decryptor {
  readonly cipher: Cipher;
  readonly #transform: Transform;

  /**
   * @param key 16 or 32 bytes, by the cipher
   * @param createAesGcm the implementation of AES-GCM
   */
  constructor(cipher: Cipher, key: Uint8Array, createAesGcm: CreateAesGcm = nodeAesGcm) {
    this.cipher = cipher;
    this.#transform = new Transform(cipher, key, createAesGcm);
  }

  /**
   * Decrypts one frame, possibly in place: afterwards its chunks hold unspecified data, also if it fails.
   * @param frame chunks as received; the first holds at least the transform header
   * @returns the message, in the same or in new memory; undefined if the header is short, its size is not the message's, or the tag is wrong
   */
  decrypt(frame: readonly Uint8Array[]): readonly Uint8Array[] | undefined {
    const first = frame[0];
    if (first === undefined || first.length < transformHeaderLength) return undefined;
    const { header, nonce, additional, tag, ccmOrGcm } = this.#transform;
    header.set(first.subarray(0, transformHeaderLength));
    if (lengthOf(frame) - transformHeaderLength !== header.readUInt32LE(sizeAt)) return undefined;
    const message = frame.slice(first.length === transformHeaderLength ? 1 : 0);
    if (message.length === frame.length) message[0] = first.subarray(transformHeaderLength);
    return ccmOrGcm.open(nonce, additional, message, tag);
  }

  /** Releases the key. Later calls to decrypt throw. */
  dispose(): void {
    this.#transform.ccmOrGcm.dispose();
  }
}
