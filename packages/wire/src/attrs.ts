import type { Codec } from './codec.ts';
import { DecodeError, EncodeError } from './errors.ts';
import type { Draw, Field } from './field.ts';
import { littleEndianHost } from './field.ts';
import type { Frame } from './frame.ts';
import { generate, key } from './generate.ts';

/** NLA_F_NESTED, NLA_F_NET_BYTEORDER and the mask of the type, uapi/linux/netlink.h. */
export const NLA_F_NESTED = 0x8000;
export const NLA_F_NET_BYTEORDER = 0x4000;
export const NLA_TYPE_MASK = 0x3fff;
/** Bytes of `struct nlattr`: u16 length (itself included), u16 type, both in the byte order of the host. */
export const NLA_HDRLEN = 4;
const pad4 = (length: number): number => (length + 3) & ~3;

/** An attribute that the table does not list. Kept at every nesting level. */
export interface UnknownAttr {
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** How the payload of an attribute is validated and named in extended acks; see uapi/linux/netlink.h, `enum netlink_attribute_type`. */
export type AttrKind = 'u8' | 'u16' | 'u32' | 'u64' | 'fixed' | 'string' | 'binary' | 'nested' | 'flag';

/** One row of an attribute table. */
export interface Attr<T, Input = T> {
  readonly type: number;
  readonly kind: AttrKind;
  /** `string`: maximum length without the NUL; `binary`: maximum length; integers and `fixed` (an address, a structure): their size. */
  readonly max: number;
  /** The table of a nested attribute. */
  readonly table: Attrs<AttrTable> | undefined;
  /** True if the attribute may occur several times: the value is a list. */
  readonly many: boolean;
  readonly codec: Codec<T, Input>;
  readonly readCode: ((at: string) => string) | undefined;
}

// biome-ignore lint/suspicious/noExplicitAny: a table of attributes of any value types
export type AttrTable = Readonly<Record<string, Attr<any, any>>>;
type Flat<T> = { [K in keyof T]: T[K] };
/** The value that `read` returns: every name of the table, undefined if the attribute was absent. */
export type AttrsOf<A extends AttrTable> = Flat<
  { -readonly [K in keyof A]: (A[K] extends Attr<infer T, infer _I> ? T : never) | undefined } & { unknown: UnknownAttr[] | undefined }
>;
/** The value that `write` accepts. */
export type AttrsInput<A extends AttrTable> = Flat<
  { -readonly [K in keyof A]?: (A[K] extends Attr<infer _T, infer I> ? I : never) | undefined } & { unknown?: UnknownAttr[] | undefined }
>;

/** The position at which a stream of attributes ended before the end of its window. */
export interface Leftover {
  /** Bytes of the window after the last attribute. */
  readonly bytes: number;
}

/** A declared set of attributes. */
export interface Attrs<A extends AttrTable> extends Codec<AttrsOf<A>, AttrsInput<A>> {
  readonly kind: 'attrs';
  readonly name: string;
  readonly table: A;
  /** Row by attribute type. */
  readonly rows: ReadonlyMap<number, { readonly field: keyof A & string; readonly attr: Attr<unknown> }>;
  /**
   * Reads as liberally as the kernel: the two top bits of a type are masked off, the last of several wins, a payload longer than its
   * integer is cut, the stream ends at the first impossible header. Unknown types are kept.
   * @throws DecodeError for a payload shorter than its type
   */
  read(frame: Frame, at: number, length: number): AttrsOf<A>;
  readInterpreted(frame: Frame, at: number, length: number): AttrsOf<A>;
  /** The attribute headers in order, without reading payloads. */
  walk(frame: Frame, at: number, length: number, visit: (type: number, at: number, length: number, bits: number) => void): Leftover;
}

/** An integer attribute; longer payloads are truncated, shorter ones rejected. */
export const attr = <T>(type: number, field: Field<T>): Attr<T> => ({
  type,
  kind: field.size === 1 ? 'u8' : field.size === 2 ? 'u16' : field.size === 4 ? 'u32' : field.size === 8 ? 'u64' : 'fixed',
  max: field.size,
  table: undefined,
  many: false,
  readCode: field.readCode,
  codec: {
    read: (frame, at, length) => {
      if (length < field.size) throw new DecodeError('attribute', `type ${type}`, at, `${field.size} bytes wanted, ${length} found`);
      frame.slice(at, field.size, 'attribute', `type ${type}`);
      return field.read(frame, at);
    },
    size: () => field.size,
    write: (frame, at, value) => field.write(frame, at, value),
    random: field.random,
    print: field.print,
  },
});

const variable = <T>(type: number, kind: AttrKind, max: number, codec: Codec<T>): Attr<T> => ({
  type,
  kind,
  max,
  table: undefined,
  many: false,
  readCode: undefined,
  codec,
});

/** A NUL-terminated name of at most `max` bytes. One character a byte (latin1), so that any bytes survive; the value ends at the first NUL. */
export const nulString = (type: number, max: number): Attr<string> =>
  variable(type, 'string', max, {
    read: (frame, at, length) => {
      const found = frame.slice(at, length, 'attribute', `type ${type}`);
      let text = '';
      for (const byte of found) {
        if (byte === 0) break;
        text += String.fromCharCode(byte);
      }
      return text;
    },
    size: (value) => value.length + 1,
    write: (frame, at, value) => {
      for (let i = 0; i < value.length; i++) frame.bytes[at + i] = value.charCodeAt(i);
      frame.bytes[at + value.length] = 0;
    },
    random: (draw) => String.fromCharCode(...Array.from({ length: draw() % (max + 1) }, () => 1 + (draw() % 255))),
    print: (value) => JSON.stringify(value),
  });

/** Raw bytes, as a view. */
export const binary = (type: number, max = 0xfffb): Attr<Uint8Array> =>
  variable(type, 'binary', max, {
    read: (frame, at, length) => frame.slice(at, length, 'attribute', `type ${type}`),
    size: (value) => value.length,
    write: (frame, at, value) => frame.bytes.set(value, at),
    random: (draw) => Uint8Array.from({ length: draw() % Math.min(max + 1, 40) }, () => draw()),
    print: (value) => Buffer.from(value).toString('hex'),
  });

/** The same attribute. Only its length is printed, because its content may be secret. */
export const unprinted = (row: Attr<Uint8Array>): Attr<Uint8Array> => ({
  ...row,
  codec: { ...row.codec, print: (value) => `<${value.length} bytes>` },
});

/** An attribute without payload: present or absent. */
export const flag = (type: number): Attr<true> =>
  variable<true>(type, 'flag', 0, { read: () => true, size: () => 0, write: () => {}, random: () => true, print: () => 'true' });

/** A nested table. */
export const nest = <A extends AttrTable>(type: number, table: Attrs<A>): Attr<AttrsOf<A>, AttrsInput<A>> => ({
  type,
  kind: 'nested',
  max: 0,
  table: table as unknown as Attrs<AttrTable>,
  many: false,
  readCode: undefined,
  codec: table,
});

/** The same attribute several times, in order. */
export const many = <T, I>(row: Attr<T, I>): Attr<T[], I[]> => ({ ...row, many: true, codec: row.codec as unknown as Codec<T[], I[]> });

/**
 * Declares a set of netlink attributes: `struct nlattr` headers in the host's byte order, each padded to 4 bytes. The table's order is the order in
 * which they are written.
 */
export function attrs<A extends AttrTable>(name: string, table: A): Attrs<A> {
  const entries = Object.entries(table) as [keyof A & string, Attr<unknown>][];
  const rows = new Map(entries.map(([field, row]) => [row.type, { field, attr: row }]));
  if (rows.size !== entries.length) throw new TypeError(`${name}: an attribute type is declared twice`);

  const walk: Attrs<A>['walk'] = (frame, at, length, visit) => {
    const view = frame.view;
    const end = at + length;
    if (at < 0 || end > frame.bytes.length) frame.slice(at, length, name, 'attributes');
    while (end - at >= NLA_HDRLEN) {
      const size = view.getUint16(at, littleEndianHost);
      if (size < NLA_HDRLEN || size > end - at) break;
      const type = view.getUint16(at + 2, littleEndianHost);
      visit(type & NLA_TYPE_MASK, at + NLA_HDRLEN, size - NLA_HDRLEN, type & ~NLA_TYPE_MASK);
      at += Math.min(pad4(size), end - at);
    }
    return { bytes: end - at };
  };
  const empty = (): Record<string, unknown> => ({
    ...Object.fromEntries(entries.map(([field]) => [field, undefined])),
    unknown: undefined,
  });
  const keep = (value: Record<string, unknown>, type: number, frame: Frame, at: number, length: number): void => {
    const list = (value['unknown'] ??= []) as UnknownAttr[];
    list.push({ type, bytes: frame.bytes.subarray(at, at + length) });
  };

  const readInterpreted = (frame: Frame, at: number, length: number): AttrsOf<A> => {
    const value = empty();
    walk(frame, at, length, (type, from, size) => {
      const row = rows.get(type);
      if (row === undefined) keep(value, type, frame, from, size);
      else if (row.attr.many) ((value[row.field] ??= []) as unknown[]).push(row.attr.codec.read(frame, from, size));
      else value[row.field] = row.attr.codec.read(frame, from, size);
    });
    return value as AttrsOf<A>;
  };

  const cases = entries.map(([field, row], i) => {
    const slot = `x[${key(field)}]`;
    const slow = `c[${i}].read(f, a + 4, n - 4)`;
    if (row.many) return `case ${row.type}: (${slot} ??= []).push(${slow}); break;`;
    if (row.readCode === undefined) return `case ${row.type}: ${slot} = ${slow}; break;`;
    return `case ${row.type}: ${slot} = n >= ${row.max + 4} ? ${row.readCode('a + 4')} : ${slow}; break;`;
  });
  const read = generate<(frame: Frame, at: number, length: number) => AttrsOf<A>>(
    ['c', 'keep', 'name'],
    [entries.map(([, row]) => row.codec), keep, name],
    `return (f, a, l) => {
      const v = f.view, end = a + l;
      if (a < 0 || end > f.bytes.length) f.slice(a, l, name, 'attributes');
      const x = { ${[...entries.map(([field]) => key(field)), 'unknown'].map((field) => `${field}: undefined`).join(', ')} };
      while (end - a >= 4) {
        const n = v.getUint16(a, ${littleEndianHost});
        if (n < 4 || n > end - a) break;
        const t = v.getUint16(a + 2, ${littleEndianHost}) & ${NLA_TYPE_MASK};
        switch (t) {
          ${cases.join('\n          ')}
          default: keep(x, t, f, a + 4, n - 4);
        }
        a += (n + 3) & ~3;
      }
      return x;
    };`,
  );

  const each = (value: Record<string, unknown>, visit: (row: Attr<unknown>, item: unknown) => void): void => {
    for (const [field, row] of entries) {
      const given = value[field];
      if (given === undefined) continue;
      if (row.many) for (const item of given as unknown[]) visit(row, item);
      else visit(row, given);
    }
  };
  const size = (value: AttrsInput<A>): number => {
    let sum = 0;
    each(value as Record<string, unknown>, (row, item) => {
      sum = pad4(sum) + NLA_HDRLEN + row.codec.size(item);
    });
    for (const { bytes } of (value.unknown as UnknownAttr[] | undefined) ?? []) sum = pad4(sum) + NLA_HDRLEN + bytes.length;
    return pad4(sum);
  };
  const write = (frame: Frame, at: number, value: AttrsInput<A>): void => {
    const view = frame.view;
    const head = (type: number, bytes: number): void => {
      if (bytes > 0xffff - NLA_HDRLEN) throw new EncodeError(`${name}: ${bytes} bytes do not fit into attribute ${type}`);
      view.setUint16(at, NLA_HDRLEN + bytes, littleEndianHost);
      view.setUint16(at + 2, type, littleEndianHost);
    };
    each(value as Record<string, unknown>, (row, item) => {
      const bytes = row.codec.size(item);
      head(row.kind === 'nested' ? row.type | NLA_F_NESTED : row.type, bytes);
      row.codec.write(frame, at + NLA_HDRLEN, item);
      at += NLA_HDRLEN + pad4(bytes);
    });
    for (const { type, bytes } of (value.unknown as UnknownAttr[] | undefined) ?? []) {
      head(type, bytes.length);
      frame.bytes.set(bytes, at + NLA_HDRLEN);
      at += NLA_HDRLEN + pad4(bytes.length);
    }
  };

  const random = (draw: Draw): AttrsOf<A> => {
    const value = empty();
    for (const [field, row] of entries) {
      if (draw() % 3 === 0) continue;
      value[field] = row.many ? Array.from({ length: 1 + (draw() % 3) }, () => row.codec.random(draw)) : row.codec.random(draw);
    }
    if (draw() % 4 === 0) {
      let type = 0x3f00 + (draw() % 0xff);
      while (rows.has(type)) type--;
      value['unknown'] = [{ type, bytes: Uint8Array.from({ length: draw() % 9 }, () => draw()) }];
    }
    return value as AttrsOf<A>;
  };
  const print = (value: AttrsOf<A>): string => {
    const shown: string[] = [];
    for (const [field, row] of entries) {
      const given = (value as Record<string, unknown>)[field];
      if (given === undefined) continue;
      shown.push(
        `${field}: ${row.many ? `[${(given as unknown[]).map((item) => row.codec.print(item)).join(', ')}]` : row.codec.print(given)}`,
      );
    }
    for (const { type, bytes } of (value.unknown as UnknownAttr[] | undefined) ?? [])
      shown.push(`#${type}: ${Buffer.from(bytes).toString('hex')}`);
    return `{ ${shown.join(', ')} }`;
  };

  return { kind: 'attrs', name, table, rows, read: read ?? readInterpreted, readInterpreted, walk, size, write, random, print };
}
