import type { Sid } from '@ring3/smb-proto';
import { DecodeError, type Frame } from '@ring3/wire';

/** The maximum number of sub-authorities, MS-DTYP 2.4.2.3. */
const maxSubAuthorities = 15;
/** The maximum number of characters of a string. */
const maxCharacters = 32_768;

/** The header of an RPC_UNICODE_STRING, MS-DTYP 2.3.10: bytes, and whether the pointer to them is not null. */
export interface UnicodeHead {
  readonly length: number;
  readonly present: boolean;
}

/** Reads stub data in NDR 2.0 (C706 14), little-endian. Every step checks the end of the stub. */
export class NdrReader {
  readonly #frame: Frame;
  readonly #start: number;
  readonly #end: number;
  #at: number;

  constructor(frame: Frame) {
    this.#frame = frame;
    this.#start = 0;
    this.#at = 0;
    this.#end = frame.bytes.length;
  }

  #take(size: number, align: number, what: string): number {
    const at = this.#start + ((this.#at - this.#start + align - 1) & -align);
    if (at + size > this.#end) throw new DecodeError('NDR', what, this.#at, `${size} bytes wanted, ${this.#end - this.#at} there`);
    this.#at = at + size;
    return at;
  }

  u32(what: string): number {
    return this.#frame.view.getUint32(this.#take(4, 4, what), true);
  }

  u16(what: string): number {
    return this.#frame.view.getUint16(this.#take(2, 2, what), true);
  }

  u8(what: string): number {
    return this.#frame.view.getUint8(this.#take(1, 1, what));
  }

  /** @returns a view of bytes, without alignment */
  bytes(size: number, align: number, what: string): Uint8Array {
    const at = this.#take(size, align, what);
    return this.#frame.bytes.subarray(at, at + size);
  }

  /** The structure of an RPC_UNICODE_STRING; its characters follow the structure that holds it. */
  unicodeHead(what: string): UnicodeHead {
    this.#take(0, 4, what);
    const length = this.u16(what);
    this.u16(what);
    return { length, present: this.u32(what) !== 0 };
  }

  /** The characters of an RPC_UNICODE_STRING; '' if its pointer is null. */
  unicodeBody({ length, present }: UnicodeHead, what: string): string {
    if (!present) return '';
    const maximum = this.u32(what);
    const offset = this.u32(what);
    const count = this.u32(what);
    if (offset !== 0 || count > maximum || count > maxCharacters || count * 2 < length)
      throw new DecodeError('NDR', what, this.#at, `${count} characters at ${offset} of ${maximum}, ${length} bytes`);
    const at = this.#take(count * 2, 2, what);
    return Buffer.from(this.#frame.bytes.buffer, this.#frame.bytes.byteOffset + at, length & ~1).toString('utf16le');
  }

  /** An RPC_SID, MS-DTYP 2.4.2.3. */
  sid(what: string): Sid {
    const maximum = this.u32(what);
    const revision = this.u8(what);
    const count = this.u8(what);
    if (revision !== 1 || count !== maximum || count > maxSubAuthorities)
      throw new DecodeError('NDR', what, this.#at, `revision ${revision}, ${count} of ${maximum} sub-authorities`);
    const authority = Buffer.from(this.bytes(6, 1, what)).readUIntBE(0, 6);
    let text = `S-1-${authority < 2 ** 32 ? authority : `0x${authority.toString(16).padStart(12, '0')}`}`;
    for (let i = 0; i < count; i++) text += `-${this.u32(what)}`;
    return text;
  }

  /** A conformant varying string of UTF-16 with its NUL. */
  string(what: string): string {
    const maximum = this.u32(what);
    const offset = this.u32(what);
    const count = this.u32(what);
    if (offset !== 0 || count > maximum || count > 32768)
      throw new DecodeError('NDR', what, this.#at, `${count} characters at ${offset} of ${maximum}`);
    const at = this.#take(count * 2, 2, what);
    let text = '';
    for (let i = 0; i < count; i++) {
      const unit = this.#frame.view.getUint16(at + i * 2, true);
      if (unit === 0) break;
      text += String.fromCharCode(unit);
    }
    return text;
  }

  /** A unique pointer to a string. */
  optionalString(what: string): string | undefined {
    return this.u32(what) === 0 ? undefined : this.string(what);
  }
}

/** Writes stub data in NDR 2.0, little-endian: the targets of pointers follow when the structure that holds them is complete. */
export class NdrWriter {
  #bytes = Buffer.alloc(1024);
  #at = 0;
  #referents = 0x00020000;
  #deferred: (() => void)[] = [];

  #room(size: number, align: number): number {
    const at = (this.#at + align - 1) & -align;
    if (at + size > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(Math.max(this.#bytes.length, at + size))]);
    this.#at = at + size;
    return at;
  }

  u32(value: number): this {
    const at = this.#room(4, 4);
    this.#bytes.writeUInt32LE(value >>> 0, at);
    return this;
  }

  u16(value: number): this {
    const at = this.#room(2, 2);
    this.#bytes.writeUInt16LE(value, at);
    return this;
  }

  /** Bytes without alignment. */
  bytes(bytes: Uint8Array, align: number): this {
    const at = this.#room(bytes.length, align);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** Pads to a multiple of `size`. */
  align(size: number): this {
    const before = this.#at;
    const at = this.#room(0, size);
    this.#bytes.fill(0, before, at);
    return this;
  }

  /** An RPC_UNICODE_STRING, MS-DTYP 2.3.10, with a pointer to its characters. */
  unicode(text: string): this {
    const length = text.length * 2;
    this.align(4).u16(length).u16(length);
    return this.pointer(text, () => {
      this.u32(text.length).u32(0).u32(text.length);
      this.bytes(Buffer.from(text, 'utf16le'), 2);
    });
  }

  /** A pointer to an RPC_SID, MS-DTYP 2.4.2.3. The SID is well-formed; it may have no sub-authority, as that of a domain of Windows. */
  sid(sid: Sid | undefined): this {
    return this.pointer(sid, (text) => {
      const [authority = '0', ...subAuthorities] = text.split('-').slice(2);
      const head = Buffer.alloc(8);
      head[0] = 1;
      head[1] = subAuthorities.length;
      head.writeUIntBE(Number(authority), 2, 6);
      this.u32(subAuthorities.length).bytes(head, 4);
      for (const subAuthority of subAuthorities) this.u32(Number(subAuthority));
    });
  }

  /** A pointer: null for undefined, else a referent whose value `write` writes when `settle` is called. */
  pointer<T>(value: T | undefined, write: (value: T) => void): this {
    if (value === undefined) return this.u32(0);
    this.#referents += 4;
    this.u32(this.#referents);
    this.#deferred.push(() => write(value));
    return this;
  }

  /** A pointer to a string. */
  string(text: string | undefined): this {
    return this.pointer(text, (value) => {
      this.u32(value.length + 1)
        .u32(0)
        .u32(value.length + 1);
      const at = this.#room((value.length + 1) * 2, 2);
      for (let i = 0; i < value.length; i++) this.#bytes.writeUInt16LE(value.charCodeAt(i), at + i * 2);
      this.#bytes.writeUInt16LE(0, at + value.length * 2);
    });
  }

  /** Writes the targets of the pointers so far, in their order; each with the targets of its own pointers. */
  settle(): this {
    const now = this.#deferred;
    this.#deferred = [];
    for (const write of now) {
      write();
      this.settle();
    }
    return this;
  }

  /** The stub data. */
  finish(): Uint8Array {
    this.settle();
    return this.#bytes.subarray(0, this.#at);
  }
}
