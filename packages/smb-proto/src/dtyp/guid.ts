const shape = /^\{?([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})\}?$/i;

/** The text of a GUID, MS-DTYP 2.3.4.3, lower case without braces: the first three groups are little-endian on the wire, the last two as written. */
export function guidText(bytes: Uint8Array): string {
  if (bytes.length !== 16) throw new RangeError(`a GUID of ${bytes.length} bytes`);
  const hex = (from: number, to: number): string => Buffer.from(bytes.subarray(from, to)).toString('hex');
  const reversed = (from: number, to: number): string => Buffer.from(bytes.subarray(from, to)).reverse().toString('hex');
  return `${reversed(0, 4)}-${reversed(4, 6)}-${reversed(6, 8)}-${hex(8, 10)}-${hex(10, 16)}`;
}

/** The 16 bytes of a GUID, MS-DTYP 2.3.4.2. @throws RangeError if the text is not a GUID */
export function guidBytes(text: string): Uint8Array {
  const groups = shape.exec(text)?.slice(1);
  if (groups === undefined) throw new RangeError(`no GUID: ${text}`);
  const parts = groups.map((group, i) => (i < 3 ? Buffer.from(group, 'hex').reverse() : Buffer.from(group, 'hex')));
  return new Uint8Array(Buffer.concat(parts));
}
