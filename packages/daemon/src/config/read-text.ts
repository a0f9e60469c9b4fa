import { closeSync, fstatSync, lstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { getSystemErrorMessage } from 'node:util';
import { ConfigurationError } from './configuration-error.ts';

/** Maximum bytes of a configuration file: a thousand shares are a tenth of it. */
const longest = 4 << 20;

/**
 * Reads a file that an administrator wrote as text: a configuration, users, a token.
 * @param missing the text if the file does not exist
 * @throws ConfigurationError with the line that is not text, Error in one line if it cannot be read
 */
export function readText(path: string, missing?: string): string {
  const cannot = (why: string): Error => new Error(`${path} cannot be read: ${why}`);
  let bytes: Uint8Array;
  try {
    bytes = readBytes(path, cannot);
  } catch (error) {
    const { code, errno } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && missing !== undefined) return missing;
    if (errno === undefined) throw error;
    throw cannot(code === 'ENOENT' ? 'there is no such file' : getSystemErrorMessage(errno));
  }
  return decode(bytes, path);
}

/** Whether a path leads to a FIFO of the file system. A pipe of the shell (`<(command)`, `/dev/stdin`) has no path of its own. */
function isFifo(path: string): boolean {
  try {
    return lstatSync(realpathSync(path)).isFIFO();
  } catch {
    return false; // it does not exist, or is such a pipe
  }
}

function readBytes(path: string, cannot: (why: string) => Error): Uint8Array {
  if (isFifo(path)) throw cannot('it is a FIFO, and opening it would wait for a writer'); // fifo(7)
  const descriptor = openSync(path, 'r');
  try {
    const stat = fstatSync(descriptor);
    if (stat.isDirectory()) throw cannot('it is a directory');
    const bytes = Buffer.alloc(longest + 1); // the size of a pipe is not known in advance
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(descriptor, bytes, length, bytes.length - length, null);
    if (length > longest) throw cannot(`it is longer than ${longest >> 20} MiB`);
    return bytes.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}

/** @throws ConfigurationError with the line of the first byte that is not UTF-8, or is NUL */
function decode(bytes: Uint8Array, path: string): string {
  const lineAt = (index: number): number => bytes.subarray(0, index).reduce((lines, byte) => lines + (byte === 0x0a ? 1 : 0), 1);
  const nul = bytes.indexOf(0);
  if (nul >= 0) throw new ConfigurationError(path, lineAt(nul), 'there is a NUL byte: this is not a text file');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes); // removes a byte order mark
  } catch {
    throw new ConfigurationError(path, lineAt(firstInvalid(bytes)), 'this is not UTF-8: save the file in that encoding');
  }
}

/** The start of the first line that is not UTF-8. No character spans two lines. */
function firstInvalid(bytes: Uint8Array): number {
  let start = 0;
  for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(start, end));
    } catch {
      return start;
    }
    start = end + 1;
  }
  return start;
}
