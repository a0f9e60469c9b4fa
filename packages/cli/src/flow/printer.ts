import { printable } from '@ring3/kit';
import { note } from '../note.ts';
import { Lines } from '../output.ts';
import { type Column, Table } from '../table.ts';
import type { Output } from './outputs.ts';

/** Prints rows as they arrive. */
export interface Printer<T> {
  add(row: T): Promise<void>;
  end(): Promise<void>;
}

/** The form of a row in each output format. */
export interface Looks<T> {
  readonly columns: readonly Column<T>[];
  json(row: T): object;
  line(row: T): string;
}

export function printer<T>(output: Output, { columns, json, line }: Looks<T>): Printer<T> {
  const lines = new Lines();
  if (output !== 'table') {
    const textOf = output === 'json' ? (row: T) => JSON.stringify(json(row)) : line;
    return { add: (row) => lines.add(printable(textOf(row))), end: () => lines.flush() };
  }
  const table = new Table(columns);
  let count = 0;
  const addAll = async (ready: readonly string[]): Promise<void> => {
    for (const one of ready) await lines.add(one);
  };
  return {
    add: (row) => {
      count++;
      return addAll(table.add(row));
    },
    end: async () => {
      await addAll(table.end());
      await lines.flush();
      if (count === 0) note('none');
    },
  };
}
