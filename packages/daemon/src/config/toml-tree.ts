import { getStaticTOMLValue, parseTOML } from 'toml-eslint-parser';
import { ConfigurationError } from './configuration-error.ts';
import { syntaxAdvice } from './syntax-advice.ts';

/** A position in a file, counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A value of a TOML file with its position. */
export interface TomlNode {
  readonly at: Position;
  /** A string, number, boolean, date, or a list of such; a table and a list of tables have `entries` or `items` instead. */
  readonly value?: unknown;
  /** The keys of a table, in their order. */
  readonly entries?: Map<string, TomlNode>;
  /** The tables of a list of tables. */
  readonly items?: TomlNode[];
}

type Program = ReturnType<typeof parseTOML>;
type Statement = Program['body'][0]['body'][number];
type Content = Extract<Statement, { type: 'TOMLKeyValue' }>['value'];
interface Located {
  readonly loc: { readonly start: Position };
}

/** The library counts columns from 0. */
const placeOf = ({ loc: { start } }: Located): Position => ({ line: start.line, column: start.column + 1 });

/**
 * Parses a TOML file.
 * @param file its name, for messages
 * @throws ConfigurationError for a syntax error, with position and advice
 */
export function parseToml(source: string, file: string): Map<string, TomlNode> {
  const root: TomlNode = { at: { line: 1, column: 1 }, entries: new Map() };
  for (const statement of programOf(source, file).body[0].body) {
    if (statement.type === 'TOMLKeyValue') put(root, statement);
    else {
      const table = tableAt(root, statement.resolvedKey, placeOf(statement.key));
      for (const one of statement.body) put(table, one);
    }
  }
  return root.entries as Map<string, TomlNode>;
}

function programOf(source: string, file: string): Program {
  try {
    return parseTOML(source, { tomlVersion: '1.0' });
  } catch (error) {
    const { lineNumber, column, message } = error as { lineNumber?: number; column?: number; message: string };
    if (error instanceof RangeError) throw new ConfigurationError(file, 1, 'values are nested too deep', { cause: error });
    if (lineNumber === undefined || column === undefined) throw error;
    const lines = source.split('\n');
    const advice = syntaxAdvice(lines[lineNumber - 1] ?? '', lines[lineNumber - 2] ?? '', message);
    throw new ConfigurationError(file, lineNumber, advice, { cause: error, column: column + 1 });
  }
}

/** The table at a path; created if it is missing. */
function tableAt(from: TomlNode, path: readonly (string | number)[], at: Position): TomlNode {
  let table = from;
  for (const [i, key] of path.entries()) {
    if (typeof key === 'number') {
      table.items?.splice(key, table.items[key] === undefined ? 0 : 1, table.items[key] ?? { at, entries: new Map() });
      table = table.items?.[key] as TomlNode;
      continue;
    }
    const found = table.entries?.get(key);
    const made: TomlNode = typeof path[i + 1] === 'number' ? { at, items: [] } : { at, entries: new Map() };
    if (found === undefined) table.entries?.set(key, made);
    table = found ?? made;
  }
  return table;
}

function put(table: TomlNode, { key, value }: Extract<Statement, { type: 'TOMLKeyValue' }>): void {
  const names = key.keys.map((one) => (one.type === 'TOMLBare' ? one.name : one.value));
  const at = placeOf(key);
  const owner = tableAt(table, names.slice(0, -1), at);
  owner.entries?.set(names.at(-1) as string, nodeOf(value, at));
}

/** @param at position of the key, for messages */
function nodeOf(content: Content, at: Position): TomlNode {
  if (content.type === 'TOMLInlineTable') {
    const table: TomlNode = { at, entries: new Map() };
    for (const one of content.body) put(table, one);
    return table;
  }
  if (content.type === 'TOMLArray' && content.elements.length > 0 && content.elements.every(({ type }) => type === 'TOMLInlineTable'))
    return { at, items: content.elements.map((one) => nodeOf(one, placeOf(one))) };
  return { at, value: getStaticTOMLValue(content) };
}
