import { deepStrictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { Table } from './table.ts';

test('a name that a client chose stays in its cell: a terminal shows it, and does nothing else', () => {
  const table = new Table<string>([
    { head: 'USER', cell: (name) => name },
    { head: 'N', right: true, cell: (name) => `${name.length}` },
  ]);
  deepStrictEqual(
    [...['anna', 'a\u001b[2J\nroot', '\u009b31m\u202e'].flatMap((name) => table.add(name)), ...table.end()],
    ['USER                   N', 'anna                   4', String.raw`a\u001b[2J\u000aroot  10`, String.raw`\u009b31m\u202e        5`],
  );
});

test('a wide character takes two places on a terminal', () => {
  const table = new Table<readonly [string, string]>([
    { head: 'PATH', cell: ([path]) => path },
    { head: 'N', cell: ([, number]) => number },
  ]);
  deepStrictEqual([...table.add(['東京 🗼', '1']), ...table.add(['abc', '2']), ...table.end()], ['PATH     N', '東京 🗼  1', 'abc      2']);
});
