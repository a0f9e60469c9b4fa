import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A port of the loopback that was free at the time of the call. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

/** Waits until a process listens. @throws if none does within `ms` */
export async function listening(port: number, ms = 10_000): Promise<void> {
  for (const end = performance.now() + ms; ; await delay(20)) {
    const there = await new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (there) return;
    if (performance.now() > end) throw new Error(`no process listens on port ${port}`);
  }
}

/** Ends the server of named pipes, which smbd starts on demand in a separate process group. */
function endPipes(base: string): void {
  const file = join(base, 'run', 'samba-dcerpcd.pid');
  if (existsSync(file)) process.kill(-Number(readFileSync(file, 'utf8').trim()), 'SIGTERM');
}

/** Whether a process group still has processes. */
function alive(group: number): boolean {
  try {
    return process.kill(-group, 0);
  } catch {
    return false;
  }
}

export interface Smbd extends AsyncDisposable {
  readonly port: number;
  /** Process id of the parent, the leader of its process group. */
  readonly pid: number;
  readonly user: string;
  readonly password: string;
}

/**
 * A private Samba on a random port of the loopback, with one share named `share` on `folder`; needs root for the files' owner. Its state is
 * in a directory that is removed when it ends.
 * @param more further lines of [global]
 * @param shares the lines of further shares, by name
 * @param users further users of the machine that may log on, with the same password
 */
export async function startSmbd(
  folder: string,
  more: readonly string[] = [],
  shares: Readonly<Record<string, readonly string[]>> = {},
  users: readonly string[] = [],
): Promise<Smbd> {
  const user = userInfo().username;
  const password = 'secret';
  const port = await freePort();
  const base = mkdtempSync(join(tmpdir(), 'ring3-smbd-'));
  for (const name of ['private', 'lock', 'run', 'log']) mkdirSync(join(base, name));
  const conf = join(base, 'smb.conf');
  const lines = [
    'server role = standalone server',
    'interfaces = 127.0.0.1',
    'bind interfaces only = yes',
    `smb ports = ${port}`,
    `private dir = ${base}/private`,
    ...['lock', 'state', 'cache'].map((kind) => `${kind} directory = ${base}/lock`),
    `pid directory = ${base}/run`,
    `ncalrpc dir = ${base}/run/ncalrpc`,
    `log file = ${base}/log/log`,
    'disable netbios = yes',
    'load printers = no',
    'disable spoolss = yes',
    'server min protocol = SMB2_02',
    'smb2 leases = yes',
    ...more,
  ];
  const sections = { global: lines, share: [`path = ${folder}`, 'read only = no'], ...shares };
  writeFileSync(
    conf,
    Object.entries(sections)
      .map(([name, its]) => `[${name}]\n${its.join('\n')}\n`)
      .join(''),
  );
  for (const name of [user, ...users]) {
    execFileSync('smbpasswd', ['-c', conf, '-s', '-a', name], { input: `${password}\n${password}\n`, stdio: ['pipe', 'ignore', 'pipe'] });
  }
  const smbd = spawn('smbd', ['--foreground', '--no-process-group', '-s', conf], { stdio: 'ignore', detached: true });
  const ended = new Promise<void>((resolve) => smbd.once('exit', () => resolve()));
  const pid = smbd.pid as number;
  const kill = (): void => {
    endPipes(base);
    if (smbd.exitCode === null && smbd.signalCode === null) process.kill(-pid, 'SIGTERM');
  };
  process.once('exit', kill); // it leads its own process group, and would survive an interrupted program
  const stop = async (): Promise<void> => {
    process.off('exit', kill);
    kill();
    await ended;
    for (let i = 0; i < 250 && alive(pid); i++) await delay(20); // its children write into the directory until they end
    rmSync(base, { recursive: true, force: true });
  };
  try {
    await listening(port);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, pid, user, password, [Symbol.asyncDispose]: stop };
}
