/** State of a coder: there is more to do, it is complete, or it failed. */
export type Progress = 'more' | 'done' | 'failed';

/** A compression or a decompression that is done in steps, so that a large one does not hold the event loop. */
export interface Coder {
  /**
   * Continues by about this many bytes of plain data.
   * @returns 'failed' for compressed data that is not valid, and for data that does not fit into the output buffer when it is compressed
   */
  advance(bytes: number): Progress;
  /** Bytes of the input buffer that were used. */
  readonly consumed: number;
  /** Bytes written into the output buffer. */
  readonly written: number;
}

/** A compression algorithm. Neither side reads or writes outside the given buffers. */
export interface Codec {
  /** Compresses all of `input` into `output`, which may be larger than the result. */
  compress(input: Uint8Array, output: Uint8Array): Coder;
  /** Decompresses `input` until `output` is full; it fails if `input` ends before. Data after that is not read. */
  decompress(input: Uint8Array, output: Uint8Array): Coder;
}

/** The buffers of a coder, and its positions in them: InputPosition and OutputPosition of MS-XCA 2.4.4. */
export abstract class BufferCoder implements Coder {
  protected readonly input: Uint8Array;
  protected readonly output: Uint8Array;
  protected inputPosition = 0;
  protected outputPosition = 0;

  constructor(input: Uint8Array, output: Uint8Array) {
    this.input = input;
    this.output = output;
  }

  get consumed(): number {
    return this.inputPosition;
  }

  get written(): number {
    return this.outputPosition;
  }

  abstract advance(bytes: number): Progress;
}

/** Compresses its whole input buffer. A subclass is the algorithm; its loops copy the positions to local variables, which are faster. */
export abstract class Compressor extends BufferCoder {
  override advance(bytes: number): Progress {
    const end = this.input.length;
    if (!this.compressTo(Math.min(end, this.inputPosition + bytes))) return 'failed';
    if (this.inputPosition < end) return 'more';
    return this.finish() ? 'done' : 'failed';
  }

  /** Compresses the input up to `stop`, or somewhat more. @returns false if there is no space */
  protected abstract compressTo(stop: number): boolean;

  /** Completes the output after the last byte of the input. @returns false if there is no space */
  protected finish(): boolean {
    return true;
  }
}

/** Decompresses until its output buffer is full. A subclass is the algorithm; its loops copy the positions to local variables, which are faster. */
export abstract class Decompressor extends BufferCoder {
  override advance(bytes: number): Progress {
    const end = this.output.length;
    if (!this.decompressTo(Math.min(end, this.outputPosition + bytes))) return 'failed';
    return this.outputPosition < end ? 'more' : 'done';
  }

  /** Writes the output up to `stop`, or somewhat more. @returns false if the compressed data is not valid */
  protected abstract decompressTo(stop: number): boolean;
}
