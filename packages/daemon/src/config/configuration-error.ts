import { printable } from '@ring3/kit';

/** A configuration is wrong: one line with file, line, key and what is allowed. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  constructor(file: string, line: number, what: string, options?: ErrorOptions) {
    super(`${file}:${line}: ${printable(what)}`, options);
  }
}

/** A value as a message shows it, cut where it is long. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
