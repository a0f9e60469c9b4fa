import type { PolicySpecification } from '@ring3/conntrack';
import { timeoutNameMax } from '@ring3/nfnetlink';
import { parse, TomlError } from 'smol-toml';
import { parseRule } from '../rule-grammar.ts';
import { auditKeys, type Configuration, consoleKeys, daemonKeys, limitKeys, serverKeys } from './configuration.ts';
import { ConfigurationError, shown } from './configuration-error.ts';
import type { Keys, ValuesOf } from './keys.ts';
import { nearest } from './nearest.ts';
import { policyOf, ruleKeys, stateKeys, sysctlKeys, timeoutKeys, wordsOfRule } from './netfilter.ts';
import { Positions } from './positions.ts';
import { type ShareConfiguration, shareKeys, shareName, shareNames } from './share-keys.ts';

const tables = { server: serverKeys, limits: limitKeys, daemon: daemonKeys, console: consoleKeys, audit: auditKeys } as const;

/** What stands beside them: tables by name, and a list. */
const others: readonly string[] = ['sysctl', 'share', 'timeout', 'rule'];

const isTable = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Reads ring3's own configuration.
 * @param file its name, for messages
 * @throws ConfigurationError for the first thing that is wrong
 */
export function readToml(source: string, file: string): Configuration {
  const reading = new Reading(source, file);
  const document = reading.parse();
  const { share = {}, timeout = {}, rule = [] } = document;
  if (!isTable(timeout)) return reading.wrong(['timeout'], 'timeout is a table of policies: [timeout.NAME]');
  if (!isTable(share)) return reading.wrong(['share'], 'share is a table of shares: [share.NAME]');
  const table = <N extends keyof typeof tables>(name: N) => reading.table([name], document[name] ?? {}, tables[name]);
  const server = table('server');
  checkTogether(server, (key, what) => reading.wrong(['server', key], what));
  return {
    server,
    limits: table('limits'),
    daemon: table('daemon'),
    console: table('console'),
    audit: table('audit'),
    shares: Object.entries(share).map(([name, value]) => reading.share(name, value)),
    users: [],
    timeouts: Object.entries(timeout).map(([name, value]) => reading.timeout(name, value)),
    sysctls: reading.table(['sysctl'], document['sysctl'] ?? {}, sysctlKeys) as Record<string, number>,
    rules: reading.rules(rule),
    warnings: [],
  };
}

/** Reads one file: the first thing that is wrong ends it, with its line. */
class Reading {
  readonly #source: string;
  readonly #file: string;
  readonly #positions: Positions;
  /** Where the table at hand begins, where there are several of its name. */
  #from = 0;
  /** Names of shares in capitals, and as they are spelled. */
  readonly #shares = new Map<string, string>();

  constructor(source: string, file: string) {
    this.#source = source;
    this.#file = file;
    this.#positions = new Positions(source);
  }

  #lineOf(path: readonly string[]): number {
    return (this.#from === 0 ? this.#positions : new Positions(this.#source, this.#from)).of(path);
  }

  /** @throws ConfigurationError */
  wrong(path: readonly string[], what: string): never {
    throw new ConfigurationError(this.#file, this.#lineOf(path), what);
  }

  #unknown(path: readonly string[], known: readonly string[]): never {
    const guess = nearest(path.at(-1) as string, known);
    return this.wrong(path, `there is no ${path.join('.')}${guess === undefined ? `: ${known.join(', ')} are known` : `; ${guess}?`}`);
  }

  /** The tables of the file, all of which are known. */
  parse(): Record<string, unknown> {
    const document = this.#parsed();
    for (const name of Object.keys(document))
      if (!others.includes(name) && !Object.hasOwn(tables, name)) this.#unknown([name], [...Object.keys(tables), ...others]);
    return document;
  }

  #parsed(): Record<string, unknown> {
    try {
      return parse(this.#source);
    } catch (error) {
      if (!(error instanceof TomlError)) throw error;
      const [what = ''] = error.message.replace(/^Invalid TOML document: /, '').split('\n', 1);
      throw new ConfigurationError(this.#file, error.line, what, { cause: error });
    }
  }

  /** Reads a table, key by key. */
  table<K extends Keys>(path: readonly string[], value: unknown, keys: K): ValuesOf<K> {
    if (!isTable(value)) return this.wrong(path, `${path.join('.')} is a table`);
    const read: Record<string, unknown> = {};
    for (const [name, given] of Object.entries(value)) {
      const at = [...path, name];
      const key = Object.hasOwn(keys, name) ? keys[name] : undefined;
      if (key === undefined) return this.#unknown(at, Object.keys(keys));
      read[name] = key.read(given);
      if (read[name] === undefined) this.wrong(at, `${at.join('.')} is ${key.allowed}, not ${shown(given)}`);
    }
    return read as ValuesOf<K>;
  }

  /** Reads a `[share.NAME]`. */
  share(name: string, value: unknown): ShareConfiguration {
    const path = ['share', name];
    if (!shareName.test(name)) this.wrong(path, `"${name}" is no name of a share: ${shareNames}`);
    const before = this.#shares.get(name.toUpperCase());
    if (before !== undefined) this.wrong(path, `there is a share ${before} already: names are compared without case`);
    this.#shares.set(name.toUpperCase(), name);
    const read = this.table(path, value, shareKeys);
    if (read.path === undefined && read.store === undefined) return this.wrong(path, `share.${name} has no path`);
    if (read.path !== undefined && read.store !== undefined)
      return this.wrong([...path, 'store'], `share.${name} has a path and a store: one of them`);
    return { ...read, name, at: `${this.#file}:${this.#lineOf([...path, 'path'])}` };
  }

  /** Reads a `[timeout.NAME]`. */
  timeout(name: string, value: unknown): PolicySpecification {
    const path = ['timeout', name];
    const { protocol } = isTable(value) ? value : {};
    const known = timeoutKeys.protocol.read(protocol);
    if (known === undefined) return this.wrong([...path, 'protocol'], `timeout.${name}.protocol is ${timeoutKeys.protocol.allowed}`);
    if (Buffer.byteLength(name) > timeoutNameMax || name === '')
      this.wrong(path, `"${name}" is no name of a policy: 1 to ${timeoutNameMax} bytes`);
    return policyOf(name, this.table(path, value, { ...timeoutKeys, ...stateKeys(known) }));
  }

  /** Reads the `[[rule]]`s. @returns the words of each */
  rules(value: unknown): string[][] {
    if (!Array.isArray(value)) return this.wrong(['rule'], 'rules are a list of tables: [[rule]]');
    const lines = [...this.#source.split('\n').entries()];
    const starts = lines.filter(([, text]) => /^\s*\[\[\s*rule\s*\]\]/.test(text)).map(([line]) => line);
    return value.map((one, i) => {
      this.#from = starts[i] ?? 0;
      const words = wordsOfRule(this.table(['rule'], one, ruleKeys));
      try {
        parseRule(words);
      } catch (error) {
        return this.wrong(['rule'], (error as Error).message);
      }
      this.#from = 0;
      return words;
    });
  }
}

/** What two keys must not say together. */
function checkTogether(server: ValuesOf<typeof serverKeys>, wrong: (key: string, what: string) => void): void {
  const { 'dialect-min': min, 'dialect-max': max = '3.1.1', encryption } = server;
  if (min !== undefined && min > max) wrong('dialect-min', `server.dialect-min ${min} is above server.dialect-max ${max}`);
  if (encryption === 'required' && max < '3.0')
    wrong('encryption', `server.encryption needs dialect 3.0 or above, server.dialect-max is ${max}`);
}
