import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const bin = resolve(import.meta.dirname, '../../packages/cli/bin/ring3.js');

/** The command that runs this checkout's command line. */
export const ring3Command: readonly [string, string] = [process.execPath, bin];

/** A running daemon of this checkout. */
export interface Ring3 extends AsyncDisposable {
  readonly pid: number;
  /** The SMB port. */
  readonly port: number;
  /** Sockets, by their names in `ready`: control, netlink. */
  readonly at: Readonly<Record<string, string>>;
  readonly user: string;
  readonly password: string;
  /** Its standard error output so far. */
  log(): string;
}

/**
 * Starts `ring3 serve` on a directory, with a user, its own state directory and sockets, on a port that it chooses, and waits for `ready`.
 * @param folder shared as `share`
 * @param more further options, such as `--signing enabled`
 * @param prefix the prefix of the command, for example that of a namespace
 * @throws if it ends before it is ready, with its output
 */
export const startRing3 = (folder: string, more: readonly string[] = [], prefix: readonly string[] = []): Promise<Ring3> =>
  serveRing3([folder, '--share', 'share', '--user', `${user}:${password}`, ...more], prefix);

const user = 'tester';
const password = 'secret';

/**
 * Starts `ring3 serve WORDS` with its own state directory and sockets, on a port that it chooses, and waits for `ready`.
 * @throws if it ends before it is ready, with its output
 */
export async function serveRing3(words: readonly string[], prefix: readonly string[] = []): Promise<Ring3> {
  const base = mkdtempSync(join(tmpdir(), 'ring3-interop-'));
  const own = ['--port', '0', '--state-dir', `${base}/state`, '--control', `${base}/control.sock`, '--netlink', `${base}/netlink.sock`];
  const [command, ...rest] = [...prefix, ...ring3Command, 'serve', ...own, ...words] as [string, ...string[]];
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(timer);
    rmSync(base, { recursive: true, force: true });
  };
  const ready = new Promise<string>((found, failed) => {
    createInterface({ input: child.stdout }).on('line', (line) => line.startsWith('ready ') && found(line));
    void ended.then(() => failed(new Error(`ring3 ended before it was ready:\n${log}`)));
  });
  try {
    const words = (await ready).split(' ').slice(1);
    const at = Object.fromEntries(words.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]));
    return {
      pid: child.pid as number,
      port: Number(at['smb']?.replace(/^.*:/, '')),
      at,
      user,
      password,
      log: () => log,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
