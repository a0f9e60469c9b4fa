import type { Frame } from './frame.ts';
import { flagNames, nameOf } from './names.ts';

/** Returns 32 random bits. The generators of test values use this source. */
export type Draw = () => number;

/**
 * A value of fixed size. `Given` states whether a writer requires a value: constants and reserved fields do not.
 * `readCode` and `writeCode` are the same operations as source text, over `v` (the DataView) and `f` (the Frame); for a field without them, its functions are called.
 */
export interface Field<T, Given extends boolean = true> {
  readonly size: number;
  readonly given: Given;
  /** The field's value if the caller of the writer gives none. */
  readonly missing: T | undefined;
  read(frame: Frame, at: number): T;
  write(frame: Frame, at: number, value: T): void;
  readonly readCode?: (at: string) => string;
  readonly writeCode?: (at: string, value: string) => string;
  /** Returns the reason why a value that was read is invalid, or undefined. Only constants have this function. */
  readonly check?: (value: T) => string | undefined;
  random(draw: Draw): T;
  print(value: T): string;
}

/** True on a little-endian machine. Netlink headers use the byte order of the machine. */
export const littleEndianHost: boolean = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

const printNumber = (value: number): string => String(value);

function integer(bits: 8 | 16 | 32, little: boolean): Field<number> {
  const order = bits === 8 ? '' : `, ${little}`;
  const get = `getUint${bits}` as const;
  const set = `setUint${bits}` as const;
  const mask = bits === 32 ? 0xffffffff : (1 << bits) - 1;
  return {
    size: bits / 8,
    given: true,
    missing: undefined,
    read: (frame, at) => frame.view[get](at, little),
    write: (frame, at, value) => frame.view[set](at, value, little),
    readCode: (at) => `v.${get}(${at}${order})`,
    writeCode: (at, value) => `v.${set}(${at}, ${value}${order})`,
    random: (draw) => (draw() & mask) >>> 0,
    print: printNumber,
  };
}

function integer64(little: boolean): Field<bigint> {
  return {
    size: 8,
    given: true,
    missing: undefined,
    read: (frame, at) => frame.view.getBigUint64(at, little),
    write: (frame, at, value) => frame.view.setBigUint64(at, value, little),
    readCode: (at) => `v.getBigUint64(${at}, ${little})`,
    writeCode: (at, value) => `v.setBigUint64(${at}, ${value}, ${little})`,
    random: (draw) => (BigInt(draw()) << 32n) | BigInt(draw()),
    print: String,
  };
}

/** One byte. */
export const u8: Field<number> = integer(8, true);
/** Unsigned little-endian integers. */
export const u16: Field<number> = integer(16, true);
export const u32: Field<number> = integer(32, true);
/** A 64-bit counter or FILETIME, little-endian, as a bigint. */
export const u64: Field<bigint> = integer64(true);
/** Unsigned big-endian (network order) integers. */
export const be16: Field<number> = integer(16, false);
export const be32: Field<number> = integer(32, false);
export const be64: Field<bigint> = integer64(false);
/** Unsigned integers in the byte order of this machine (netlink's own headers). */
export const ne16: Field<number> = integer(16, littleEndianHost);
export const ne32: Field<number> = integer(32, littleEndianHost);

/**
 * An unsigned little-endian 64-bit id that this side allocates, always below 2^53, as a number. All ones reads as -1, and -1 writes all ones. A peer may send
 * a larger value: it is rounded, stays at or above 2^53, and so never equals an allocated id.
 */
export const id53: Field<number> = {
  size: 8,
  given: true,
  missing: undefined,
  read: (frame, at) => {
    const low = frame.view.getUint32(at, true);
    const high = frame.view.getUint32(at + 4, true);
    return low === 0xffffffff && high === 0xffffffff ? -1 : high * 4294967296 + low;
  },
  write: (frame, at, value) => {
    frame.view.setUint32(at, value >>> 0, true);
    frame.view.setUint32(at + 4, value < 0 ? 0xffffffff : Math.floor(value / 4294967296), true);
  },
  random: (draw) => (draw() % 16 === 0 ? -1 : (draw() & 0x1fffff) * 4294967296 + (draw() >>> 0)),
  print: printNumber,
};

/** `size` raw bytes, as a view of the frame. */
export const bytes = (size: number): Field<Uint8Array> => ({
  size,
  given: true,
  missing: undefined,
  read: (frame, at) => frame.bytes.subarray(at, at + size),
  write: (frame, at, value) => {
    if (value.length !== size) throw new RangeError(`${size} bytes wanted, ${value.length} given`);
    frame.bytes.set(value, at);
  },
  random: (draw) => Uint8Array.from({ length: size }, () => draw()),
  print: (value) => Buffer.from(value).toString('hex'),
});

/** A GUID or other 16-byte id, as raw bytes. */
export const guid: Field<Uint8Array> = bytes(16);

/** A number with named values. The values remain numbers; the table is used for printing. */
export const named = <T extends number = number>(field: Field<number>, table: Readonly<Record<string, number>>): Field<T> =>
  ({ ...field, print: (value: number) => nameOf(table, value) }) as unknown as Field<T>;

/** A number made of named bits. */
export const flags = (field: Field<number>, table: Readonly<Record<string, number>>): Field<number> => ({
  ...field,
  print: (value) => flagNames(table, value),
});

/** The same bytes under a narrower type. */
export const as = <T>(field: Field<number>): Field<T> => field as unknown as Field<T>;

/** A constant of the format, such as StructureSize. It is always written; a reader rejects any other value. */
export const constant = <T>(field: Field<T>, value: T): Field<T, false> => ({
  ...field,
  given: false,
  missing: value,
  check: (found) => (found === value ? undefined : `${field.print(value)} wanted, ${field.print(found)} found`),
  random: () => value,
});

/** A field that writers may omit: then zero (or `value`). A reader returns the received value. */
export const optional = <T>(field: Field<T>, value: T): Field<T, false> => ({ ...field, given: false, missing: value });

/** A reserved number: zero when written; a reader returns the received value. */
export const reserved = (field: Field<number>): Field<number, false> => optional(field, 0);

/** The u32 at the start of an element of `linked()`: the list reads and writes the distance; the element's value does not contain it. */
export const nextOffset: Field<0, false> = {
  size: 4,
  given: false,
  missing: 0,
  read: () => 0,
  write: () => {},
  readCode: () => '0',
  random: () => 0,
  print: () => '',
};
