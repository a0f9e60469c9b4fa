import { homedir } from 'node:os';
import { resolve } from 'node:path';

/** One key of a configuration table: its description, the accepted values, and its JSON Schema. */
export interface Key<T> {
  readonly about: string;
  /** What is allowed, for people. */
  readonly allowed: string;
  readonly schema: object;
  /** Whether it is a path, relative to the directory of the configuration, or a path that may be `off`. */
  readonly isPath?: 'path' | 'path or off';
  /** @returns the value, or undefined if it is not allowed */
  read(value: unknown): T | undefined;
}

/** A string that matches the pattern, if there is one. */
export const text = (about: string, pattern?: RegExp, allowed = 'a string'): Key<string> => ({
  about,
  allowed,
  schema: pattern === undefined ? { type: 'string' } : { type: 'string', pattern: pattern.source },
  read: (value) => (typeof value === 'string' && (pattern === undefined || pattern.test(value)) ? value : undefined),
});

/** The same key with a default. */
export const unless = <T>(otherwise: T, key: Key<T>): Key<T> => ({ ...key, schema: { ...key.schema, default: otherwise } });

/** A path, relative to the directory of the configuration. */
export const path = (about: string): Key<string> => ({ ...text(about, /^[^\0]+$/, 'a path'), isPath: 'path' });

/** A path, or the word `off`. */
export const pathOrOff = (about: string): Key<string> => ({ ...path(about), isPath: 'path or off' });

/** `~` and `~/…` are the home directory, as in a shell. */
const expanded = (path: string): string => (/^~(\/|$)/.test(path) ? `${homedir()}${path.slice(1)}` : path);

/** The same values with absolute paths. @param from the directory that paths are relative to */
export const withPaths = <T extends object>(values: T, keys: Keys, from: string): T =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const isPath = keys[name]?.isPath;
      return [name, isPath === undefined || (isPath === 'path or off' && value === 'off') ? value : resolve(from, expanded(value))];
    }),
  ) as T;

/** true or false. @param otherwise the default */
export const flag = (about: string, otherwise = false): Key<boolean> => ({
  about,
  allowed: 'true or false',
  schema: { type: 'boolean', default: otherwise },
  read: (value) => (typeof value === 'boolean' ? value : undefined),
});

/** A whole number within bounds. */
export const integer = (about: string, minimum: number, maximum: number): Key<number> => ({
  about,
  allowed: `a whole number from ${minimum} to ${maximum}`,
  schema: { type: 'integer', minimum, maximum },
  read: (value) => (typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum ? value : undefined),
});

/** One of a few words. */
export const choice = <const T extends string>(about: string, words: readonly T[]): Key<T> => ({
  about,
  allowed: `one of ${words.join(', ')}`,
  schema: { enum: words },
  read: (value) => (words.includes(value as T) ? (value as T) : undefined),
});

/** A list of non-empty strings. @param pattern each string matches it */
export const list = (about: string, pattern = /./, allowed = 'a list of strings'): Key<readonly string[]> => ({
  about,
  allowed,
  schema: { type: 'array', items: { type: 'string', pattern: pattern.source } },
  read: (value) => (Array.isArray(value) && value.every((item) => typeof item === 'string' && pattern.test(item)) ? value : undefined),
});

/** A list of some of a few words. */
export const words = <const T extends string>(about: string, known: readonly T[]): Key<readonly T[]> => ({
  about,
  allowed: `a list of some of ${known.join(', ')}`,
  schema: { type: 'array', items: { enum: known } },
  read: (value) => (Array.isArray(value) && value.every((item) => known.includes(item)) ? value : undefined),
});

/** Permission bits as a string of octal digits, so that they are not read as a decimal number. */
export const permissions = (about: string): Key<number> => ({
  about,
  allowed: 'three octal digits in quotes, such as "640"',
  schema: { type: 'string', pattern: '^0?[0-7]{3}$' },
  read: (value) => (typeof value === 'string' && /^0?[0-7]{3}$/.test(value) ? Number.parseInt(value, 8) : undefined),
});

// biome-ignore lint/suspicious/noExplicitAny: a table of keys of any value types
export type Keys = Readonly<Record<string, Key<any>>>;
/** The values that a table of keys reads. Every key may be missing. */
export type ValuesOf<K extends Keys> = { readonly [N in keyof K]?: K[N] extends Key<infer T> ? T : never };
