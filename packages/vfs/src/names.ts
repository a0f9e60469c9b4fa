import { publishedUpcase, youngerUpcase } from './upcase-table.ts';
import type { VfsCode } from './vfs-error.ts';

/** Upper case of every UTF-16 unit, 128 KiB. */
const upper = new Uint16Array(0x10000);
/** The folded form of every unit: first back from the private use area, then to upper case. */
const folded = new Uint16Array(0x10000);

/**
 * U+F0xx for a character that is invalid in a Windows name: Microsoft KB 117258 ("SFM Converts Macintosh HFS Filenames to NTFS Unicode").
 * Its `/` is a Macintosh slash, which is `:` in POSIX.
 */
const privateUse: readonly (readonly [character: string, unit: number])[] = [
  ...Array.from({ length: 0x1f }, (_, i) => [String.fromCharCode(i + 1), 0xf001 + i] as const),
  ['"', 0xf020],
  ['*', 0xf021],
  [':', 0xf022],
  ['<', 0xf023],
  ['>', 0xf024],
  ['?', 0xf025],
  ['\\', 0xf026],
  ['|', 0xf027],
];
/** Mapped only as the last character of a name. */
const trailing = new Map([
  [' ', '\uf028'],
  ['.', '\uf029'],
]);
const toPrivate = new Map(privateUse.map(([character, unit]) => [character, String.fromCharCode(unit)]));
const fromPrivate = new Map([...toPrivate, ...trailing].map(([character, unit]) => [unit, character]));

for (let unit = 0; unit < 0x10000; unit++) upper[unit] = unit;
for (const [first, last, step, shift] of [...publishedUpcase, ...youngerUpcase]) {
  for (let unit = first; unit <= last; unit += step) upper[unit] = unit + shift;
}
folded.set(upper);
for (const [unit, character] of fromPrivate) folded[unit.charCodeAt(0)] = character.charCodeAt(0);

const units: number[] = [];
function mapped(name: string, table: Uint16Array): string {
  let at = 0;
  while (at < name.length && table[name.charCodeAt(at)] === name.charCodeAt(at)) at++;
  if (at === name.length) return name;
  if (name.length > 0x1000) return Array.from({ length: name.length }, (_, i) => String.fromCharCode(table[name.charCodeAt(i)]!)).join('');
  units.length = name.length;
  for (let i = 0; i < name.length; i++) units[i] = table[name.charCodeAt(i)]!;
  return String.fromCharCode.apply(undefined, units);
}

/**
 * The upper case of a name as in Windows: each UTF-16 code unit maps to one unit, independent of language and context (MS-UCODEREF
 * 3.1.5.3). `toUpperCase` differs: it maps ß to SS and ı to I.
 */
export const upcase = (name: string): string => mapped(name, upper);

/**
 * The key by which names are compared: upper case, with characters of the U+F0xx mapping replaced by those that they represent. So a client
 * finds `a:b` by `a\uf022b`, the name in the listing.
 */
export const foldName = (name: string): string => mapped(name, folded);

/** @returns whether two names differ at most in spelling */
export const sameName = (a: string, b: string): boolean => a === b || (a.length === b.length && foldName(a) === foldName(b));

/**
 * @returns EINVAL for an invalid name: empty, `.`, `..`, with NUL or `/`; else undefined. Half of a surrogate pair is valid: names are
 * sequences of 16-bit units (MS-FSCC 2.1.5)
 */
export function checkName(name: string): VfsCode | undefined {
  if (name === '' || name === '.' || name === '..') return 'EINVAL';
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    if (unit === 0 || unit === 0x2f) return 'EINVAL';
  }
  return undefined;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern is about control characters
const inexpressible = /[\x01-\x1f"*:<>?\\|]|[ .]$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern is about control characters
const inexpressibleUnits = /[\x01-\x1f"*:<>?\\|]/g;

/**
 * Maps a stored name to the name that a client sees: characters that are invalid in Windows are mapped to the private use area. Most names
 * are returned unchanged.
 */
export function toWireName(name: string): string {
  if (!inexpressible.test(name)) return name;
  const shown = toPlainWireName(name);
  const last = trailing.get(shown.at(-1)!);
  return last === undefined ? shown : shown.slice(0, -1) + last;
}

/** The same without mapping a period or space at the end: the spelling of a client that does not map these. */
export const toPlainWireName = (name: string): string => name.replace(inexpressibleUnits, (character) => toPrivate.get(character)!);

/** Maps the name that a client sends to the stored name of a new entry: the inverse of {@link toWireName}. */
export function fromWireName(name: string): string {
  if (!/[\uf001-\uf029]/.test(name)) return name;
  const inner = name.replace(/[\uf001-\uf027]/g, (unit) => fromPrivate.get(unit)!);
  const last = fromPrivate.get(inner.at(-1)!);
  return last === undefined ? inner : inner.slice(0, -1) + last;
}

/**
 * Decodes the bytes of a name on the host. Half of a surrogate pair is three bytes, as in UTF-8 without the exclusion of surrogates. Each
 * byte that is neither becomes U+F080 … U+F0FF, and so does each byte of a character in that range. So {@link nameToBytes} always returns
 * the same bytes, and every file is visible.
 */
export function nameFromBytes(bytes: Uint8Array): string {
  const name = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  if (!/[\ufffd\uf080-\uf0ff]/.test(name)) return name;
  let out = '';
  for (let at = 0; at < bytes.length; ) {
    const half = surrogateAt(bytes, at);
    if (half !== undefined && !completes(out, half)) {
      out += String.fromCharCode(half);
      at += 3;
      continue;
    }
    const length = half === undefined ? characterLength(bytes, at) : 0;
    const character = length === 0 ? '' : Buffer.from(bytes.subarray(at, at + length)).toString('utf8');
    if (length === 0 || (character >= '\uf080' && character <= '\uf0ff' && length === 3)) {
      out += String.fromCharCode(0xf000 + bytes[at]!);
      at++;
    } else {
      out += character;
      at += length;
    }
  }
  return out;
}

/** The half of a surrogate pair whose three bytes are at `at`. */
function surrogateAt(bytes: Uint8Array, at: number): number | undefined {
  if (bytes[at] !== 0xed || at + 3 > bytes.length) return undefined;
  const [second, third] = [bytes[at + 1]!, bytes[at + 2]!];
  if (second < 0xa0 || second > 0xbf || (third & 0xc0) !== 0x80) return undefined;
  return 0xd000 | ((second & 0x3f) << 6) | (third & 0x3f);
}

/** Whether a half would become a pair with the end of a text: the pair has another form in bytes. */
const completes = (text: string, half: number): boolean => half >= 0xdc00 && /[\ud800-\udbff]$/.test(text);

/** Whether a name is not simply UTF-8 on a host, see {@link nameToBytes}. */
export const hasOwnBytes = (name: string): boolean => /[\uf080-\uf0ff]/.test(name) || !name.isWellFormed();

/** The bytes of a name on a host: UTF-8, but U+F080 … U+F0FF are the bytes 80 … FF, and half of a surrogate pair is three bytes. */
export function nameToBytes(name: string): Buffer {
  if (!hasOwnBytes(name)) return Buffer.from(name, 'utf8');
  const parts = name.match(/[\uf080-\uf0ff]+|\p{Cs}|[^\uf080-\uf0ff\p{Cs}]+/gu) ?? [];
  return Buffer.concat(parts.map(bytesOf));
}

function bytesOf(part: string): Buffer {
  const unit = part.charCodeAt(0);
  if (unit >= 0xf080 && unit <= 0xf0ff) return Buffer.from(Array.from(part, (each) => each.charCodeAt(0) & 0xff));
  if (part.length > 1 || unit < 0xd800 || unit > 0xdfff) return Buffer.from(part, 'utf8');
  return Buffer.from([0xed, 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f)]);
}

/** @returns the length of the well-formed UTF-8 character (RFC 3629, 4) at `at`, or 0 */
function characterLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const length = first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  const second = bytes[at + 1]!;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let i = 2; i < length; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return 0;
  return length;
}
