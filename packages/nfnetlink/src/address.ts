import { isIPv4, isIPv6 } from 'node:net';

/** Reads an address as `inet_pton` does. @returns four or sixteen bytes, or undefined */
export function parseAddress(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const [front = '', back] = text.split('::') as [string, string?];
  const head = wordsOf(front);
  const tail = back === undefined ? [] : wordsOf(back);
  const words = [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
  return Uint8Array.from(words.flatMap((word) => [word >>> 8, word & 255]));
}

/** The 16-bit words of a part of an IPv6 address; an IPv4 address at its end is two. */
const wordsOf = (part: string): number[] =>
  part === ''
    ? []
    : part.split(':').flatMap((word) => {
        if (!word.includes('.')) return [Number.parseInt(word, 16)];
        const [a, b, c, d] = word.split('.').map(Number) as [number, number, number, number];
        return [(a << 8) | b, (c << 8) | d];
      });

/** Writes an address as `inet_ntop` does (RFC 5952). @param bytes four or sixteen */
export function printAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const words = Array.from({ length: 8 }, (_, i) => ((bytes[i * 2] as number) << 8) | (bytes[i * 2 + 1] as number));
  const { start, length } = longestZeros(words);
  const ipv4 = start === 0 && (length === 6 || (length === 5 && words[5] === 0xffff));
  const hex = (from: number, to: number): string =>
    words
      .slice(from, to)
      .map((word) => word.toString(16))
      .join(':');
  if (ipv4) return `::${length === 5 ? 'ffff:' : ''}${bytes.subarray(12).join('.')}`;
  return length < 2 ? hex(0, 8) : `${hex(0, start)}::${hex(start + length, 8)}`;
}

/** The first of the longest runs of zeros. */
function longestZeros(words: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let i = 0, length = 0; i < words.length; i++) {
    length = words[i] === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: i - length + 1, length };
  }
  return best;
}
