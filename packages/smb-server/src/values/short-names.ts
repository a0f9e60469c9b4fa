import { foldName, toWireName } from '@ring3/vfs';

/** Characters of an 8.3 name in addition to letters and digits, MS-FSCC 2.1.5.2.1. */
const legal = /^[A-Z0-9!#$%&'()@^_`{}~-]{1,8}(\.[A-Z0-9!#$%&'()@^_`{}~-]{1,3})?$/i;
const illegalCharacters = /[^A-Z0-9!#$%&'()@^_`{}~-]/g;

/** Whether a name is an 8.3 name itself, in any case. It has no other short name. MS-FSCC 2.1.5.2.1 */
export const isShortName = (name: string): boolean => legal.test(name);

/** The form of generated names: up to two characters of the name, four of its hash, a tilde, and the fifth of its hash. */
const generated = /^[A-Z0-9!#$%&'()@^_`{}~-]{0,2}[A-Z0-9]{4}~[A-Z0-9](\.[A-Z0-9!#$%&'()@^_`{}~-]{1,3})?$/i;

/** Whether a name has the form of a generated short name. */
export const mayBeGenerated = (name: string): boolean => name.length <= 12 && generated.test(name);

/** FNV-1a, 32 bits, of the UTF-16 units of a name and a number. */
function hash(name: string, salt: number): number {
  let value = 0x811c9dc5 ^ salt;
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    value = Math.imul(value ^ (unit & 0xff), 0x01000193);
    value = Math.imul(value ^ (unit >>> 8), 0x01000193);
  }
  return value >>> 0;
}

/**
 * A generated short name. It depends on the long name only, so that it stays the same while other entries come and go.
 * @param attempt 0, or more if the name of the former attempt is in use in the directory
 */
export function shortNameOf(name: string, attempt: number): string {
  const folded = foldName(name);
  const trimmed = folded.replace(/^[. ]+/, '');
  const dot = trimmed.lastIndexOf('.');
  const [first, last] = dot < 0 ? [trimmed, ''] : [trimmed.slice(0, dot), trimmed.slice(dot + 1)];
  const base = first.replace(illegalCharacters, '').slice(0, 2);
  const extension = last.replace(illegalCharacters, '').slice(0, 3);
  const identity = (hash(folded, attempt) % 36 ** 5).toString(36).toUpperCase().padStart(5, '0');
  return `${base}${identity.slice(0, 4)}~${identity.slice(4)}${extension === '' ? '' : `.${extension}`}`;
}

/** The short names of the entries of a directory: each has one, and no two have the same. */
export interface ShortNames {
  /** The short name of an entry by its stored name; undefined if it has no other name than its own. */
  of(name: string): string | undefined;
  /** The stored name of an entry by its generated short name, in any case. */
  find(shortName: string): string | undefined;
}

/** Generates the short names of a directory. @param names the stored names of all its entries */
export function shortNamesOf(names: readonly string[]): ShortNames {
  const byShort = new Map<string, string | undefined>();
  const byName = new Map<string, string>();
  const long: string[] = [];
  for (const name of names) {
    if (isShortName(toWireName(name))) byShort.set(name.toUpperCase(), undefined);
    else long.push(name);
  }
  // in an order of its own, so that the result is the same for every listing
  for (const name of long.sort()) {
    for (let attempt = 0; ; attempt++) {
      const shortName = shortNameOf(name, attempt);
      if (byShort.has(shortName)) continue;
      byShort.set(shortName, name);
      byName.set(name, shortName);
      break;
    }
  }
  return { of: (name) => byName.get(name), find: (shortName) => byShort.get(shortName.toUpperCase()) };
}
