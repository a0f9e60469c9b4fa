import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';

/**
 * AES-128-GCM or AES-256-GCM under one key, message after message, NIST SP 800-38D. Each call is done when it returns and keeps nothing; a nonce has 12 bytes, a
 * tag 16. What differs in length is a RangeError. An implementation is right when `test/aes-gcm.test.ts` passes for it.
 */
export interface AesGcm {
  /** Whether `seal` writes into memory that is given to it straight away, so that giving some is worth it. */
  readonly fills: boolean;
  /**
   * Encrypts a message.
   * @param additional what is authenticated beside it
   * @param tag filled in
   * @param out as long as the message: memory of its own, or exactly that of a message of one chunk. Fresh memory where it is missing
   * @returns what is encrypted: `out`, or chunks
   */
  seal(nonce: Uint8Array, additional: Uint8Array, message: readonly Uint8Array[], tag: Uint8Array, out?: Uint8Array): readonly Uint8Array[];
  /** Decrypts a message, in place or not. @returns it; undefined where it is not authentic, and what the chunks hold now is nobody's word */
  open(nonce: Uint8Array, additional: Uint8Array, message: readonly Uint8Array[], tag: Uint8Array): readonly Uint8Array[] | undefined;
  /** AES-GMAC: the tag of a message that is authenticated alone. @param tag filled in */
  code(nonce: Uint8Array, message: readonly Uint8Array[], tag: Uint8Array): void;
  /** Forgets the key. Nothing may be called afterwards but this again. */
  dispose(): void;
}

/** Makes a cipher of a key of 16 or 32 bytes. @throws RangeError for another length */
export type CreateAesGcm = (key: Uint8Array) => AesGcm;

/** Node's `update` makes fresh memory: of this size the allocator keeps it, more is mapped and unmapped each time. */
const pieceLength = 65536;
const tagLength = 16;

function checkLength(bytes: Uint8Array, length: number, what: string): void {
  if (bytes.length !== length) throw new RangeError(`${what}: ${length} bytes are wanted, not ${bytes.length}`);
}

/** Puts every chunk through a cipher. @returns fresh pieces */
function updateAll(cipher: { update(piece: Uint8Array): Uint8Array }, chunks: readonly Uint8Array[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += pieceLength) {
      pieces.push(cipher.update(chunk.length <= pieceLength ? chunk : chunk.subarray(at, at + pieceLength)));
    }
  }
  return pieces;
}

class NodeAesGcm implements AesGcm {
  readonly fills = false;
  readonly #name: 'aes-128-gcm' | 'aes-256-gcm';
  readonly #key: KeyObject;

  constructor(key: Uint8Array) {
    if (key.length !== 16 && key.length !== 32) throw new RangeError('a key of AES-GCM has 16 or 32 bytes here');
    this.#name = key.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm';
    this.#key = createSecretKey(key);
  }

  seal(nonce: Uint8Array, additional: Uint8Array, message: readonly Uint8Array[], tag: Uint8Array, out?: Uint8Array): Uint8Array[] {
    checkLength(nonce, 12, 'a nonce');
    checkLength(tag, tagLength, 'a tag');
    const length = message.reduce((sum, chunk) => sum + chunk.length, 0);
    if (out !== undefined) checkLength(out, length, 'what is encrypted');
    const cipher = createCipheriv(this.#name, this.#key, nonce);
    cipher.setAAD(additional);
    const pieces = updateAll(cipher, message);
    cipher.final();
    tag.set(cipher.getAuthTag());
    if (out === undefined) return pieces;
    let at = 0;
    for (const piece of pieces) {
      out.set(piece, at);
      at += piece.length;
    }
    return [out];
  }

  open(nonce: Uint8Array, additional: Uint8Array, message: readonly Uint8Array[], tag: Uint8Array): Uint8Array[] | undefined {
    checkLength(nonce, 12, 'a nonce');
    checkLength(tag, tagLength, 'a tag');
    const cipher = createDecipheriv(this.#name, this.#key, nonce, { authTagLength: tagLength });
    cipher.setAuthTag(tag);
    cipher.setAAD(additional);
    const pieces = updateAll(cipher, message);
    try {
      cipher.final();
      return pieces;
    } catch {
      return undefined; // OpenSSL says no more than that the tag is wrong
    }
  }

  code(nonce: Uint8Array, message: readonly Uint8Array[], tag: Uint8Array): void {
    checkLength(nonce, 12, 'a nonce');
    checkLength(tag, tagLength, 'a tag');
    const cipher = createCipheriv(this.#name, this.#key, nonce);
    for (const chunk of message) cipher.setAAD(chunk);
    cipher.final();
    tag.set(cipher.getAuthTag());
  }

  dispose(): void {} // the key object goes with this one
}

/** AES-GCM by `node:crypto`: wherever Node runs. */
export const nodeAesGcm: CreateAesGcm = (key) => new NodeAesGcm(key);
