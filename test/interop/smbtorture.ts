/**
 * Samba's own test suite of SMB servers against ring3. As a program:
 *   node --conditions=@ring3/source test/interop/smbtorture.ts [--only REGEX] [--timeout SECONDS] [--results FILE] [--table] [--update]
 * runs all tests of smb2.* (or those that match), each in a process and with the share that it needs (smbtorture-setups.ts), prints a line
 * for each and, with --table, one row per suite with Samba's and ksmbd's results, and the reasons of
 * the tests that are not passed; --update stores the passed tests, with the seconds of
 * the slow ones, as those that smbtorture.test.ts expects. --results stores each result in a file, and continues a run that was ended.
 */
import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flag, readOptions, text, whole } from '../../scripts/options.ts';
import { kernelNamespace, withoutNamespaces } from './namespace.ts';
import { type Ring3, serveRing3 } from './ring3.ts';
import { impassableBecause, limits, notPassedBecause, servers, setUpOf, shares } from './smbtorture-setups.ts';

const expectedAt = join(import.meta.dirname, 'expected/smbtorture');
/** Seconds from which a test is slow. */
const slowSeconds = 6;

/** `ok`: passed. `error`: no verdict, or the set-up failed. `timeout`: killed. */
export type Outcome = 'ok' | 'fail' | 'error' | 'skip' | 'timeout';
export interface Result {
  readonly name: string;
  readonly outcome: Outcome;
  readonly seconds: number;
  /** The start of the failure message. */
  readonly reason: string;
}

/** The results of another server, by test. */
export const resultsOf = (server: 'samba-4.17' | 'ksmbd-7.2'): Map<string, Outcome> =>
  new Map(
    readFileSync(join(expectedAt, `${server}.tsv`), 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split('\t') as [string, Outcome]),
  );

/** All tests. */
export const allTests = (): string[] => [...resultsOf('samba-4.17').keys()];

/** A test that must pass. */
export interface Expected {
  readonly name: string;
  /** Seconds that it took; 0 if it is not slow. */
  readonly seconds: number;
}

/** The tests that must pass. */
export const expectedPasses = (): Expected[] =>
  readFileSync(join(expectedAt, 'ring3.txt'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name = '', seconds = '0'] = line.split('\t');
      return { name, seconds: Number(seconds) };
    });

function verdict(name: string, output: string, status: number | null, seconds: number): Result {
  const found = /^(success|failure|error|skip): [^[\n]*(?:\[\n([\s\S]*?)\n?^\])?/m.exec(output);
  const words = (found?.[2] ?? (found === null ? `no verdict, exit ${status}: ${output.slice(-200)}` : '')).replace(/\s+/g, ' ').trim();
  const outcomes: Record<string, Outcome> = { success: 'ok', failure: 'fail', error: 'error', skip: 'skip' };
  return { name, outcome: outcomes[found?.[1] ?? ''] ?? 'error', seconds, reason: words.slice(0, 200) };
}

/** Servers with empty shares for the tests. */
export interface Torture extends AsyncDisposable {
  /** Empties the share of a test and runs the test in a separate process. */
  run(name: string, timeoutSeconds?: number): Promise<Result>;
}

/** A share with a name and keys, as `[share.NAME]` of the configuration. */
const tableOf = (name: string, keys: Readonly<Record<string, unknown>>): string =>
  `[${name}]\n${Object.entries(keys)
    .map(([key, value]) => `"${key}" = ${JSON.stringify(value)}\n`)
    .join('')}`;

/**
 * Prepares the shares for the tests, for two users. If this process is root, all runs in a network namespace of its own, because some tests
 * block connections by iptables and others connect to further addresses.
 */
export async function startTorture(): Promise<Torture> {
  const base = mkdtempSync(join(tmpdir(), 'ring3-smbtorture-'));
  const home = join(base, 'home');
  mkdirSync(home);
  const conf = join(home, 'smb.conf');
  const own = ['private dir', 'lock directory', 'state directory', 'cache directory', 'pid directory'].map((name) => `${name} = ${home}`);
  writeFileSync(conf, `[global]\n${own.join('\n')}\n`);
  const namespace = withoutNamespaces === undefined ? kernelNamespace() : undefined;
  const prefix = namespace?.prefix ?? [];
  if (namespace !== undefined) await finished(spawn('ip', ['-n', namespace.name, 'link', 'set', 'lo', 'up']));

  /** The directory of a share; undefined if it has none. */
  const directoryOf = (share: string): string | undefined => {
    const { path, store } = shares[share] ?? {};
    return store !== undefined ? undefined : typeof path === 'string' ? join(base, path) : join(base, 'shares', share);
  };
  const started = new Map<keyof typeof servers, Promise<Ring3>>();
  const start = (key: keyof typeof servers): Promise<Ring3> => {
    const tables = Object.entries(shares).map(([share, keys]) => {
      const path = directoryOf(share);
      if (path === undefined) return tableOf(`share.${share}`, keys);
      mkdirSync(path, { recursive: true });
      return tableOf(`share.${share}`, { ...keys, path });
    });
    const config = join(base, `${key}.toml`);
    writeFileSync(config, [tableOf('server', servers[key]), tableOf('limits', limits[key] ?? {}), ...tables].join('\n'));
    // in a namespace of its own the port is free; one test connects to no other
    const port = namespace !== undefined && key === 'enabled' ? ['--port', '445'] : [];
    return serveRing3(['--config', config, '--user', 'tester:secret', '--user', 'second:secret', '--log-level', 'warn', ...port], prefix);
  };
  const serverOf = (key: keyof typeof servers): Promise<Ring3> => {
    const server = started.get(key) ?? start(key);
    started.set(key, server);
    return server;
  };

  const run = async (name: string, timeoutSeconds?: number): Promise<Result> => {
    const { share = 'share', server = 'enabled', options, prepare, seconds: allowed = 60 } = setUpOf(name) ?? {};
    const { port } = await serverOf(server);
    const directory = directoryOf(share);
    if (directory !== undefined)
      for (const entry of readdirSync(directory)) rmSync(join(directory, entry), { recursive: true, force: true });
    const login = ['--configfile', conf, '-p', String(port), '-U', 'tester%secret'];
    const smbclient = (at: string, commands: string): void => {
      const words = [...prefix, 'smbclient', ...login, `//127.0.0.1/${at}`, '-c', commands];
      execFileSync(words[0] as string, words.slice(1), { cwd: home, stdio: 'ignore' });
    };
    const place = { share: directory ?? '', home, smbclient };
    prepare?.(place);
    const torture = ['user2name=second', 'user2password=secret', ...(namespace === undefined ? [] : ['use_iptables=yes'])];
    const words = [
      ...login,
      ...[...torture, ...(options?.(place) ?? [])].map((option) => `--option=torture:${option}`),
      ...[`//127.0.0.1/${share}`, name],
    ];
    const begin = performance.now();
    const [command, ...rest] = [...prefix, 'smbtorture', ...words] as [string, ...string[]];
    const child = spawn(command, rest, { cwd: home, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (piece: string) => (output += piece));
    let late = false;
    const timer = setTimeout(
      () => {
        late = true;
        process.kill(-(child.pid as number), 'SIGKILL'); // it forks
      },
      (timeoutSeconds ?? allowed) * 1000,
    );
    const status = await finished(child);
    clearTimeout(timer);
    const seconds = (performance.now() - begin) / 1000;
    if (late) return { name, outcome: 'timeout', seconds, reason: output.trim().split('\n').at(-1) ?? '' };
    return verdict(name, output, status, seconds);
  };
  return {
    run,
    [Symbol.asyncDispose]: async () => {
      for (const server of started.values()) await (await server)[Symbol.asyncDispose]();
      namespace?.[Symbol.dispose]();
      rmSync(base, { recursive: true, force: true });
    },
  };
}

const finished = (child: ReturnType<typeof spawn>): Promise<number | null> => new Promise((done) => child.once('close', done));

const suiteOf = (name: string): string => name.split('.')[1] as string;

/** The tests that are not passed, by the reason, as the rows of a table. */
function notPassed(results: readonly Result[]): string {
  const byReason = new Map<string, string[]>();
  for (const { name, outcome, reason } of results) {
    if (outcome === 'ok') continue;
    const why = notPassedBecause(name) ?? `not decided: ${reason.replace(/^[^:]*source4[/]torture[/]smb2[/]/, '').replaceAll('|', '/')}`;
    byReason.set(why, [...(byReason.get(why) ?? []), name.replace(/^smb2\./, '')]);
  }
  const rows = [...byReason].map(([why, names]) => `| ${names.map((name) => `\`${name}\``).join(', ')} | ${why} |`);
  return ['| not passed | reason |', '|---|---|', ...rows].join('\n');
}

/** The number of tests of each suite, and how many of them each server passes. */
export function table(results: readonly Result[]): string {
  const others = (['samba-4.17', 'ksmbd-7.2'] as const).map((server) => resultsOf(server));
  const passed = (outcomes: readonly (Outcome | undefined)[]): number => outcomes.filter((outcome) => outcome === 'ok').length;
  const row = (title: string, of: readonly Result[]): string => {
    const own = passed(of.map(({ outcome }) => outcome));
    return `| ${[title, of.length, own, ...others.map((other) => passed(of.map(({ name }) => other.get(name))))].join(' | ')} |`;
  };
  const suites = [...new Set(results.map(({ name }) => suiteOf(name)))];
  const rows = suites.map((suite) =>
    row(
      suite,
      results.filter(({ name }) => suiteOf(name) === suite),
    ),
  );
  return ['| suite | tests | ring3 | Samba 4.17 | ksmbd 7.2 |', '|---|---:|---:|---:|---:|', ...rows, row('**all**', results)].join('\n');
}

/** The results of a run that was ended before it was complete. */
const readResults = (path: string): Result[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Result);

async function main(): Promise<void> {
  const { values } = readOptions({
    usage:
      'node --conditions=@ring3/source test/interop/smbtorture.ts [--only REGEX] [--timeout SECONDS] [--results FILE] [--table] [--update]',
    options: { only: text, timeout: whole(1, 3600), results: text, table: flag, update: flag },
  });
  const before = values.results !== undefined && existsSync(values.results) ? readResults(values.results) : [];
  const results: Result[] = [];
  await using torture = await startTorture();
  const only = new RegExp(values.only ?? '');
  for (const name of allTests().filter((test) => only.test(test))) {
    const known = before.find((result) => result.name === name);
    if (known !== undefined) {
      results.push(known);
      continue;
    }
    const because = impassableBecause(name);
    const result: Result =
      because === undefined
        ? await torture.run(name, values.timeout)
        : { name, outcome: 'skip', seconds: 0, reason: `not run: ${because}` };
    results.push(result);
    if (values.results !== undefined) appendFileSync(values.results, `${JSON.stringify(result)}\n`);
    console.log(`${result.outcome.padEnd(8)}${result.seconds.toFixed(1).padStart(6)}  ${name}  ${result.reason}`);
  }
  const passed = results.filter(({ outcome }) => outcome === 'ok');
  console.log(`${passed.length} of ${results.length} passed`);
  if (values.table) console.log(`\n${table(results)}\n\n${notPassed(results)}`);
  if (!values.update) return;
  const ran = new Set(results.map(({ name }) => name));
  const kept = new Map(expectedPasses().map(({ name, seconds }) => [name, seconds]));
  for (const name of ran) kept.delete(name);
  for (const { name, seconds } of passed) kept.set(name, seconds < slowSeconds ? 0 : Math.ceil(seconds));
  const lines = allTests().flatMap((name) => {
    const seconds = kept.get(name);
    return seconds === undefined ? [] : [seconds === 0 ? name : `${name}\t${seconds}`];
  });
  writeFileSync(join(expectedAt, 'ring3.txt'), `${lines.join('\n')}\n`);
}

if (import.meta.main) await main();
