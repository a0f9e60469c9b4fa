/** Tags of ASN.1 as DER writes them in one byte (X.690 8.1.2): class, whether constructed, number. */
export const DerTag = {
  OctetString: 0x04,
  ObjectIdentifier: 0x06,
  Enumerated: 0x0a,
  GeneralString: 0x1b,
  Sequence: 0x30,
  /** [APPLICATION 0], constructed. */
  Application: 0x60,
  /** [0], constructed; the others follow. */
  Context: 0xa0,
} as const;

/** One element: views of the bytes that it was read from. */
export interface DerElement {
  readonly tag: number;
  /** With tag and length. */
  readonly whole: Uint8Array;
  readonly content: Uint8Array;
}

/** Bytes that are not the element that was wanted. */
export class DerError extends Error {}

/** Bytes of an object identifier that are looked at: more than any that is registered. */
const maxIdentifier = 64;

/**
 * Reads the element at `at`. Lengths are definite, in up to four bytes; nothing inside the content is looked at, so the cost does not depend on it.
 * @throws DerError for a tag of several bytes, an indefinite length, or content that is not all there
 */
export function readDer(bytes: Uint8Array, at = 0): DerElement {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) throw new DerError('a truncated element');
  if ((tag & 0x1f) === 0x1f) throw new DerError('a tag of several bytes');
  let start = at + 2;
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw new DerError(`a length in ${count} bytes`);
    if (start + count > bytes.length) throw new DerError('a truncated length');
    length = 0;
    for (const end = start + count; start < end; start++) length = length * 256 + (bytes[start] as number);
  }
  if (length > bytes.length - start) throw new DerError(`content of ${length} bytes where ${bytes.length - start} follow`);
  return { tag, whole: bytes.subarray(at, start + length), content: bytes.subarray(start, start + length) };
}

/** The elements that content consists of. @param most how many there may be @throws DerError as `readDer`, or for more elements */
export function readDerList(content: Uint8Array, most: number): DerElement[] {
  const elements: DerElement[] = [];
  for (let at = 0; at < content.length; ) {
    if (elements.length === most) throw new DerError(`more than ${most} elements`);
    const element = readDer(content, at);
    elements.push(element);
    at += element.whole.length;
  }
  return elements;
}

/** The content of an element. @throws DerError for another tag */
export function contentOf({ tag, content }: DerElement, wanted: number): Uint8Array {
  if (tag !== wanted) throw new DerError(`tag 0x${tag.toString(16)} where 0x${wanted.toString(16)} is expected`);
  return content;
}

/** An object identifier, dotted (X.690 8.19). @throws DerError for bytes that are not one */
export function readObjectIdentifier(element: DerElement): string {
  const content = contentOf(element, DerTag.ObjectIdentifier);
  if (content.length === 0 || content.length > maxIdentifier) throw new DerError(`an object identifier of ${content.length} bytes`);
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const byte of content) {
    arc = (arc << 7n) | BigInt(byte & 0x7f);
    if (byte >= 0x80) continue;
    arcs.push(arc);
    arc = 0n;
  }
  if ((content.at(-1) as number) >= 0x80) throw new DerError('a truncated object identifier');
  const [both = 0n, ...rest] = arcs;
  const root = both < 80n ? both / 40n : 2n;
  return [root, both - root * 40n, ...rest].join('.');
}

/** One element of a tag and its content. */
export function writeDer(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts);
  const size: number[] = [];
  for (let rest = content.length; rest > 0; rest = Math.floor(rest / 256)) size.unshift(rest & 0xff);
  const length = content.length < 0x80 ? [content.length] : [0x80 | size.length, ...size];
  return new Uint8Array(Buffer.concat([Uint8Array.of(tag, ...length), content]));
}

/** An object identifier of its dotted form, each arc below 2^32. */
export function writeObjectIdentifier(dotted: string): Uint8Array {
  const [root = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes: number[] = [];
  for (const arc of [root * 40 + second, ...rest]) {
    const digits = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) digits.unshift((left % 128) | 0x80);
    bytes.push(...digits);
  }
  return writeDer(DerTag.ObjectIdentifier, Uint8Array.from(bytes));
}
