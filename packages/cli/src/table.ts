import { printable } from '@ring3/kit';
import stringWidth from 'string-width';

/** A column: its head, its cells, and whether they are aligned to the right. */
export interface Column<T> {
  readonly head: string;
  readonly right?: boolean;
  cell(row: T): string;
}

/** Number of rows that determine the widths of the columns. */
const measured = 1000;

/**
 * Formats rows as printable lines while they arrive. The first thousand rows determine the widths; columns that are empty in them are
 * omitted.
 */
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

  /** @returns the remaining lines, after the head if there is any row */
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

/** A cell padded to the width of its column. On a terminal an East Asian character or an emoji takes two columns. */
function padded(cell: string, width: number, right: boolean): string {
  const blanks = ' '.repeat(Math.max(0, width - stringWidth(cell)));
  return right ? blanks + cell : cell + blanks;
}
