import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';

/**
 * AES-128-GCM or AES-256-GCM under one key for many messages, NIST SP 800-38D. Each call is complete when it returns and keeps no argument; a nonce has 12 bytes, a
 * tag 16. Other lengths throw RangeError. An implementation is correct if `test/aes-gcm.test.ts` passes for it.
 */
export interface AesGcm {
  /** Whether `seal` writes directly into given memory, so that passing memory saves a copy. */
  readonly fills: boolean;
  /**
   * Encrypts a message.
   * @param additional data that is authenticated but not encrypted
   * @param tag filled in
   * @param out as long as the message: separate memory, or exactly the memory of a message of one chunk. Default: new memory
   * @returns the ciphertext: `out`, or chunks
   */
  seal(nonce: Uint8Array, additional: Uint8Array, message: readonly Uint8Array[], tag: Uint8Array, out?: Uint8Array): readonly Uint8Array[];
  /** Decrypts a message, in place or not. @returns it; undefined if authentication fails, and the chunks then hold unspecified data */
  open(nonce: Uint8Array, additional: Uint8Array, message: readonly Uint8Array[], tag: Uint8Array): readonly Uint8Array[] | undefined;
  /** AES-GMAC: the tag of a message that is authenticated and not encrypted. @param tag filled in */
  code(nonce: Uint8Array, message: readonly Uint8Array[], tag: Uint8Array): void;
  /** Releases the key. Only this method may be called afterwards. */
  dispose(): void;
}

/** Creates a cipher from a key of 16 or 32 bytes. @throws RangeError for another length */
export type CreateAesGcm = (key: Uint8Array) => AesGcm;

/** Node's `update` allocates memory: up to this size the allocator reuses it; larger blocks are mapped and unmapped each time. */
const pieceLength = 65536;
const tagLength = 16;

function checkLength(bytes: Uint8Array, length: number, what: string): void {
  if (bytes.length !== length) throw new RangeError(`${what}: ${length} bytes are wanted, not ${bytes.length}`);
}

/** Passes every chunk through a cipher. @returns new chunks */
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
      return undefined; // OpenSSL reports only that the tag is wrong
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

  dispose(): void {} // the key object is released with this one
}

/** AES-GCM by `node:crypto`: available on every platform. */
export const nodeAesGcm: CreateAesGcm = (key) => new NodeAesGcm(key);
