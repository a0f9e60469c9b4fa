import type { Codec } from './codec.ts';
import { raw, utf16 as utf16Codec } from './codec.ts';
import { DecodeError, EncodeError } from './errors.ts';
import type { Draw } from './field.ts';
import { Frame } from './frame.ts';
import { generate, key } from './generate.ts';
import type { Fields, ReadOf, Struct, WriteOf } from './struct.ts';

/** The fields of the fixed part that locate a variable part. Without `offset` the part follows the previous part. */
export interface Locators<L extends string = string> {
  readonly offset?: L;
  /** Length in bytes. Without it the part extends to the end of the window. */
  readonly length?: L;
  /** Number of elements. */
  readonly count?: L;
}

export interface PartOptions {
  /** The part starts at a multiple of this, counted from the origin of the offsets. */
  readonly align?: 1 | 2 | 4 | 8;
  /** The offset is written as zero if the part is empty, as some structures require. */
  readonly zeroWhenEmpty?: boolean;
}

/** A variable part of a message. */
export interface Part<T, Input = T, L extends string = string> extends PartOptions {
  readonly locators: Locators<L>;
  /** Bulk data: read as views, written outside the head. */
  readonly bulk: boolean;
  /** The value if the caller of the writer gives none; without it the part is required. */
  readonly missing?: Input;
  read(frame: Frame, at: number, length: number, count: number): T;
  size(value: Input): number;
  count(value: Input): number;
  write(frame: Frame, at: number, value: Input): void;
  random(draw: Draw): T;
  print(value: T): string;
}

/** Any codec as a part. */
export const part = <T, Input = T, const L extends string = string>(
  locators: Locators<L>,
  codec: Codec<T, Input>,
  options: PartOptions = {},
): Part<T, Input, L> => ({
  locators,
  bulk: false,
  ...options,
  read: (frame, at, length) => codec.read(frame, at, length),
  size: codec.size,
  count: () => 0,
  write: codec.write,
  random: codec.random,
  print: codec.print,
});

/** UTF-16LE text; the length counts bytes. */
export const utf16 = <const O extends string, const L extends string>(offset: O, length: L): Part<string, string, O | L> =>
  part({ offset, length } as Locators<O | L>, utf16Codec);

/** Bytes as a view of the head. They are not printed, because they may be secret. */
export const buffer = <const O extends string, const L extends string>(
  offset: O,
  length: L,
  options: PartOptions = {},
): Part<Uint8Array, Uint8Array, O | L> => ({
  ...part({ offset, length } as Locators<O | L>, raw, options),
  print: (bytes) => `<${bytes.length} bytes>`,
});

/** Bulk bytes: a list of views when read, chunks after the head when written; never joined. Must be the last part. */
export const payload = <const O extends string, const L extends string>(
  offset: O,
  length: L,
): Part<Uint8Array[], readonly Uint8Array[], O | L> => ({
  locators: { offset, length } as Locators<O | L>,
  bulk: true,
  read: (frame, at, bytes) => frame.chunks(at, bytes),
  size: (chunks) => chunks.reduce((sum, chunk) => sum + chunk.length, 0),
  count: () => 0,
  write: () => {},
  random: (draw) => [Uint8Array.from({ length: 1 + (draw() % 40) }, () => draw())],
  print: (chunks) => `<${chunks.reduce((sum, chunk) => sum + chunk.length, 0)} bytes>`,
});

/** The number of elements that a field states, one after another; each starts at a multiple of `align` from the first. */
export function items<T, Input = T, const L extends string = string>(
  locators: Locators<L> & { readonly count: L },
  element: Codec<T, Input>,
  options: PartOptions & { readonly elementAlign?: 1 | 4 | 8; readonly limit?: number } = {},
): Part<T[], Input[], L> {
  const { elementAlign = 1, limit = 4096 } = options;
  const padded = (size: number): number => (size + elementAlign - 1) & -elementAlign;
  return {
    locators,
    bulk: false,
    ...options,
    read: (frame, at, length, count) => {
      if (count > limit) throw new DecodeError('list', locators.count, at, `${count} elements, at most ${limit} are read`);
      const found: T[] = [];
      const end = at + length;
      for (let i = 0; i < count; i++) {
        if (at >= end) throw new DecodeError('list', locators.count, at, `${count} elements announced, ${i} there`);
        const value = element.read(frame, at, end - at);
        const size = element.size(value as unknown as Input);
        if (size > end - at) throw new DecodeError('list', 'element', at, `${size} bytes wanted, ${end - at} there`);
        found.push(value);
        at += padded(size);
      }
      return found;
    },
    size: (values) =>
      values.reduce((sum, value, i) => sum + (i + 1 < values.length ? padded(element.size(value)) : element.size(value)), 0),
    count: (values) => values.length,
    write: (frame, at, values) => {
      for (const value of values) {
        element.write(frame, at, value);
        at += padded(element.size(value));
      }
    },
    random: (draw) => Array.from({ length: draw() % 4 }, () => element.random(draw)),
    print: (values) => `[${values.map((value) => element.print(value)).join(', ')}]`,
  };
}

// biome-ignore lint/suspicious/noExplicitAny: a table of parts of any value types
type AnyPart = Part<any, any, string>;
export type Parts = Readonly<Record<string, AnyPart>>;
type Flat<T> = { [K in keyof T]: T[K] };
/** A part without locators infers `string`: it removes no field from the value. */
type LocatorOf<P extends Parts> = {
  [K in keyof P]: P[K] extends Part<infer _T, infer _I, infer L> ? (string extends L ? never : L) : never;
}[keyof P];
export type ReadMessage<F extends Fields, P extends Parts> = Flat<
  Omit<ReadOf<F>, LocatorOf<P>> & { -readonly [K in keyof P]: P[K] extends Part<infer T, infer _I, string> ? T : never }
>;
export type WriteMessage<F extends Fields, P extends Parts> = Flat<
  Omit<WriteOf<F>, LocatorOf<P>> & { -readonly [K in keyof P]: P[K] extends Part<infer _T, infer I, string> ? I : never }
>;

/** A message ready for a vectored write: space before it (zeroed), the message, and the bulk chunks after it. */
export interface Encoded {
  readonly head: Uint8Array;
  readonly rest: readonly Uint8Array[];
}

/** A declared message: a fixed part, and variable parts that fields of the fixed part locate. */
export interface Message<F extends Fields, P extends Parts> extends Codec<ReadMessage<F, P>, WriteMessage<F, P>> {
  readonly kind: 'message';
  readonly name: string;
  readonly fixed: Struct<F>;
  readonly parts: P;
  /** Bytes between the origin of the offsets and the fixed part: 64 for a body after the SMB2 header. */
  readonly before: number;
  /**
   * @param at the origin of the offsets @param length bytes of the window, counted from the origin
   * @throws DecodeError if a part extends beyond the window or overlaps the fixed part
   */
  read(frame: Frame, at: number, length?: number): ReadMessage<F, P>;
  readInterpreted(frame: Frame, at: number, length?: number): ReadMessage<F, P>;
  /** Bytes from the origin, without bulk data. */
  size(value: WriteMessage<F, P>): number;
  write(frame: Frame, at: number, value: WriteMessage<F, P>): void;
  /** Writes into new bytes. @throws EncodeError if a part is too long for its length field. */
  encode(value: WriteMessage<F, P>): Encoded;
}

export interface MessageOptions {
  /** Bytes between the origin of the offsets and the fixed part. */
  readonly before?: number;
}

/**
 * Declares a message. A value has the fields of the fixed part without the locators, and the parts. An odd `structureSize` constant means,
 * as in MS-SMB2, that at least one byte of variable part is written.
 */
export function message<F extends Fields, P extends Parts>(
  name: string,
  fixed: Struct<F>,
  parts: P,
  options: MessageOptions = {},
): Message<F, P> {
  const { before = 0 } = options;
  const entries = Object.entries(parts) as [keyof P & string, AnyPart][];
  const located = new Set(entries.flatMap(([, { locators }]) => Object.values(locators)));
  for (const locator of located) {
    if (!(locator in fixed.fields)) throw new TypeError(`${name}: no field ${locator} in ${fixed.name}`);
  }
  const plain = Object.keys(fixed.fields).filter((field) => !located.has(field));
  const start = before + fixed.byteLength;
  const structureSize: unknown = fixed.fields['structureSize']?.missing;
  const atLeast = typeof structureSize === 'number' && structureSize % 2 === 1 ? start + 1 : start;
  const aligned = (at: number, align = 1): number => (at + align - 1) & -align;

  const readPart = (spec: AnyPart, field: string, origin: number, window: number, cursor: number, x: Record<string, number>) => {
    const { locators } = spec;
    const count = locators.count === undefined ? 0 : (x[locators.count] as number);
    let length = locators.length === undefined ? -1 : (x[locators.length] as number);
    let at = aligned(cursor, spec.align);
    if (locators.offset !== undefined) {
      const offset = x[locators.offset] as number;
      if (length === 0 || (locators.length === undefined && locators.count !== undefined && count === 0))
        return { at: cursor, length: 0, count };
      if (offset < start)
        throw new DecodeError(name, locators.offset, origin + before, `${field} at ${offset}, inside the fixed part of ${start} bytes`);
      at = offset;
    }
    if (length < 0) length = Math.max(0, window - at);
    if (at + length > window && length > 0) {
      throw new DecodeError(name, locators.length ?? field, origin + at, `${field} of ${length} bytes, ${Math.max(0, window - at)} there`);
    }
    return { at, length, count };
  };
  const readParts = (frame: Frame, origin: number, window: number, x: Record<string, number>, value: Record<string, unknown>): void => {
    let cursor = start;
    for (const [field, spec] of entries) {
      const place = readPart(spec, field, origin, window, cursor, x);
      const found = spec.read(frame, origin + place.at, place.length, place.count);
      value[field] = found;
      // without a length field the part was given the rest of the window; its own size determines where the next part starts
      cursor = place.at + (spec.locators.length === undefined ? spec.size(found) : place.length);
    }
  };
  const windowOf = (frame: Frame, at: number, length: number | undefined): number => {
    const window = length ?? frame.length - at;
    if (window < start || at + window > frame.length) {
      throw new DecodeError(name, 'length', at, `${start} bytes wanted, ${Math.min(window, frame.length - at)} there`);
    }
    return window;
  };
  const readInterpreted = (frame: Frame, at: number, length?: number): ReadMessage<F, P> => {
    const window = windowOf(frame, at, length);
    const x = fixed.readInterpreted(frame, at + before) as Record<string, number>;
    const value: Record<string, unknown> = {};
    for (const field of plain) value[field] = x[field];
    readParts(frame, at, window, x, value);
    return value as ReadMessage<F, P>;
  };
  const body = [...plain.map((field) => `${key(field)}: x[${key(field)}]`), ...entries.map(([field]) => `${key(field)}: undefined`)];
  const read = generate<(frame: Frame, at: number, length?: number) => ReadMessage<F, P>>(
    ['windowOf', 'fixed', 'readParts'],
    [windowOf, fixed.read, readParts],
    `return (f, a, l) => {
      const w = windowOf(f, a, l);
      const x = fixed(f, a + ${before});
      const y = { ${body.join(', ')} };
      ${entries.length === 0 ? '' : 'readParts(f, a, w, x, y);'}
      return y;
    };`,
  );

  const size = (value: WriteMessage<F, P>): number => {
    let end = start;
    for (const [field, spec] of entries) {
      const given = (value as Record<string, unknown>)[field];
      const bytes = spec.size(given);
      if (bytes > 0 && spec.bulk) return aligned(end, spec.align);
      if (bytes > 0) end = aligned(end, spec.align) + bytes;
    }
    return Math.max(end, atLeast);
  };
  const write = (frame: Frame, at: number, value: WriteMessage<F, P>): void => {
    const x: Record<string, unknown> = { ...(value as Record<string, unknown>) };
    let end = start;
    for (const [field, spec] of entries) {
      const given = x[field];
      const bytes = spec.size(given);
      const place = bytes > 0 ? aligned(end, spec.align) : end;
      const { offset, length, count } = spec.locators;
      if (offset !== undefined) x[offset] = bytes === 0 && spec.zeroWhenEmpty ? 0 : place;
      if (length !== undefined) {
        const room = 2 ** (8 * (fixed.fields[length]?.size ?? 4));
        if (bytes >= room) throw new EncodeError(`${name}.${field}: ${bytes} bytes do not fit into ${length}`);
        x[length] = bytes;
      }
      if (count !== undefined) x[count] = spec.count(given);
      if (bytes > 0) spec.write(frame, at + place, given);
      end = place + bytes;
    }
    fixed.write(frame, at + before, x as WriteOf<F>);
  };

  return {
    kind: 'message',
    name,
    fixed,
    parts,
    before,
    read: read ?? readInterpreted,
    readInterpreted,
    size,
    write,
    encode: (value) => {
      const frame = Frame.alloc(size(value));
      write(frame, 0, value);
      const bulk = entries.find(([, spec]) => spec.bulk);
      return { head: frame.bytes, rest: bulk === undefined ? [] : ((value as Record<string, unknown>)[bulk[0]] as Uint8Array[]) };
    },
    random: (draw) => {
      const x = fixed.random(draw) as Record<string, unknown>;
      const value: Record<string, unknown> = {};
      for (const field of plain) value[field] = x[field];
      for (const [field, spec] of entries) value[field] = spec.random(draw);
      return value as ReadMessage<F, P>;
    },
    print: (value) => {
      const of = value as Record<string, unknown>;
      const shown = [
        ...plain.map((field) => `${field}: ${fixed.fields[field]?.print(of[field])}`),
        ...entries.map(([field, spec]) => `${field}: ${spec.print(of[field])}`),
      ];
      return `${name} { ${shown.join(', ')} }`;
    },
  };
}
