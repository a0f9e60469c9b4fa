import { type Frame, littleEndianHost, NLA_F_NESTED } from '@ring3/wire';

/** Writes attributes one after another without intermediate objects, for dumps of a million entries. The buffer need not be zeroed. */
export class AttributeWriter {
  #view: DataView = new DataView(new ArrayBuffer(0));
  #bytes: Uint8Array = new Uint8Array();
  /** Position of the next attribute. */
  at = 0;

  /** Starts writing into a block. @param at the result of its `begin` */
  start({ frame }: { readonly frame: Frame }, at: number): void {
    this.#view = frame.view;
    this.#bytes = frame.bytes;
    this.at = at;
  }

  /** Opens a nested attribute. @returns the argument of `close` */
  open(type: number): number {
    const at = this.at;
    this.#view.setUint16(at + 2, type | NLA_F_NESTED, littleEndianHost);
    this.at = at + 4;
    return at;
  }

  /** Closes a nested attribute. */
  close(opened: number): void {
    this.#view.setUint16(opened, this.at - opened, littleEndianHost);
  }

  u8(type: number, value: number): void {
    const at = this.#head(type, 1);
    this.#view.setUint32(at, 0);
    this.#bytes[at] = value;
  }

  be16(type: number, value: number): void {
    this.#view.setUint32(this.#head(type, 2), value << 16, false);
  }

  be32(type: number, value: number): void {
    this.#view.setUint32(this.#head(type, 4), value, false);
  }

  /** A count below 2^53. */
  be64(type: number, value: number): void {
    const at = this.#head(type, 8);
    this.#view.setUint32(at, Math.floor(value / 4294967296), false);
    this.#view.setUint32(at + 4, value % 4294967296, false);
  }

  be64Exact(type: number, value: bigint): void {
    this.#view.setBigUint64(this.#head(type, 8), value, false);
  }

  /** Two bytes, as `struct nf_ct_tcp_flags`. */
  pair(type: number, first: number, second: number): void {
    this.#view.setUint32(this.#head(type, 2), ((first << 24) | (second << 16)) >>> 0, false);
  }

  /** Words of an address, in host order each. */
  words(type: number, a: number, b: number, c: number, d: number): void {
    const at = this.#head(type, 16);
    this.#view.setInt32(at, a, false);
    this.#view.setInt32(at + 4, b, false);
    this.#view.setInt32(at + 8, c, false);
    this.#view.setInt32(at + 12, d, false);
  }

  bytes(type: number, value: Uint8Array): void {
    const at = this.#head(type, value.length);
    this.#bytes.fill(0, at + (value.length & ~3), this.at);
    this.#bytes.set(value, at);
  }

  /** A name with its NUL, one byte per character. */
  name(type: number, value: string): void {
    const at = this.#head(type, value.length + 1);
    this.#bytes.fill(0, at + (value.length & ~3), this.at);
    for (let i = 0; i < value.length; i++) this.#bytes[at + i] = value.charCodeAt(i);
  }

  #head(type: number, length: number): number {
    const at = this.at;
    this.#view.setUint16(at, length + 4, littleEndianHost);
    this.#view.setUint16(at + 2, type, littleEndianHost);
    this.at = at + ((length + 7) & ~3);
    return at + 4;
  }
}
