import { DecodeError, type Frame } from '@ring3/wire';

/** Reads stub data in NDR 2.0 (C706 14), little-endian. Every step is bounded by the stub. */
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

/** Writes stub data in NDR 2.0, little-endian: what pointers point to follows when the structure that holds them is complete. */
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

  /** Writes what the pointers so far point to, in their order; each with what it points to itself. */
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
