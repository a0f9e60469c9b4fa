/** Bytes from hexadecimal text; spaces and line ends are skipped. @throws RangeError for any other character. */
export function fromHex(text: string): Uint8Array {
  const digits = text.replace(/\s+/g, '');
  if (digits.length % 2 !== 0 || /[^0-9a-f]/i.test(digits)) throw new RangeError(`no hexadecimal bytes: ${digits.slice(0, 40)}`);
  return new Uint8Array(Buffer.from(digits, 'hex'));
}

/** Lower-case hexadecimal text. */
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
