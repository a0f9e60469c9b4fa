/** The part of a JSON Schema (2020-12) that the configuration uses. */
export interface Schema {
  readonly description?: string;
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | false;
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
}

/** How a page writes accepted values. */
export interface ValueStyle {
  /** A value out of an enumeration. */
  word(word: string): string;
  /** Both values of a boolean. */
  readonly boolean: string;
  /** Before the name of a type. */
  readonly article: '' | 'a ';
}

/** The accepted values of a key, in words. */
export function accepted({ type = '', enum: words, minimum, maximum, items, oneOf }: Schema, style: ValueStyle): string {
  if (words !== undefined) return words.map(style.word).join(', ');
  if (oneOf !== undefined) return oneOf.map((one) => accepted(one, style)).join(', or ');
  if (type === 'integer') return `${minimum} to ${maximum}`;
  if (type === 'boolean') return style.boolean;
  if (type !== 'array') return `${style.article}${type}`;
  return `${style.article}list of ${items?.enum === undefined ? `${items?.type ?? ''}s` : `some of ${accepted(items, style)}`}`;
}

/** The default of a key; undefined if it has none, or is off. */
export const defaultOf = ({ default: value }: Schema): string | undefined =>
  value === undefined || value === false ? undefined : String(value);
