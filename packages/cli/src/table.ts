import { printable } from '@ring3/kit';
import stringWidth from 'string-width';

/** A column: its head, and whether its cells are numbers. */
export interface Column<T> {
  readonly head: string;
  readonly right?: boolean;
  cell(row: T): string;
}

/** How many rows decide how wide the columns are. */
const measured = 1000;

/** Rows as printable lines, as they come: columns are as wide as the first thousand rows want, and those that are empty there are left out. */
export class Table<T> {
  readonly #columns: readonly Column<T>[];
  #waiting: string[][] = [];
  #widths: number[] | undefined;

  constructor(columns: readonly Column<T>[]) {
    this.#columns = columns;
  }

  /** @returns the lines that are ready */
  add(row: T): string[] {
    const cells = this.#columns.map((column) => printable(column.cell(row)));
    if (this.#widths !== undefined) return [this.#line(cells)];
    this.#waiting.push(cells);
    return this.#waiting.length < measured ? [] : this.end();
  }

  /** @returns what is left, with the head where there is any row */
  end(): string[] {
    if (this.#widths !== undefined || this.#waiting.length === 0) return [];
    const heads = this.#columns.map(({ head }) => head);
    const widest = (index: number): number => this.#waiting.reduce((most, cells) => Math.max(most, stringWidth(cells[index] as string)), 0);
    this.#widths = heads.map((head, i) => (widest(i) === 0 ? 0 : Math.max(widest(i), head.length)));
    const lines = [heads, ...this.#waiting].map((cells) => this.#line(cells));
    this.#waiting = [];
    return lines;
  }

  #line(cells: readonly string[]): string {
    const widths = this.#widths as number[];
    const shown = cells.map((cell, i) => padded(cell, widths[i] as number, this.#columns[i]?.right === true));
    return shown
      .filter((_, i) => widths[i] !== 0)
      .join('  ')
      .trimEnd();
  }
}

/** A cell as wide as its column on a terminal, where a character of East Asia or an emoji takes two places. */
function padded(cell: string, width: number, right: boolean): string {
  const blanks = ' '.repeat(Math.max(0, width - stringWidth(cell)));
  return right ? blanks + cell : cell + blanks;
}
