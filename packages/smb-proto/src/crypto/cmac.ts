import { type Cipheriv, createCipheriv } from 'node:crypto';

const block = 16;
const zeros = new Uint8Array(block);
/** Buffer for small messages and for chunks that end inside a block. Its content is valid only during one call. */
const scratch = new Uint8Array(4096);

/** Doubles in GF(2^128), RFC 4493 2.3: derives a subkey from the previous one. */
function doubled(value: Uint8Array): Uint8Array {
  const result = new Uint8Array(block);
  for (let i = 0; i < block; i++) result[i] = (value[i]! << 1) | ((value[i + 1] ?? 0) >>> 7);
  if (value[0]! >= 0x80) result[15]! ^= 0x87;
  return result;
}

const xorInto = (target: Uint8Array, at: number, mask: Uint8Array): void => {
  for (let i = 0; i < block; i++) target[at + i]! ^= mask[i]!;
};

/**
 * AES-128-CMAC, RFC 4493, under one key for many messages. It is CBC with a zero vector, so one long-lived CBC cipher serves all
 * messages: the last block in the chain is cancelled by XORing it into the first block of the next message. A small message costs
 * a third of the time that a new cipher takes.
 */
export class Cmac {
  readonly #cbc: Cipheriv;
  readonly #whole: Uint8Array;
  readonly #padded: Uint8Array;
  /** The state of the chain: the last block that the cipher returned. */
  #chain: Uint8Array = zeros;

  /** @param key 16 bytes */
  constructor(key: Uint8Array) {
    const ecb = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false);
    this.#whole = doubled(ecb.update(zeros));
    this.#padded = doubled(this.#whole);
    this.#cbc = createCipheriv('aes-128-cbc', key, zeros).setAutoPadding(false);
  }

  /**
   * The MAC of a message in several chunks. They are streamed, not joined (except in one small buffer).
   * @returns 16 bytes
   */
  digest(chunks: readonly Uint8Array[]): Uint8Array {
    let left = this.#chain;
    let held = 0;
    for (let chunk of chunks) {
      if (held + chunk.length > scratch.length) {
        // The final block is processed separately, so the buffer is flushed except for its last block, and only if more data follow.
        const fill = held === 0 ? 0 : Math.min(chunk.length, -held & (block - 1));
        scratch.set(chunk.subarray(0, fill), held);
        held += fill;
        chunk = chunk.subarray(fill);
        if (chunk.length > 0 && held > 0) {
          left = this.#feed(scratch.subarray(0, held), left);
          held = 0;
        }
        const direct = (chunk.length - 1) & -block;
        if (direct > 0) {
          left = this.#feedFrom(chunk, direct, left);
          chunk = chunk.subarray(direct);
        }
      }
      scratch.set(chunk, held);
      held += chunk.length;
    }
    return this.#finish(held, left);
  }

  /** Whole blocks of the scratch buffer, which may be changed. @returns the block still to be XORed: none */
  #feed(blocks: Uint8Array, left: Uint8Array): Uint8Array {
    if (left !== zeros) xorInto(blocks, 0, left);
    this.#chain = new Uint8Array(this.#cbc.update(blocks).subarray(-block));
    return zeros;
  }

  /** `length` bytes of a caller's chunk, which must not be changed. */
  #feedFrom(chunk: Uint8Array, length: number, left: Uint8Array): Uint8Array {
    if (left === zeros) return this.#feed(chunk.subarray(0, length), zeros);
    this.#feed(new Uint8Array(chunk.subarray(0, block)), left);
    return length > block ? this.#feed(chunk.subarray(block, length), zeros) : zeros;
  }

  #finish(held: number, left: Uint8Array): Uint8Array {
    const whole = held > 0 && held % block === 0;
    const end = whole ? held : (held + block) & -block;
    if (!whole) {
      scratch[held] = 0x80;
      scratch.fill(0, held + 1, end);
    }
    xorInto(scratch, end - block, whole ? this.#whole : this.#padded);
    this.#feed(scratch.subarray(0, end), left);
    return this.#chain.slice();
  }
}
