import { printable } from '@ring3/kit';

/** Options of `ConfigurationError`. */
export interface FaultOptions extends ErrorOptions {
  /** Column, from 1. */
  readonly column?: number | undefined;
}

/** A configuration is invalid. Each fault is one line with file, line, column and what is allowed. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  /** Every fault, in the order of the lines. The message is the first one. */
  readonly faults: readonly string[];

  constructor(file: string, line: number, what: string, { column, ...options }: FaultOptions = {}, more: readonly string[] = []) {
    const first = faultLine(file, line, what, column);
    super(more.length === 0 ? first : `${first} (and ${more.length} more)`, options);
    this.faults = [first, ...more];
  }
}

/** A fault in one line: `FILE:LINE:COLUMN: what`. */
export const faultLine = (file: string, line: number, what: string, column?: number): string =>
  `${file}:${line}${column === undefined ? '' : `:${column}`}: ${printable(what)}`;

/** A value as a message shows it, cut if it is long. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
