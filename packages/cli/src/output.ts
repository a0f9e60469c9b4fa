import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { printable, printableJson } from '@ring3/kit';

/** Characters that are collected before they are written. */
const blockLength = 32_768;

/** Ends the command: quietly if the reader has closed the pipe, as `head` does; else with the reason, and status 1. */
function outputFailed({ code, message }: NodeJS.ErrnoException): void {
  if (code === 'EPIPE') process.exit(0);
  console.error(`ring3: standard output cannot be written: ${code === 'ENOSPC' ? 'no space is left' : message}`);
  process.exit(1);
}

/** Ends the command if standard output cannot be written: `console.log` does not report that. */
export function watchOutput(): void {
  process.stdout.on('error', outputFailed);
}

/** For a daemon: it continues without a reader of its standard output. */
export function ignoreOutput(): void {
  process.stdout.off('error', outputFailed).on('error', () => {});
}

/**
 * Writes lines to standard output in blocks, no faster than they are read. If the reader closes the pipe, as `head` does, the command ends
 * without an error.
 */
export class Lines {
  readonly #to: Writable;
  #waiting = '';

  constructor(to: Writable = process.stdout) {
    this.#to = to;
    if (to !== process.stdout) to.on('error', outputFailed);
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

/** Prints a line on standard output without the effects that control characters have on a terminal: names come from clients. */
export const printLine = (text: string): void => console.log(printable(text));

/** Prints a value as one line of JSON, for programs. */
export const printJson = (value: unknown): void => console.log(printableJson(value));
