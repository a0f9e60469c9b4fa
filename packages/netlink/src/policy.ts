import { Errno } from '@ring3/linux';
import { type Attr, type Attrs, type AttrTable, encode, Frame } from '@ring3/wire';
import { PolicyDescription, PolicyType } from './message.ts';

// biome-ignore lint/suspicious/noExplicitAny: rows of any value type
type AnyAttr = Attr<any, any>;

/** The reason why an attribute was rejected. */
export interface Refusal {
  /** Positive: ERANGE or EINVAL. */
  readonly errno: number;
  /** The position of the attribute's header in the frame. */
  readonly at: number;
  /** The required policy; undefined if the attribute is not allowed. */
  readonly attr: AnyAttr | undefined;
}

/** The messages of validation in extended acknowledgements. */
export const ExtackText = {
  Policy: 'Attribute failed policy validation',
  Leftover: 'bytes leftover after parsing attributes',
} as const;

const integerSizes: Partial<Record<AnyAttr['kind'], number>> = { u8: 1, u16: 2, u32: 4, u64: 8 };

/**
 * The liberal ("deprecated") validation of one payload against its row.
 * @returns 0, or a positive errno: ERANGE: too short for its type or too long for a name, EINVAL: a name without its NUL
 */
export function validatePayload(row: AnyAttr, frame: Frame, at: number, length: number): number {
  switch (row.kind) {
    case 'string':
      return validateName(frame, at, length, row.max);
    case 'nested':
      return length > 0 && length < 4 ? Errno.ERANGE : 0;
    case 'flag':
      return length > 0 ? Errno.ERANGE : 0;
    case 'binary':
      return length > row.max ? Errno.ERANGE : 0;
    default:
      return length < row.max ? Errno.ERANGE : 0;
  }
}

/** A NUL-terminated name: the NUL must be among the first `max` + 1 bytes, and the length without one trailing NUL must not exceed `max`. */
function validateName(frame: Frame, at: number, length: number, max: number): number {
  const bytes = frame.bytes;
  const window = at + Math.min(length, max + 1);
  let nul = at;
  while (nul < window && bytes[nul] !== 0) nul++;
  if (nul === window) return Errno.EINVAL;
  const text = bytes[at + length - 1] === 0 ? length - 1 : length;
  return text > max ? Errno.ERANGE : 0;
}

const number64 = (value: bigint): Uint8Array => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, new Uint8Array(new Uint16Array([1]).buffer)[0] === 1);
  return bytes;
};

/** A name of this length has no policy. */
const unlimited = 0xffff;

/** The row as the nested attributes of NLMSGERR_ATTR_POLICY; undefined for structures of fixed size, which have no type there. */
export function describePolicy(row: AnyAttr): Uint8Array | undefined {
  const size = integerSizes[row.kind];
  const write = (value: Parameters<typeof PolicyDescription.write>[2]): Uint8Array =>
    encode(PolicyDescription, value, (length) => Frame.alloc(length));
  if (size !== undefined) {
    const type = { 1: PolicyType.U8, 2: PolicyType.U16, 4: PolicyType.U32, 8: PolicyType.U64 }[size] as number;
    return write({ minimum: number64(0n), maximum: number64((1n << BigInt(size * 8)) - 1n), type });
  }
  if (row.kind === 'string') return write({ maximumLength: row.max < unlimited ? row.max : undefined, type: PolicyType.NulString });
  if (row.kind === 'fixed') return undefined;
  if (row.kind === 'binary') return write({ maximumLength: row.max, type: PolicyType.Binary });
  return write({ type: row.kind === 'flag' ? PolicyType.Flag : PolicyType.Nested });
}

/** A rejected attribute, or the content of the stream. */
export type Validated<A extends AttrTable> = AttributeSet<A> | Refusal;
/** Whether validation failed. */
export const isRefusal = (found: object): found is Refusal => 'errno' in found;

/**
 * The attributes of a message after validation, by name: their positions; each is decoded on access. Of several of one type the last is used;
 * unknown types are not kept.
 */
export class AttributeSet<A extends AttrTable> {
  readonly frame: Frame;
  readonly declaration: Attrs<A>;
  /** Bytes after the last attribute. */
  leftover = 0;
  readonly #at: Record<string, number> = {};
  readonly #length: Record<string, number> = {};

  constructor(declaration: Attrs<A>, frame: Frame) {
    this.declaration = declaration;
    this.frame = frame;
  }

  /** @internal */
  place(field: string, at: number, length: number): void {
    this.#at[field] = at;
    this.#length[field] = length;
  }

  /** Returns whether the attribute is present. */
  has(field: keyof A & string): boolean {
    return this.#at[field] !== undefined;
  }

  /** The attribute's value, or undefined if it is absent. Use `within` for nested attributes. */
  get<K extends keyof A & string>(field: K): (A[K] extends Attr<infer T, infer _I> ? T : never) | undefined {
    const at = this.#at[field];
    if (at === undefined) return undefined;
    return (this.declaration.table[field] as AnyAttr).codec.read(this.frame, at, this.#length[field] as number);
  }

  /** The attribute's payload as received, or undefined. */
  bytes(field: keyof A & string): Uint8Array | undefined {
    const at = this.#at[field];
    return at === undefined ? undefined : this.frame.bytes.subarray(at, at + (this.#length[field] as number));
  }

  /**
   * Validates the content of a nested attribute; an absent one is empty.
   * @param declaration the table of the nested attributes
   */
  within<B extends AttrTable>(field: keyof A & string, declaration: Attrs<B>): Validated<B> {
    return validate(declaration, this.frame, this.#at[field] ?? 0, this.#length[field] ?? 0);
  }
}

/** Exceptions to the rows of a table. */
export interface PolicyExceptions {
  /** Fields whose payload is not validated. */
  readonly unchecked?: readonly string[];
  /** Fields that requests must not have. */
  readonly rejected?: readonly string[];
}

/**
 * Reads a stream of attributes by the liberal rules: unknown types are skipped, the last of several is used, the stream ends at the first
 * invalid header. Stops at the first attribute that violates its row.
 */
export function validate<A extends AttrTable>(
  declaration: Attrs<A>,
  frame: Frame,
  at: number,
  length: number,
  { unchecked = [], rejected = [] }: PolicyExceptions = {},
): Validated<A> {
  const found = new AttributeSet(declaration, frame);
  let refusal: Refusal | undefined;
  const { bytes } = declaration.walk(frame, at, length, (type, from, size) => {
    if (refusal !== undefined) return;
    const row = declaration.rows.get(type);
    if (row === undefined) return;
    if (rejected.includes(row.field)) {
      refusal = { errno: Errno.EINVAL, at: from - 4, attr: undefined };
      return;
    }
    const errno = unchecked.includes(row.field) ? 0 : validatePayload(row.attr, frame, from, size);
    if (errno !== 0) refusal = { errno, at: from - 4, attr: row.attr };
    else found.place(row.field, from, size);
  });
  found.leftover = bytes;
  return refusal ?? found;
}
