import { createCipheriv } from 'node:crypto';
import { nativeInterface, unsupported } from './library.ts';

/** Length of the nonce, and of the tag, in bytes. NIST SP 800-38D. */
const nonceLength = 12;
const tagLength = 16;
/** OpenSSL counts bytes in an `int`. */
const mostBytes = 0x7fffffff;

/** EVP_CTRL_AEAD_GET_TAG and EVP_CTRL_AEAD_SET_TAG, openssl/evp.h. */
const getTag = 0x10;
const setTag = 0x11;
/** The direction of EVP_CipherInit_ex. */
const encrypting = 1;
const decrypting = 0;

type Pointer = bigint;

/** OpenSSL's public functions, as `node` exports them for addons. A function that fails returns a value other than 1. */
export interface OpenSsl {
  version(part: number): string;
  newContext(): Pointer;
  freeContext(context: Pointer): void;
  clearErrors(): void;
  /** EVP_CIPHER by key length in bytes. */
  readonly ciphers: Readonly<Record<number, Pointer>>;
  init(
    context: Pointer,
    cipher: Pointer | null,
    engine: null,
    key: Uint8Array | null,
    nonce: Uint8Array | null,
    direction: 0 | 1 | -1,
  ): number;
  update(context: Pointer, out: Uint8Array | null, outLength: Int32Array, bytes: Uint8Array, length: number): number;
  final(context: Pointer, out: Uint8Array, outLength: Int32Array): number;
  control(context: Pointer, what: number, length: number, bytes: Uint8Array): number;
}

function bind(): OpenSsl {
  const library = nativeInterface().load(null);
  const cipher = (name: string): Pointer => library.func(`void *${name}()`)() as Pointer;
  return {
    version: library.func('const char *OpenSSL_version(int)'),
    newContext: library.func('void *EVP_CIPHER_CTX_new()'),
    freeContext: library.func('void EVP_CIPHER_CTX_free(void *)'),
    clearErrors: library.func('void ERR_clear_error()'),
    ciphers: { 16: cipher('EVP_aes_128_gcm'), 32: cipher('EVP_aes_256_gcm') },
    init: library.func('int EVP_CipherInit_ex(void *, const void *, void *, const void *, const void *, int)'),
    update: library.func('int EVP_CipherUpdate(void *, void *, void *, const void *, int)'),
    final: library.func('int EVP_CipherFinal_ex(void *, void *, void *)'),
    control: library.func('int EVP_CIPHER_CTX_ctrl(void *, int, int, void *)'),
  };
}

/** Receives the number of bytes that OpenSSL wrote, which equals the input length. */
const written = new Int32Array(1);
/** Output buffer for `final`. GCM writes nothing there. */
const nothing = Buffer.alloc(tagLength);

/** @throws TypeError, RangeError: OpenSSL receives bare pointers, so no buffer may be shorter than OpenSSL assumes */
function checkLength(bytes: Uint8Array, length: number, what: string): void {
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`${what}: bytes are wanted`);
  if (bytes.byteLength !== length) throw new RangeError(`${what}: ${length} bytes are wanted, not ${bytes.byteLength}`);
}

function lengthOf(chunks: readonly Uint8Array[]): number {
  let length = 0;
  for (const chunk of chunks) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError('a message consists of chunks of bytes');
    if (chunk.byteLength > mostBytes) throw new RangeError('a chunk is longer than OpenSSL counts');
    length += chunk.byteLength;
  }
  return length;
}

/**
 * AES-128-GCM or AES-256-GCM under one key, by the OpenSSL of this process. One context exists as long as the key and takes a nonce for each message; it writes into
 * the caller's memory. `node:crypto` creates a cipher and new memory for each message (docs/decisions/0060-ciphers-by-openssl.md). Every call is
 * complete when it returns; no argument is kept.
 */
export class AesGcm {
  /** Writes only into `out`. */
  readonly fills = true;
  readonly #openSsl: OpenSsl;
  #context: Pointer | undefined;

  /** @param key 16 or 32 bytes @throws RangeError for a key of another length */
  constructor(openSsl: OpenSsl, key: Uint8Array) {
    const cipher = key instanceof Uint8Array ? openSsl.ciphers[key.byteLength] : undefined;
    if (cipher === undefined) throw new RangeError('a key of AES-GCM has 16 or 32 bytes here');
    this.#openSsl = openSsl;
    const context = openSsl.newContext();
    if (!context) throw new Error('OpenSSL has no room for a cipher');
    this.#context = context;
    contexts.register(this, freeing(openSsl, context), this);
    if (openSsl.init(context, cipher, null, key, null, encrypting) !== 1) {
      this.dispose();
      this.#refused();
    }
  }

  /**
   * Encrypts a message. A nonce must never be used twice under one key.
   * @param nonce 12 bytes
   * @param additional data that is authenticated but not encrypted
   * @param tag 16 bytes, filled in
   * @param out as long as the message: separate memory, or exactly the memory of a message of one chunk. Default: new memory
   * @returns the ciphertext: `out`
   * @throws RangeError if any of them has another length
   */
  seal(nonce: Uint8Array, additional: Uint8Array, message: readonly Uint8Array[], tag: Uint8Array, out?: Uint8Array): Uint8Array[] {
    const whole = lengthOf(message);
    out ??= Buffer.allocUnsafe(whole);
    checkLength(out, whole, 'what is encrypted');
    checkLength(tag, tagLength, 'a tag');
    lengthOf([additional]);
    const context = this.#begin(nonce, encrypting);
    this.#authenticate(context, additional);
    let at = 0;
    for (const chunk of message) {
      const length = chunk.byteLength;
      this.#transform(context, chunk, length === out.byteLength ? out : out.subarray(at, at + length));
      at += length;
    }
    this.#takeTag(context, tag);
    return [out];
  }

  /**
   * Decrypts a message in place.
   * @returns its chunks; undefined if authentication fails, and the chunks then hold unspecified data
   * @throws RangeError for a nonce or a tag of another length
   */
  open(nonce: Uint8Array, additional: Uint8Array, message: readonly Uint8Array[], tag: Uint8Array): readonly Uint8Array[] | undefined {
    checkLength(tag, tagLength, 'a tag');
    lengthOf(message);
    lengthOf([additional]);
    const context = this.#begin(nonce, decrypting);
    this.#authenticate(context, additional);
    for (const chunk of message) this.#transform(context, chunk, chunk);
    const { control, final, clearErrors } = this.#openSsl;
    if (control(context, setTag, tagLength, tag) !== 1) this.#refused();
    if (final(context, nothing, written) === 1) return message;
    clearErrors(); // the next user of OpenSSL in this thread would take these errors for its own
    return undefined;
  }

  /**
   * AES-GMAC: the tag of a message that is authenticated and not encrypted.
   * @param tag 16 bytes, filled in
   * @throws RangeError for a nonce or a tag of another length
   */
  code(nonce: Uint8Array, message: readonly Uint8Array[], tag: Uint8Array): void {
    checkLength(tag, tagLength, 'a tag');
    lengthOf(message);
    const context = this.#begin(nonce, encrypting);
    for (const chunk of message) this.#authenticate(context, chunk);
    this.#takeTag(context, tag);
  }

  /** Frees the context; OpenSSL wipes the key. Later calls on the object throw. */
  dispose(): void {
    const context = this.#context;
    if (context === undefined) return;
    this.#context = undefined;
    contexts.unregister(this);
    this.#openSsl.freeContext(context);
  }

  #begin(nonce: Uint8Array, direction: 0 | 1): Pointer {
    checkLength(nonce, nonceLength, 'a nonce');
    const context = this.#context;
    if (context === undefined) throw new Error('the key was given back');
    if (this.#openSsl.init(context, null, null, null, nonce, direction) !== 1) this.#refused();
    return context;
  }

  #authenticate(context: Pointer, bytes: Uint8Array): void {
    if (bytes.byteLength > 0 && this.#openSsl.update(context, null, written, bytes, bytes.byteLength) !== 1) this.#refused();
  }

  #transform(context: Pointer, bytes: Uint8Array, out: Uint8Array): void {
    checkLength(out, bytes.byteLength, 'what is encrypted'); // the last check before the pointer is used
    if (bytes.byteLength > 0 && this.#openSsl.update(context, out, written, bytes, bytes.byteLength) !== 1) this.#refused();
  }

  #takeTag(context: Pointer, tag: Uint8Array): void {
    const { final, control } = this.#openSsl;
    if (final(context, nothing, written) !== 1 || control(context, getTag, tagLength, tag) !== 1) this.#refused();
  }

  #refused(): never {
    this.#openSsl.clearErrors();
    throw new Error('OpenSSL refused to encrypt or decrypt');
  }
}

/** Frees contexts whose object was collected without `dispose`. */
const contexts = new FinalizationRegistry<() => void>((free) => free());
const freeing = (openSsl: OpenSsl, context: Pointer) => (): void => openSsl.freeContext(context);

/** McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 4 and 16: one plaintext under a key of 128 and of 256 bits. */
const known = {
  key: 'feffe9928665731c6d6a8f9467308308',
  nonce: 'cafebabefacedbaddecaf888',
  additional: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
  plain: 'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
  tags: { 1: '5bc94fbc3221a5db94fae95ae7121a47', 2: '76fc6ece0f4e1768cddf8853bb2d551b' },
} as const;

const bytesOf = (hex: string): Buffer => Buffer.from(hex, 'hex');

/** Checks known answers and compares with `node:crypto`: encryption, decryption, a wrong tag, and encryption again. */
function answersRightly(openSsl: OpenSsl, times: 1 | 2): boolean {
  const key = bytesOf(known.key.repeat(times));
  const [nonce, additional, plain] = [bytesOf(known.nonce), bytesOf(known.additional), bytesOf(known.plain)];
  const peer = createCipheriv(times === 1 ? 'aes-128-gcm' : 'aes-256-gcm', key, nonce).setAAD(additional);
  const right = Buffer.concat([peer.update(plain), peer.final(), peer.getAuthTag()]);
  const gcm = new AesGcm(openSsl, key);
  try {
    const found = Buffer.alloc(right.length);
    const [text, tag] = [found.subarray(0, plain.length), found.subarray(plain.length)];
    const seal = (): boolean => {
      found.fill(0);
      gcm.seal(nonce, additional, [plain.subarray(0, 17), plain.subarray(17)], tag, text);
      return found.equals(right) && tag.equals(bytesOf(known.tags[times]));
    };
    if (!seal() || !gcm.open(nonce, additional, [text], tag) || !text.equals(plain)) return false;
    return !gcm.open(nonce, additional, [text], Buffer.alloc(tagLength)) && seal();
  } finally {
    gcm.dispose();
  }
}

function find(): ((key: Uint8Array) => AesGcm) | undefined {
  const version = process.versions.openssl;
  if (unsupported() !== undefined || version === undefined || !version.startsWith('3.')) return undefined;
  try {
    const openSsl = bind();
    if (!openSsl.version(0).startsWith(`OpenSSL ${version} `)) return undefined; // a copy of OpenSSL other than that of `node:crypto`
    return answersRightly(openSsl, 1) && answersRightly(openSsl, 2) ? (key) => new AesGcm(openSsl, key) : undefined;
  } catch {
    return undefined; // a function is missing or behaves differently
  }
}

let found: { readonly create: ((key: Uint8Array) => AesGcm) | undefined } | undefined;

/**
 * AES-GCM by the OpenSSL 3 of this process. It is checked by known answers, and against `node:crypto`, before it is returned.
 * @returns a function that creates a cipher from a key of 16 or 32 bytes; undefined if this Node does not offer it: then use `node:crypto`
 */
export function aesGcm(): ((key: Uint8Array) => AesGcm) | undefined {
  found ??= { create: find() };
  return found.create;
}
