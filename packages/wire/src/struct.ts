import type { Codec } from './codec.ts';
import { DecodeError } from './errors.ts';
import type { Draw, Field } from './field.ts';
import type { Frame } from './frame.ts';
import { generate, key } from './generate.ts';

// biome-ignore lint/suspicious/noExplicitAny: a table of fields of any value types
type AnyField = Field<any, boolean>;
export type Fields = Readonly<Record<string, AnyField>>;
type Flat<T> = { [K in keyof T]: T[K] };
type ValueOf<F> = F extends Field<infer T, boolean> ? T : never;
type GivenKeys<F extends Fields> = { [K in keyof F]: F[K]['given'] extends true ? K : never }[keyof F];
/** The value that `read` returns. */
export type ReadOf<F extends Fields> = Flat<{ -readonly [K in keyof F]: ValueOf<F[K]> }>;
/** The value that `write` requires: constants and reserved fields may be omitted. */
export type WriteOf<F extends Fields> = Flat<
  { -readonly [K in GivenKeys<F>]: ValueOf<F[K]> } & { -readonly [K in Exclude<keyof F, GivenKeys<F>>]?: ValueOf<F[K]> | undefined }
>;
/** The type of the values that a declaration reads. */
export type TypeOf<D> = D extends { read(frame: Frame, at: number, ...more: never[]): infer T } ? T : never;
/** The type of the values that a declaration writes. */
export type InputOf<D> = D extends { write(frame: Frame, at: number, value: infer T): unknown } ? T : never;

/** A declared structure of fixed size. */
export interface Struct<F extends Fields> extends Codec<ReadOf<F>, WriteOf<F>> {
  readonly kind: 'struct';
  readonly name: string;
  readonly fields: F;
  /** Bytes. */
  readonly byteLength: number;
  /** Bytes from the start of the structure, by field. */
  readonly offset: { readonly [K in keyof F]: number };
  /** @throws DecodeError if the head of the frame ends before the structure does, or a constant has another value. */
  read(frame: Frame, at: number): ReadOf<F>;
  /** The same as `read`, interpreted field by field: the reference for tests, and the fallback. */
  readInterpreted(frame: Frame, at: number): ReadOf<F>;
  write(frame: Frame, at: number, value: WriteOf<F>): void;
  writeInterpreted(frame: Frame, at: number, value: WriteOf<F>): void;
}

/** Declares a structure of fixed size: fields in wire order, without padding. */
export function struct<F extends Fields>(name: string, fields: F): Struct<F> {
  const entries = Object.entries(fields) as [keyof F & string, AnyField][];
  const offset = {} as Record<keyof F, number>;
  let byteLength = 0;
  for (const [field, { size }] of entries) {
    offset[field] = byteLength;
    byteLength += size;
  }

  const short = (frame: Frame, at: number): never => {
    const missing = entries.find(([field, { size }]) => at + offset[field] + size > frame.bytes.length);
    throw new DecodeError(name, missing?.[0] ?? '', at, `${byteLength} bytes wanted, ${Math.max(0, frame.bytes.length - at)} there`);
  };
  const checked = entries.filter(([, field]) => field.check !== undefined);
  const impossible = (value: Record<string, unknown>, at: number): void => {
    for (const [field, { check }] of checked) {
      const why = check?.(value[field]);
      if (why !== undefined) throw new DecodeError(name, field, at + offset[field], why);
    }
  };

  const readInterpreted = (frame: Frame, at: number): ReadOf<F> => {
    if (at < 0 || at + byteLength > frame.bytes.length) short(frame, at);
    const value: Record<string, unknown> = {};
    for (const [field, codec] of entries) value[field] = codec.read(frame, at + offset[field]);
    if (checked.length > 0) impossible(value, at);
    return value as ReadOf<F>;
  };
  const writeInterpreted = (frame: Frame, at: number, value: WriteOf<F>): void => {
    for (const [field, codec] of entries) {
      const given = (value as Record<string, unknown>)[field];
      codec.write(frame, at + offset[field], given === undefined ? codec.missing : given);
    }
  };

  const place = (field: keyof F): string => (offset[field] === 0 ? 'a' : `a + ${offset[field]}`);
  const readCode = entries.map(
    ([field, codec], i) => `${key(field)}: ${codec.readCode?.(place(field)) ?? `c[${i}].read(f, ${place(field)})`}`,
  );
  const checkCode = checked.map(([field]) => `x[${key(field)}] !== m[${key(field)}]`).join(' || ');
  const writeCode = entries.map(([field, codec], i) => {
    const value = codec.given ? `x[${key(field)}]` : `x[${key(field)}] === undefined ? m[${key(field)}] : x[${key(field)}]`;
    return codec.writeCode?.(place(field), `(${value})`) ?? `c[${i}].write(f, ${place(field)}, ${value})`;
  });
  const codecs = entries.map(([, codec]) => codec);
  const missing = Object.fromEntries(entries.map(([field, codec]) => [field, codec.missing]));
  const names = ['c', 'm', 'short', 'impossible'];
  const values = [codecs, missing, short, impossible];
  const read = generate<(frame: Frame, at: number) => ReadOf<F>>(
    names,
    values,
    `return (f, a) => {
      if (a < 0 || a + ${byteLength} > f.bytes.length) short(f, a);
      const v = f.view;
      const x = { ${readCode.join(', ')} };
      ${checkCode === '' ? '' : `if (${checkCode}) impossible(x, a);`}
      return x;
    };`,
  );
  const write = generate<(frame: Frame, at: number, value: WriteOf<F>) => void>(
    names,
    values,
    `return (f, a, x) => { const v = f.view; ${writeCode.join('; ')}; };`,
  );

  return {
    kind: 'struct',
    name,
    fields,
    byteLength,
    offset,
    read: read ?? readInterpreted,
    readInterpreted,
    write: write ?? writeInterpreted,
    writeInterpreted,
    size: () => byteLength,
    random: (draw: Draw) => Object.fromEntries(entries.map(([field, codec]) => [field, codec.random(draw)])) as ReadOf<F>,
    print: (value) =>
      `{ ${entries.map(([field, codec]) => `${field}: ${codec.print((value as Record<string, unknown>)[field])}`).join(', ')} }`,
  };
}

/** A structure as a field of another one. */
export const inline = <F extends Fields>(inner: Struct<F>): Field<ReadOf<F>> => ({
  size: inner.byteLength,
  given: true,
  missing: undefined,
  read: inner.read,
  write: (frame, at, value) => inner.write(frame, at, value as unknown as WriteOf<F>),
  random: inner.random,
  print: inner.print,
});
