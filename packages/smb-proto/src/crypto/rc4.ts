/**
 * An RC4 stream. NTLM has one for each direction (MS-NLMP 3.4: the sealing handle). The state continues from call to call.
 * OpenSSL 3 does not offer RC4; only NTLM may use it.
 */
export class Rc4 {
  readonly #s = Uint8Array.from({ length: 256 }, (_, i) => i);
  #i = 0;
  #j = 0;

  /** @param key 1 to 256 bytes */
  constructor(key: Uint8Array) {
    if (key.length === 0 || key.length > 256) throw new RangeError(`an RC4 key of ${key.length} bytes`);
    const s = this.#s;
    for (let i = 0, j = 0; i < 256; i++) {
      const swapped = s[i]!;
      j = (j + swapped + key[i % key.length]!) & 255;
      s[i] = s[j]!;
      s[j] = swapped;
    }
  }

  /** Encrypts or decrypts, which are the same. @returns new bytes of the same length */
  update(data: Uint8Array): Uint8Array {
    const s = this.#s;
    return data.map((byte) => {
      this.#i = (this.#i + 1) & 255;
      const a = s[this.#i]!;
      this.#j = (this.#j + a) & 255;
      const b = s[this.#j]!;
      s[this.#i] = b;
      s[this.#j] = a;
      return byte ^ s[(a + b) & 255]!;
    });
  }
}

/** One message under one key: RC4K of MS-NLMP 6. */
export const rc4 = (key: Uint8Array, data: Uint8Array): Uint8Array => new Rc4(key).update(data);
