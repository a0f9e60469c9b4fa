import { inspect } from 'node:util';
import { Dialect, dialects } from '@ring3/smb-proto';
import type { ResolvedOptions } from '../objects/resolved-options.ts';
import { changeLimits, defaultLimits } from '../values/limits.ts';
import type { SmbServerOptions } from './smb-server-options.ts';

/** The options that may change while the server runs. Omitted ones do not change. */
export type RunTimeOptions = Partial<
  Pick<
    SmbServerOptions,
    | 'name'
    | 'workgroup'
    | 'comment'
    | 'signing'
    | 'encryption'
    | 'compression'
    | 'guest'
    | 'anonymous'
    | 'directoryLeases'
    | 'multichannel'
    | 'dialects'
    | 'limits'
  >
>;
/** The same, with all defaults. */
export type RunTimeValues = Pick<ResolvedOptions, keyof RunTimeOptions>;

/** The defaults. */
export const runTimeDefaults: RunTimeValues = Object.freeze({
  name: 'RING3',
  workgroup: 'WORKGROUP',
  comment: 'ring3 file server',
  signing: 'required',
  encryption: 'off',
  compression: false,
  guest: false,
  anonymous: false,
  directoryLeases: true,
  multichannel: true,
  dialects: Object.freeze({ min: Dialect.Smb202, max: Dialect.Smb311 }),
  limits: defaultLimits,
});

/** Allowed texts: 1 to 15 characters, or up to 256. */
export const runTimeTexts = {
  name: /^[A-Za-z0-9!@#$%^&()_'{}~-]{1,15}$/,
  workgroup: /^(?! )[^"/\\[\]:;|=,+*?<>\p{C}]{1,15}(?<! )$/u,
  comment: /^\P{C}{1,256}$/u,
} as const;

const text =
  (what: string, allowed: RegExp, spell = (value: string): string => value) =>
  (value: string): string => {
    if (typeof value === 'string' && allowed.test(value)) return spell(value);
    throw new RangeError(`${what}: ${inspect(value)}`);
  };

const oneOf =
  <T>(name: string, ...words: readonly T[]) =>
  (value: T): T => {
    if (words.includes(value)) return value;
    throw new RangeError(`${name}: ${words.join(' or ')}, not ${inspect(value)}`);
  };

const known: ReadonlySet<unknown> = new Set(Object.values(dialects));

function dialectRange({ min, max }: NonNullable<RunTimeOptions['dialects']>, now: RunTimeValues): RunTimeValues['dialects'] {
  const range = { min: min ?? now.dialects.min, max: max ?? now.dialects.max };
  for (const dialect of [range.min, range.max]) if (!known.has(dialect)) throw new RangeError(`not a dialect: ${inspect(dialect)}`);
  if (range.min > range.max) throw new RangeError('the lowest dialect is above the highest');
  return Object.freeze(range);
}

type Take<K extends keyof RunTimeOptions> = (value: NonNullable<RunTimeOptions[K]>, now: RunTimeValues) => RunTimeValues[K];

/** How each is checked, and spelled. */
const take: { readonly [K in keyof RunTimeValues]: Take<K> } = {
  name: text('not a NetBIOS name', runTimeTexts.name, (value) => value.toUpperCase()),
  workgroup: text('not the name of a work group', runTimeTexts.workgroup),
  comment: text('not a comment of 1 to 256 characters', runTimeTexts.comment),
  signing: oneOf('signing', 'required', 'enabled'),
  encryption: oneOf('encryption', 'off', 'desired', 'required'),
  compression: oneOf('compression', true, false),
  guest: oneOf('guest', true, false),
  anonymous: oneOf('anonymous', true, false),
  directoryLeases: oneOf('directoryLeases', true, false),
  multichannel: oneOf('multichannel', true, false),
  dialects: dialectRange,
  limits: (changes, { limits }) => changeLimits(limits, changes),
};

type Check = (value: unknown, now: RunTimeValues) => unknown;

/**
 * These options with some of them changed, as another frozen object, so a reader of either sees consistent values.
 * @throws RangeError for an empty or bad value, and an unknown name
 */
export function changeOptions<T extends RunTimeValues>(now: T, changes: RunTimeOptions): Readonly<T> {
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(changes)) {
    if (!Object.hasOwn(take, name)) throw new RangeError(`option ${name} is unknown or cannot change at run time`);
    if (value === undefined) continue;
    if (value === null || typeof value !== typeof now[name as keyof RunTimeValues]) throw new RangeError(`${name}: ${inspect(value)}`);
    values[name] = (take[name as keyof RunTimeValues] as Check)(value, now);
  }
  const next = Object.freeze({ ...now, ...values });
  if (next.encryption === 'required' && next.dialects.max < Dialect.Smb30) throw new RangeError('encryption needs dialect 3.0 or above');
  return next;
}
