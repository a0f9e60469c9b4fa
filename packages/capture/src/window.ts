/** A source of bytes: a file or memory. */
export interface ByteSource {
  /** Reads at `offset` into `into`. @returns bytes, 0 at the end */
  read(into: Uint8Array, offset: number): number;
  close(): void;
}

/** The number of bytes per read. */
const chunk = 1 << 20;

/** The part of a capture that is in memory. It moves forward with the reader, whose position is `at`. */
export class Window {
  bytes: Uint8Array;
  view: DataView;
  at = 0;
  /** The end of the available bytes. */
  end = 0;
  /** True if views of read bytes remain valid when the window moves; costs a new buffer for each chunk. */
  lasting = false;
  readonly #source: ByteSource | undefined;
  /** The position of `bytes` in the source. */
  #start = 0;

  /** @param source bytes in memory, or a source of them */
  constructor(source: ByteSource | Uint8Array) {
    const memory = source instanceof Uint8Array ? source : undefined;
    this.#source = source instanceof Uint8Array ? undefined : source;
    this.bytes = memory ?? new Uint8Array(chunk);
    this.view = viewOf(this.bytes);
    this.end = memory?.length ?? 0;
  }

  /** Bytes from the start of the source to `at`. */
  get offset(): number {
    return this.#start + this.at;
  }

  /** Makes `wanted` bytes available from `at` on. @returns the available number, smaller only at the end of the source */
  fill(wanted: number): number {
    const source = this.#source;
    if (source === undefined || this.end - this.at >= wanted) return Math.max(0, this.end - this.at);
    this.#moveOn(wanted);
    while (this.end < wanted) {
      const got = source.read(this.bytes.subarray(this.end), this.#start + this.end);
      if (got === 0) break;
      this.end += got;
    }
    return this.end;
  }

  close(): void {
    this.#source?.close();
  }

  /** Moves the start of the window to `at`, with space for `wanted` bytes and, if more data follow, a chunk. */
  #moveOn(wanted: number): void {
    const old = this.bytes.subarray(Math.min(this.at, this.end), this.end);
    this.#start += this.at;
    this.at = 0;
    this.end = old.length;
    if (this.lasting || this.bytes.length < wanted) {
      this.bytes = new Uint8Array(Math.max(chunk, wanted * 2));
      this.view = viewOf(this.bytes);
    }
    this.bytes.set(old);
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
