/** Eight hexadecimal digits, prefixed with 0x. */
export const hex32 = (value: number): string => `0x${(value >>> 0).toString(16).padStart(8, '0')}`;

const inverses = new WeakMap<object, Map<number, string>>();

/** The name of a number in a const table, or its hexadecimal form, so that unknown values can be printed. */
export function nameOf(table: Readonly<Record<string, number>>, value: number): string {
  let inverse = inverses.get(table);
  if (inverse === undefined) {
    inverse = new Map();
    for (const [name, number] of Object.entries(table)) if (!inverse.has(number)) inverse.set(number, name);
    inverses.set(table, inverse);
  }
  return inverse.get(value) ?? hex32(value);
}

/** The names of the bits that are set, joined by `|`; bits without a name in hexadecimal; `0` when none is set. */
export function flagNames(table: Readonly<Record<string, number>>, value: number): string {
  let left = value >>> 0;
  const names: string[] = [];
  for (const [name, bit] of Object.entries(table)) {
    if (bit !== 0 && (left & bit) >>> 0 === bit >>> 0) {
      names.push(name);
      left = (left & ~bit) >>> 0;
    }
  }
  if (left !== 0) names.push(hex32(left));
  return names.length === 0 ? '0' : names.join('|');
}
