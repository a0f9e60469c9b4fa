/** The command line is invalid. The message is one line; the exit status is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A TCP port as a commander option. @throws UsageError */
export function port(text: string): number {
  const value = Number(text);
  if (!/^\d{1,5}$/.test(text) || value > 65535) throw new UsageError(`a port is a number from 0 to 65535, not "${text}"`);
  return value;
}

/** A speed as a commander option. @throws UsageError */
export function speed(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0) throw new UsageError(`a speed is a number above 0, not "${text}"`);
  return value;
}

/** One of a few values, as a commander option. */
export const oneOf =
  <const T extends string>(what: string, values: readonly T[]) =>
  (text: string): T => {
    if (!values.includes(text as T)) throw new UsageError(`${what} is one of ${values.join(', ')}, not "${text}"`);
    return text as T;
  };

/** A text that may be given once, as a commander option. @throws UsageError */
export const once =
  (what: string) =>
  (text: string, before?: string): string => {
    if (before !== undefined) throw new UsageError(`${what} is given twice, "${before}" and "${text}": one is accepted`);
    return text;
  };

/** Collects a repeatable option. */
export const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];
