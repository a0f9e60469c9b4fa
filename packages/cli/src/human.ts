const units = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
] as const;

/** A duration as text, in whole seconds below two minutes: `12s`, `5m`, `3h`, `2d`. */
export function duration(seconds: number): string {
  for (const [unit, length] of units) if (seconds >= 2 * length) return `${Math.floor(seconds / length)}${unit}`;
  return `${Math.max(0, Math.floor(seconds))}s`;
}

/** The time since a moment as text. @param since milliseconds since 1970 */
export const age = (since: number): string => duration((Date.now() - since) / 1000);

const prefixes = ['', 'K', 'M', 'G', 'T', 'P'] as const;

/** A number of bytes as text, in units of 1000: `512B`, `3.1KB`, `12.0MB`. */
export function size(bytes: number | bigint): string {
  let value = Number(bytes);
  let unit = 0;
  for (; value >= 1000 && unit < prefixes.length - 1; unit++) value /= 1000;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)}${prefixes[unit]}B`;
}
