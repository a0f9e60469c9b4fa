import { Frame } from './frame.ts';

/** Bytes of memory that small frames are cut from. */
const slabBytes = 2048;
/** Larger frames have memory of their own. */
const largest = 512;

/**
 * Memory for small frames that end in the order in which they were made, such as the responses on one connection: one allocation for many. No
 * byte is used twice, so a frame is all zeros. A frame that lives keeps its slab: frames of different lifetimes need different instances.
 */
export class Slab {
  #memory: ArrayBuffer | undefined;
  #used = slabBytes;

  /** A frame of `length` zero bytes. */
  alloc(length: number): Frame {
    if (length > largest) return Frame.alloc(length);
    if (this.#memory === undefined || this.#used + length > slabBytes) {
      this.#memory = new ArrayBuffer(slabBytes);
      this.#used = 0;
    }
    const bytes = new Uint8Array(this.#memory, this.#used, length);
    this.#used = (this.#used + length + 7) & ~7;
    return new Frame(bytes);
  }
}
