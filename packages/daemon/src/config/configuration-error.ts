/** A configuration is wrong: one line with file, line, key and what is allowed. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  constructor(file: string, line: number, what: string, options?: ErrorOptions) {
    super(`${file}:${line}: ${oneLine(what)}`, options);
  }
}

/** What a file says may hold anything: no control character of it reaches a terminal, and no line becomes two. */
export const oneLine = (text: string): string =>
  text.replace(/\p{Cc}/gu, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** A value as a message shows it, cut where it is long. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
