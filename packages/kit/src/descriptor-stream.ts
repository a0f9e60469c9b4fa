import { writeSync } from 'node:fs';

/** Maximum number of bytes that wait while the descriptor takes none; further lines are lost. */
const maxWaiting = 1 << 20;
/** PIPE_BUF: a pipe that is writable takes so many bytes at once. */
const piece = 4096;
const retryMs = 250;

/**
 * Writes lines to a descriptor that may take none for a while: a full disk, a pipe without a reader, a stopped terminal. Lines then
 * wait, up to 1 MiB, and are written later; the caller never waits.
 */
export class DescriptorStream {
  readonly #fd: number;
  readonly #isWritable: (fd: number) => boolean;
  #waiting: Buffer[] = [];
  #bytes = 0;
  #lost = 0;
  /** Called after lines were lost, when the descriptor takes bytes again. */
  whenLost: (lines: number) => void = () => {};

  /** @param isWritable whether a write of 4,096 bytes completes at once; without it, a full pipe holds the caller */
  constructor(fd: number, isWritable: (fd: number) => boolean = () => true) {
    this.#fd = fd;
    this.#isWritable = isWritable;
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#waiting.length > 0) {
      this.#keep(bytes);
      return;
    }
    const rest = this.#put(bytes);
    if (rest.length === 0) return;
    this.#keep(rest);
    process.once('exit', this.#drain);
    this.#later();
  }

  #keep(bytes: Buffer): void {
    if (this.#waiting.length > 0 && this.#bytes + bytes.length > maxWaiting) {
      this.#lost++;
      return;
    }
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
  }

  /** Writes as many bytes as the descriptor takes at once. @returns the rest */
  #put(bytes: Buffer): Buffer {
    let done = 0;
    try {
      while (done < bytes.length && this.#isWritable(this.#fd))
        done += writeSync(this.#fd, bytes, done, Math.min(piece, bytes.length - done));
    } catch {} // a full disk, a closed pipe: tried again later
    return bytes.subarray(done);
  }

  #later(): void {
    setTimeout(this.#drain, retryMs).unref();
  }

  readonly #drain = (): void => {
    let written = 0;
    for (const bytes of this.#waiting) {
      const rest = this.#put(bytes);
      this.#bytes -= bytes.length - rest.length;
      if (rest.length > 0) {
        this.#waiting[written] = rest;
        break;
      }
      written++;
    }
    this.#waiting.splice(0, written);
    if (this.#waiting.length > 0) {
      this.#later();
      return;
    }
    process.off('exit', this.#drain);
    const lost = this.#lost;
    this.#lost = 0;
    if (lost > 0) this.whenLost(lost);
  };
}
