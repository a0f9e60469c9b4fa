import type { PolicySpecification } from '@ring3/conntrack';
import { timeoutNameMax } from '@ring3/nfnetlink';
import { parseRule } from '../rule-grammar.ts';
import { auditKeys, type Configuration, consoleKeys, daemonKeys, limitKeys, serverKeys } from './configuration.ts';
import { ConfigurationError, faultLine, shown } from './configuration-error.ts';
import type { Keys, ValuesOf } from './keys.ts';
import { nearest } from './nearest.ts';
import { policyOf, ruleKeys, stateKeys, sysctlKeys, timeoutKeys, wordsOfRule } from './netfilter.ts';
import { type ShareConfiguration, shareKeys, shareName, shareNames } from './share-keys.ts';
import { type Position, parseToml, type TomlNode } from './toml-tree.ts';

const tables = { server: serverKeys, limits: limitKeys, daemon: daemonKeys, console: consoleKeys, audit: auditKeys } as const;

/** The other keys of the file: tables by name, and a list of tables. */
const others: readonly string[] = ['sysctl', 'share', 'timeout', 'rule'];

/**
 * Reads the configuration of ring3.
 * @param file its name, for messages
 * @throws ConfigurationError with every fault; for a syntax error with the first one only
 */
export function readToml(source: string, file: string): Configuration {
  const root = parseToml(source, file);
  const reading = new Reading(file);
  reading.names(root);
  const table = <N extends keyof typeof tables>(name: N) => reading.table([name], root.get(name), tables[name]);
  const server = table('server');
  checkTogether(server, (key, what) => reading.wrong(root.get('server')?.entries?.get(key)?.at, what));
  const timeouts = reading.named('timeout', root, 'policies', (name, node) => reading.timeout(name, node));
  const configuration: Configuration = {
    server,
    limits: table('limits'),
    daemon: table('daemon'),
    console: table('console'),
    audit: table('audit'),
    shares: reading.named('share', root, 'shares', (name, node) => reading.share(name, node)),
    users: [],
    timeouts,
    sysctls: reading.table(['sysctl'], root.get('sysctl'), sysctlKeys) as Record<string, number>,
    rules: reading.rules(root.get('rule'), new Set(root.get('timeout')?.entries?.keys())),
    warnings: [],
  };
  reading.end();
  return configuration;
}

/** Reads one file and collects its faults. */
class Reading {
  readonly #file: string;
  readonly #faults: { readonly at: Position; readonly what: string }[] = [];
  /** Names of shares, in capitals and as spelled. */
  readonly #shares = new Map<string, string>();

  constructor(file: string) {
    this.#file = file;
  }

  wrong(at: Position | undefined, what: string): undefined {
    this.#faults.push({ at: at ?? { line: 1, column: 1 }, what });
  }

  /** @throws ConfigurationError if there are faults */
  end(): void {
    const faults = this.#faults.sort((a, b) => a.at.line - b.at.line || a.at.column - b.at.column);
    const [first, ...more] = faults;
    if (first === undefined) return;
    const lines = more.map(({ at: { line, column }, what }) => faultLine(this.#file, line, what, column));
    throw new ConfigurationError(this.#file, first.at.line, first.what, { column: first.at.column }, lines);
  }

  #unknown(path: readonly string[], at: Position, known: readonly string[]): void {
    const guess = nearest(path.at(-1) as string, known);
    const advice = guess === undefined ? `known are ${known.join(', ')}` : `did you mean "${guess}"?`;
    this.wrong(at, `unknown key "${path.join('.')}"; ${advice}`);
  }

  /** Checks that every table of the file is known. */
  names(root: ReadonlyMap<string, TomlNode>): void {
    for (const [name, { at }] of root)
      if (!others.includes(name) && !Object.hasOwn(tables, name)) this.#unknown([name], at, [...Object.keys(tables), ...others]);
  }

  /** Reads a table, key by key. */
  table<K extends Keys>(path: readonly string[], node: TomlNode | undefined, keys: K): ValuesOf<K> {
    const read: Record<string, unknown> = {};
    if (node !== undefined && node.entries === undefined)
      this.wrong(node.at, `${path.join('.')} is not a table: write [${path.join('.')}]`);
    for (const [name, entry] of node?.entries ?? []) {
      const full = [...path, name];
      const key = Object.hasOwn(keys, name) ? keys[name] : undefined;
      if (key === undefined) {
        this.#unknown(full, entry.at, Object.keys(keys));
        continue;
      }
      const value = plainOf(entry);
      read[name] = key.read(value);
      if (read[name] === undefined) {
        delete read[name];
        this.wrong(entry.at, `${full.join('.')} is ${key.allowed}, not ${shown(value)}`);
      }
    }
    return read as ValuesOf<K>;
  }

  /** Reads the tables `[KIND.NAME]`. @param what the kind, for messages */
  named<T>(kind: string, root: ReadonlyMap<string, TomlNode>, what: string, read: (name: string, node: TomlNode) => T | undefined): T[] {
    const node = root.get(kind);
    if (node !== undefined && node.entries === undefined) this.wrong(node.at, `${kind} is a table of ${what}: write [${kind}.NAME]`);
    return [...(node?.entries ?? [])].map(([name, one]) => read(name, one)).filter((one) => one !== undefined);
  }

  /** Reads a `[share.NAME]`. */
  share(name: string, node: TomlNode): ShareConfiguration | undefined {
    const path = ['share', name];
    if (!shareName.test(name)) return this.wrong(node.at, `invalid share name "${name}": ${shareNames}`);
    const before = this.#shares.get(name.toUpperCase());
    if (before !== undefined) return this.wrong(node.at, `share ${before} exists already: names are compared without case`);
    this.#shares.set(name.toUpperCase(), name);
    const read = this.table(path, node, shareKeys);
    const has = (key: string): Position | undefined => node.entries?.get(key)?.at;
    if (node.entries !== undefined && has('path') === undefined && has('store') === undefined)
      return this.wrong(node.at, `share.${name} has no path: write path = "/a/directory", or store = "memory"`);
    if (read.path !== undefined && read.store !== undefined)
      return this.wrong(has('store'), `share.${name} has a path and a store: remove one`);
    return { ...read, name, at: `${this.#file}:${(has('path') ?? node.at).line}` };
  }

  /** Reads a `[timeout.NAME]`. */
  timeout(name: string, node: TomlNode): PolicySpecification | undefined {
    const path = ['timeout', name];
    if (Buffer.byteLength(name) > timeoutNameMax || name === '')
      return this.wrong(node.at, `invalid policy name "${name}": 1 to ${timeoutNameMax} bytes`);
    const known = timeoutKeys.protocol.read(node.entries?.get('protocol')?.value);
    if (known === undefined)
      return this.wrong(node.entries?.get('protocol')?.at ?? node.at, `timeout.${name}.protocol is ${timeoutKeys.protocol.allowed}`);
    const before = this.#faults.length;
    const read = this.table(path, node, { ...timeoutKeys, ...stateKeys(known) });
    return this.#faults.length === before ? policyOf(name, read) : undefined;
  }

  /** Reads the `[[rule]]`s. @param policies names of the timeout policies @returns the words of each */
  rules(node: TomlNode | undefined, policies: ReadonlySet<string>): string[][] {
    if (node === undefined) return [];
    if (node.items === undefined) {
      if (!(Array.isArray(node.value) && node.value.length === 0)) this.wrong(node.at, 'rules are a list of tables: write [[rule]]');
      return [];
    }
    return node.items.map((one) => {
      const before = this.#faults.length;
      const values = this.table(['rule'], one, ruleKeys);
      const words = wordsOfRule(values);
      const { timeout } = values;
      if (timeout !== undefined && !policies.has(timeout))
        this.wrong(one.entries?.get('timeout')?.at, `rule.timeout: there is no timeout policy "${timeout}": define [timeout.${timeout}]`);
      try {
        if (this.#faults.length === before) parseRule(words);
      } catch (error) {
        this.wrong(one.at, (error as Error).message);
      }
      return words;
    });
  }
}

/** The value of a node; a table as an object, for messages. */
function plainOf({ value, entries, items }: TomlNode): unknown {
  if (entries !== undefined) return Object.fromEntries([...entries].map(([name, node]) => [name, plainOf(node)]));
  return items === undefined ? value : items.map(plainOf);
}

/** Checks keys that conflict. */
function checkTogether(server: ValuesOf<typeof serverKeys>, wrong: (key: string, what: string) => void): void {
  const { 'dialect-min': min, 'dialect-max': max = '3.1.1', encryption } = server;
  if (min !== undefined && min > max) wrong('dialect-min', `server.dialect-min ${min} is above server.dialect-max ${max}`);
  if (encryption === 'required' && max < '3.0')
    wrong('encryption', `server.encryption needs dialect 3.0 or above, server.dialect-max is ${max}`);
}
