/**
 * Where keys stand: the library tells positions of broken syntax alone. Headers are followed line by line, which is right for everything but keys inside of
 * multi-line strings and inline tables; those are told the line of their table.
 */
export class Positions {
  readonly #lines = new Map<string, number>();

  /** @param from lines that are passed over */
  constructor(source: string, from = 0) {
    const plain = (name: string): string => name.trim().replace(/^(["'])(.*)\1$/, '$2');
    const split = (dotted: string): string[] => (dotted.match(/"[^"]*"|'[^']*'|[^.]+/g) ?? []).map(plain);
    let table: string[] = [];
    source.split('\n').forEach((text, i) => {
      if (i < from) return;
      const header = /^\s*\[\[?([^\]]+)\]\]?/.exec(text);
      const key = /^\s*([^=#[]+?)\s*=/.exec(text);
      if (header !== null) table = split(header[1] as string);
      else if (key === null) return;
      const here = header !== null ? table : [...table, ...split((key as RegExpExecArray)[1] as string)];
      const name = nameOf(here);
      if (!this.#lines.has(name)) this.#lines.set(name, i + 1);
    });
  }

  /** The line of a key, or of what it stands in. */
  of(path: readonly string[]): number {
    for (let length = path.length; length > 0; length--) {
      const line = this.#lines.get(nameOf(path.slice(0, length)));
      if (line !== undefined) return line;
    }
    return 1;
  }
}

const nameOf = (path: readonly string[]): string => path.join('\0');
