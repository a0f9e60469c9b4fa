/** The direct TCP transport header before each frame, MS-SMB2 2.1: a zero byte and the length in 24 bits, big-endian. */
export function framing(length: number): Uint8Array {
  if (length > 0xffffff) throw new RangeError(`a frame of ${length} bytes does not fit into 24 bits`);
  return Uint8Array.of(0, length >>> 16, (length >>> 8) & 255, length & 255);
}

/** Splits a stream into frames. A frame is the list of its pieces as received, not joined. */
export class FrameSplitter {
  readonly #frame: (chunks: Uint8Array[], length: number) => void;
  #prefix = new Uint8Array(4);
  #prefixed = 0;
  #chunks: Uint8Array[] = [];
  #length = 0;
  #missing = 0;

  /** @param frame called with each whole frame */
  constructor(frame: (chunks: Uint8Array[], length: number) => void) {
    this.#frame = frame;
  }

  /** Accepts the next piece of the stream and takes ownership of it. Only the receiver of the frame may write into it. */
  receive(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#prefixed < 4) {
        this.#prefix[this.#prefixed++] = bytes[at++] as number;
        if (this.#prefixed < 4) continue;
        const [, high, middle, low] = this.#prefix as unknown as [number, number, number, number];
        this.#length = this.#missing = (high << 16) | (middle << 8) | low;
      } else {
        const take = Math.min(this.#missing, bytes.length - at);
        this.#chunks.push(bytes.subarray(at, at + take));
        this.#missing -= take;
        at += take;
      }
      if (this.#missing === 0) this.#complete();
    }
  }

  #complete(): void {
    const chunks = this.#chunks;
    const length = this.#length;
    this.#chunks = [];
    this.#prefixed = 0;
    if (length > 0) this.#frame(chunks, length); // an empty frame is a NetBIOS keep-alive
  }
}
