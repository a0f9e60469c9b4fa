/**
 * Samba's own test suite of SMB servers against ring3. As a program:
 *   node --conditions=@ring3/source test/interop/smbtorture.ts [--only REGEX] [--table] [--update]
 * runs the core tests (or those that match), prints a line for each and, with --table, one row per suite with Samba's and ksmbd's results;
 * --update stores the passed tests as those that smbtorture.test.ts expects.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startRing3 } from './ring3.ts';

const expectedAt = join(import.meta.dirname, 'expected/smbtorture');
const core = new RegExp(
  `^smb2\\.(${[
    'connect|read|rw|create|getinfo|setinfo|rename|dir|compound|compound_find|compound_async|tcon|credits|mkdir|maximum_allowed|streams',
    'sharemode|deny|winattr|openattr|timestamps|delete-on-close-perms|charset|fileid|ioctl|ioctl-on-stream|lock|session|session-id|secleak',
    'sdread|maxfid|bench|scan|oplock|lease|durable-open|durable-v2-open|durable-v2-delay',
  ].join('|')})(\\.|$)`,
);
const notCore = /session\.(bind|expire)|lock\.replay/;

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

/** The tests of the commands that every file server implements. */
export const coreTests = (): string[] => [...resultsOf('samba-4.17').keys()].filter((name) => core.test(name) && !notCore.test(name));

/** The tests that must pass. */
export const expectedPasses = (): string[] =>
  readFileSync(join(expectedAt, 'ring3.txt'), 'utf8')
    .split('\n')
    .filter((line) => line !== '');

function verdict(name: string, text: string, status: number | null, seconds: number): Result {
  const found = /^(success|failure|error|skip): [^[\n]*(?:\[\n([\s\S]*?)\n?^\])?/m.exec(text);
  const words = (found?.[2] ?? (found === null ? `no verdict, exit ${status}: ${text.slice(-200)}` : '')).replace(/\s+/g, ' ').trim();
  const outcomes: Record<string, Outcome> = { success: 'ok', failure: 'fail', error: 'error', skip: 'skip' };
  return { name, outcome: outcomes[found?.[1] ?? ''] ?? 'error', seconds, reason: words.slice(0, 200) };
}

/** A server with an empty directory for the tests. */
export interface Torture extends AsyncDisposable {
  /** Empties the share and runs one test in a separate process. */
  run(name: string, timeoutSeconds?: number): Promise<Result>;
  log(): string;
}

/** Starts ring3 for the tests, with two users. */
export async function startTorture(): Promise<Torture> {
  const base = mkdtempSync(join(tmpdir(), 'ring3-smbtorture-'));
  const [folder, home] = [join(base, 'share'), join(base, 'home')];
  for (const path of [folder, home]) mkdirSync(path);
  const conf = join(home, 'smb.conf');
  const own = ['private dir', 'lock directory', 'state directory', 'cache directory', 'pid directory'].map((name) => `${name} = ${home}`);
  writeFileSync(conf, `[global]\n${own.join('\n')}\n`);
  const server = await startRing3(folder, [
    '--user',
    'second:secret',
    '--signing',
    'enabled',
    '--encryption',
    'off',
    '--log-level',
    'warn',
  ]);
  const login = ['-p', String(server.port), '-U', `${server.user}%${server.password}`];
  const options = ['--option=torture:user2name=second', '--option=torture:user2password=secret'];

  const run = async (name: string, timeoutSeconds = 60): Promise<Result> => {
    for (const entry of readdirSync(folder)) rmSync(join(folder, entry), { recursive: true, force: true });
    const begin = performance.now();
    const child = spawn('smbtorture', ['--configfile', conf, ...login, ...options, '//127.0.0.1/share', name], {
      cwd: home,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      process.kill(-(child.pid as number), 'SIGKILL'); // it forks
    }, timeoutSeconds * 1000);
    const status = await new Promise<number | null>((done) => child.once('close', done));
    clearTimeout(timer);
    const seconds = (performance.now() - begin) / 1000;
    if (late) return { name, outcome: 'timeout', seconds, reason: text.trim().split('\n').at(-1) ?? '' };
    return verdict(name, text, status, seconds);
  };
  return {
    run,
    log: server.log,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      rmSync(base, { recursive: true, force: true });
    },
  };
}

const suiteOf = (name: string): string => name.split('.')[1] as string;

/** Passed and run tests by suite, with those of the other servers. */
export function table(results: readonly Result[]): string {
  const others = (['samba-4.17', 'ksmbd-7.2'] as const).map((server) => resultsOf(server));
  const cell = (outcomes: readonly (Outcome | undefined)[]): string => {
    const run = outcomes.filter((outcome) => outcome !== 'skip' && outcome !== undefined);
    return `${run.filter((outcome) => outcome === 'ok').length} / ${run.length}`;
  };
  const row = (title: string, of: readonly Result[]): string => {
    const cells = [cell(of.map(({ outcome }) => outcome)), ...others.map((other) => cell(of.map(({ name }) => other.get(name))))];
    return `| ${title} | ${cells.join(' | ')} |`;
  };
  const suites = [...new Set(results.map(({ name }) => suiteOf(name)))];
  const rows = suites.map((suite) =>
    row(
      suite,
      results.filter(({ name }) => suiteOf(name) === suite),
    ),
  );
  return ['| suite | ring3 | Samba 4.17 | ksmbd 7.2 |', '|---|---:|---:|---:|', ...rows, row('**all**', results)].join('\n');
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      table: { type: 'boolean' },
      update: { type: 'boolean' },
      timeout: { type: 'string', default: '60' },
    },
  });
  const results: Result[] = [];
  await using torture = await startTorture();
  for (const name of coreTests().filter((test) => new RegExp(values.only).test(test))) {
    const result = await torture.run(name, Number(values.timeout));
    results.push(result);
    console.log(`${result.outcome.padEnd(8)}${result.seconds.toFixed(1).padStart(6)}  ${name}  ${result.reason}`);
  }
  if (values.table === true) console.log(`\n${table(results)}`);
  if (values.update === true) {
    const ran = new Set(results.map(({ name }) => name));
    const passed = results.filter(({ outcome }) => outcome === 'ok').map(({ name }) => name);
    const kept = [...expectedPasses().filter((name) => !ran.has(name)), ...passed];
    writeFileSync(
      join(expectedAt, 'ring3.txt'),
      `${coreTests()
        .filter((name) => kept.includes(name))
        .join('\n')}\n`,
    );
  }
}

if (import.meta.main) await main();
