import { statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { DaemonOptions } from '@ring3/daemon';
import type { Log, LogLevel } from '@ring3/kit';
import type { Command } from 'commander';
import { makePassword, passwordFor } from '../password.ts';
import { defaultControl, defaultNetlink } from '../places.ts';
import { collect, oneOf, port, UsageError } from '../usage.ts';
import { checkUserName } from './user.ts';

interface ServeOptions {
  readonly host: string;
  readonly port: number;
  readonly share?: string;
  readonly user?: readonly string[];
  readonly guest?: true;
  readonly readOnly?: true;
  readonly signing: 'required' | 'enabled';
  readonly encryption: 'off' | 'desired' | 'required';
  readonly stateDir?: string;
  readonly control: string;
  readonly netlink: string;
  readonly capture?: string;
  readonly captureSpeed?: number;
  readonly captureChecksums?: true;
  readonly logLevel: LogLevel;
  readonly logFormat: 'pretty' | 'json';
}

const logLevels = ['trace', 'debug', 'info', 'warn', 'error'] as const;

/** `ring3 serve [DIR]`: the daemon. */
export function addServe(program: Command): void {
  program
    .command('serve [dir]')
    .description('share a folder, and answer netlink; without a folder only the netfilter half runs')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <n>', 'TCP port, 0 for any', port, 4450)
    .option('--share <name>', "the share's name; the folder's unless given")
    .option('--user <name[:password]>', 'may log on; repeatable; without a password it is asked for or taken from RING3_PASSWORD', collect)
    .option('--guest', 'let anybody in without a password (never signed nor encrypted; Windows 11 24H2 refuses it)')
    .option('--read-only', 'nothing can be changed')
    .option('--signing <how>', 'required or enabled', oneOf('--signing', ['required', 'enabled']), 'required')
    .option('--encryption <how>', 'off, desired or required', oneOf('--encryption', ['off', 'desired', 'required']), 'desired')
    .option('--state-dir <dir>', 'where state lives')
    .option('--control <socket>', 'control socket, or off', defaultControl())
    .option('--netlink <socket>', 'netlink socket, or off', defaultNetlink())
    .option('--capture <file>', 'play a pcap or pcapng file into the namespace "capture"; it has been played when serve is ready')
    .option('--capture-speed <n>', 'times as fast as its packets came, 1 for its own time; as fast as possible unless given', speed)
    .option('--capture-checksums', 'packets of the capture with wrong checksums are invalid')
    .option('--log-level <level>', logLevels.join(', '), oneOf('--log-level', logLevels), 'info')
    .option('--log-format <format>', 'pretty or json', oneOf('--log-format', ['pretty', 'json']), 'pretty')
    .action((dir: string | undefined, options: ServeOptions) => serve(dir, options));
}

async function serve(dir: string | undefined, options: ServeOptions): Promise<void> {
  const [{ startDaemon, defaultStateDir }, kit] = await Promise.all([import('@ring3/daemon'), import('@ring3/kit')]);
  const users = new Map<string, string>();
  for (const text of options.user ?? []) users.set(...(await userOf(text)));
  const stateDir = options.stateDir ?? defaultStateDir();
  const log = await (options.logFormat === 'json' ? kit.createLog : kit.createPrettyLog)({ level: options.logLevel });

  const daemon = await startDaemon({
    stateDir,
    shares: dir === undefined ? [] : [shareOf(dir, options)],
    smb: {
      host: options.host,
      port: options.port,
      signing: options.signing,
      encryption: options.encryption,
      guest: options.guest === true,
    },
    users,
    makeUser: () => ({ name: 'ring3', password: makePassword() }),
    control: options.control === 'off' ? undefined : resolve(options.control),
    netlink: options.netlink === 'off' ? undefined : resolve(options.netlink),
    capture: captureOf(options),
    log,
  });
  if (daemon.madeUser !== undefined) console.log(`user ${daemon.madeUser.name} password ${daemon.madeUser.password}`);
  const { smb, control, netlink } = daemon.status();
  const parts = Object.entries({ smb, control, netlink }).filter(([, at]) => at !== undefined);
  console.log(['ready', ...parts.map(([name, at]) => `${name}=${at}`)].join(' '));
  hint(log, daemon.status().smb);

  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => daemon.stop());
  await daemon.stopped;
}

async function userOf(text: string): Promise<[string, string]> {
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  checkUserName(name);
  return [name, await passwordFor(name, colon < 0 ? undefined : text.slice(colon + 1))];
}

function shareOf(dir: string, options: ServeOptions): DaemonOptions['shares'][number] {
  const path = resolve(dir);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw new Error(`there is no folder ${path}`);
  const name = options.share ?? basename(path);
  if (name.length === 0 || name.length > 80 || /["/\\[\]:;|=,+*?<>\p{Cc}]/u.test(name) || /^(ipc\$)$/i.test(name)) {
    throw new UsageError(`"${name}" is no share name: 1 to 80 characters, none of "/\\[]:;|=,+*?<> (give one with --share)`);
  }
  return { name, path, readOnly: options.readOnly === true, guest: options.guest === true };
}

/** @throws UsageError */
function speed(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0) throw new UsageError(`a speed is a number above 0, not "${text}"`);
  return value;
}

function captureOf({ capture, captureSpeed, captureChecksums }: ServeOptions): DaemonOptions['capture'] {
  if (capture !== undefined) return { path: resolve(capture), speed: captureSpeed, checksums: captureChecksums === true };
  if (captureSpeed !== undefined || captureChecksums === true)
    throw new UsageError('--capture-speed and --capture-checksums need --capture FILE');
  return undefined;
}

function hint(log: Log, smb: string | undefined): void {
  if (process.getuid?.() === 0) log.warn('running as root: files are made as root and no file is out of reach');
  if (smb === undefined) return;
  if (/^(127\.|\[?::1)/.test(smb)) log.info('listening on loopback only: --host 0.0.0.0 opens it to the network');
  if (!smb.endsWith(':445')) log.info('Windows before 11 24H2 reaches port 445 alone');
}
