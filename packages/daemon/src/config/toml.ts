import type { PolicySpecification } from '@ring3/conntrack';
import { timeoutNameMax } from '@ring3/nfnetlink';
import { parse, TomlError } from 'smol-toml';
import { parseRule } from '../rule-grammar.ts';
import { auditKeys, type Configuration, consoleKeys, daemonKeys, limitKeys, serverKeys } from './configuration.ts';
import { ConfigurationError, shown } from './configuration-error.ts';
import type { Keys, ValuesOf } from './keys.ts';
import { policyOf, ruleKeys, stateKeys, timeoutKeys, wordsOfRule } from './netfilter.ts';
import { type ShareConfiguration, shareKeys, shareName, shareNames } from './share-keys.ts';

const tables = { server: serverKeys, limits: limitKeys, daemon: daemonKeys, console: consoleKeys, audit: auditKeys } as const;

/** What stands beside them: tables by name, and a list. */
const others: readonly string[] = ['share', 'timeout', 'rule'];

const isTable = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Where keys stand: the library tells positions of broken syntax alone. Headers are followed line by line, which is right for everything but keys inside of
 * multi-line strings and inline tables; those are told the line of their table.
 */
class Positions {
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

/** The name among these that a mistyped one is nearest to, where it is near. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const distance = (a: string, b: string): number => {
    let row = Array.from({ length: b.length + 1 }, (_, i) => i);
    for (let i = 1; i <= a.length; i++) {
      const next = [i];
      for (let j = 1; j <= b.length; j++) {
        next[j] = Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1));
      }
      row = next;
    }
    return row[b.length] as number;
  };
  const [best] = known.map((candidate) => ({ candidate, far: distance(name, candidate) })).sort((a, b) => a.far - b.far);
  return best !== undefined && best.far <= Math.min(3, name.length / 2) ? best.candidate : undefined;
}

/**
 * Reads ring3's own configuration.
 * @param file its name, for messages
 * @throws ConfigurationError for the first thing that is wrong
 */
export function readToml(source: string, file: string): Configuration {
  let from = 0; // where the table at hand begins, where there are several of its name
  const positions = new Positions(source);
  const at = (path: readonly string[]): number => (from === 0 ? positions : new Positions(source, from)).of(path);
  const wrong = (path: readonly string[], what: string): never => {
    throw new ConfigurationError(file, at(path), what);
  };
  const unknown = (path: readonly string[], known: readonly string[]): never => {
    const name = path.at(-1) as string;
    const guess = nearest(name, known);
    return wrong(path, `there is no ${path.join('.')}${guess === undefined ? `: ${known.join(', ')} are known` : `; ${guess}?`}`);
  };
  const readTable = <K extends Keys>(path: readonly string[], value: unknown, keys: K): ValuesOf<K> => {
    if (!isTable(value)) return wrong(path, `${path.join('.')} is a table`);
    const read: Record<string, unknown> = {};
    for (const [name, given] of Object.entries(value)) {
      const key = Object.hasOwn(keys, name) ? keys[name] : undefined;
      if (key === undefined) return unknown([...path, name], Object.keys(keys));
      read[name] = key.read(given);
      if (read[name] === undefined) wrong([...path, name], `${[...path, name].join('.')} is ${key.allowed}, not ${shown(given)}`);
    }
    return read as ValuesOf<K>;
  };
  const shareCalled = new Map<string, string>();
  const readShare = (name: string, value: unknown): ShareConfiguration => {
    const path = ['share', name];
    if (!shareName.test(name)) wrong(path, `"${name}" is no name of a share: ${shareNames}`);
    const before = shareCalled.get(name.toUpperCase());
    if (before !== undefined) wrong(path, `there is a share ${before} already: names are compared without case`);
    shareCalled.set(name.toUpperCase(), name);
    const read = readTable(path, value, shareKeys);
    if (read.path === undefined && read.store === undefined) return wrong(path, `share.${name} has no path`);
    if (read.path !== undefined && read.store !== undefined)
      return wrong([...path, 'store'], `share.${name} has a path and a store: one of them`);
    return { ...read, name, at: `${file}:${at([...path, 'path'])}` };
  };

  const readTimeout = (name: string, value: unknown): PolicySpecification => {
    const path = ['timeout', name];
    const { protocol } = isTable(value) ? value : {};
    const known = timeoutKeys.protocol.read(protocol);
    if (known === undefined) return wrong([...path, 'protocol'], `timeout.${name}.protocol is ${timeoutKeys.protocol.allowed}`);
    if (Buffer.byteLength(name) > timeoutNameMax || name === '')
      wrong(path, `"${name}" is no name of a policy: 1 to ${timeoutNameMax} bytes`);
    return policyOf(name, readTable(path, value, { ...timeoutKeys, ...stateKeys(known) }));
  };
  const readRules = (value: unknown): string[][] => {
    if (!Array.isArray(value)) return wrong(['rule'], 'rules are a list of tables: [[rule]]');
    const starts = [...source.split('\n').entries()].filter(([, text]) => /^\s*\[\[\s*rule\s*\]\]/.test(text)).map(([line]) => line);
    return value.map((one, i) => {
      from = starts[i] ?? 0;
      const words = wordsOfRule(readTable(['rule'], one, ruleKeys));
      try {
        parseRule(words);
      } catch (error) {
        return wrong(['rule'], (error as Error).message);
      }
      from = 0;
      return words;
    });
  };

  let document: Record<string, unknown>;
  try {
    document = parse(source);
  } catch (error) {
    if (error instanceof TomlError)
      throw new ConfigurationError(file, error.line, (error.message.split('\n', 1)[0] as string).replace(/^Invalid TOML document: /, ''), {
        cause: error,
      });
    throw error;
  }
  for (const name of Object.keys(document))
    if (!others.includes(name) && !Object.hasOwn(tables, name)) unknown([name], [...Object.keys(tables), ...others]);
  const { share = {}, timeout = {}, rule = [] } = document;
  if (!isTable(timeout)) return wrong(['timeout'], 'timeout is a table of policies: [timeout.NAME]');
  if (!isTable(share)) return wrong(['share'], 'share is a table of shares: [share.NAME]');
  const server = readTable(['server'], document['server'] ?? {}, serverKeys);
  checkTogether(server, (key, what) => wrong(['server', key], what));
  return {
    server,
    limits: readTable(['limits'], document['limits'] ?? {}, limitKeys),
    daemon: readTable(['daemon'], document['daemon'] ?? {}, daemonKeys),
    console: readTable(['console'], document['console'] ?? {}, consoleKeys),
    audit: readTable(['audit'], document['audit'] ?? {}, auditKeys),
    shares: Object.entries(share).map(([name, value]) => readShare(name, value)),
    users: [],
    timeouts: Object.entries(timeout).map(([name, value]) => readTimeout(name, value)),
    rules: readRules(rule),
    warnings: [],
  };
}

/** What two keys must not say together. */
function checkTogether(server: ValuesOf<typeof serverKeys>, wrong: (key: string, what: string) => void): void {
  const { 'dialect-min': min, 'dialect-max': max = '3.1.1', encryption } = server;
  if (min !== undefined && min > max) wrong('dialect-min', `server.dialect-min ${min} is above server.dialect-max ${max}`);
  if (encryption === 'required' && max < '3.0')
    wrong('encryption', `server.encryption needs dialect 3.0 or above, server.dialect-max is ${max}`);
}
