import { deepStrictEqual } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createProgram } from './main.ts';

test('docs/json.md has the shape of every command that has --json, and of no other', () => {
  const page = readFileSync(new URL('../../../docs/json.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| `'));
  const described = rows.flatMap((row) => [...(row.split('|')[1] as string).matchAll(/`ring3 ([^`]+)`/g)].map(([, words]) => words));
  const has = createProgram().commands.flatMap((command) =>
    [command, ...command.commands]
      .filter(({ options }) => options.some(({ long }) => long === '--json'))
      .map((one) => (one === command ? one.name() : `${command.name()} ${one.name()}`)),
  );
  deepStrictEqual(described.sort(), has.sort());
});
