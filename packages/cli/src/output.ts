import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Characters that are collected before they are written. */
const blockLength = 32_768;

/**
 * Writes lines to standard output in blocks, no faster than they are read. If the reader closes the pipe, as `head` does, the command ends
 * without an error.
 */
export class Lines {
  readonly #to: Writable;
  #waiting = '';

  constructor(to: Writable = process.stdout) {
    this.#to = to;
    to.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  }

  async add(line: string): Promise<void> {
    this.#waiting += `${line}\n`;
    if (this.#waiting.length >= blockLength) await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#waiting === '') return;
    const block = this.#waiting;
    this.#waiting = '';
    if (!this.#to.write(block)) await once(this.#to, 'drain');
  }
}
