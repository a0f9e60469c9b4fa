import { resolve } from 'node:path';
import type { Log } from '@ring3/kit';
import type { Command } from 'commander';
import { ownSocket } from '../places.ts';
import { check } from '../serve/check.ts';
import { configurationOf } from '../serve/configured.ts';
import { addressOf, captureOf, consoleOf, folderOf, type ServeOptions, userOf } from '../serve/options.ts';
import { settingsOf } from '../serve/settings.ts';
import { obeySignals, reloadOnSignal } from '../serve/signals.ts';
import { collect, oneOf, port, UsageError } from '../usage.ts';

const logLevels = ['trace', 'debug', 'info', 'warn', 'error'] as const;

/** `ring3 serve [DIR]`: the daemon. */
export function addServe(program: Command): void {
  program
    .command('serve [dir]')
    .description('share a folder, and answer netlink; without a folder only the netfilter half runs')
    .option(
      '--config <file>',
      "ring3's configuration (TOML), or the kernel server's ksmbd.conf; options given here come before what it says",
    )
    .option('--check', 'only say whether the configuration is right')
    .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
    .option('--port <n>', 'TCP port, 0 for any (default: 4450)', port)
    .option('--share <name>', "the share's name; the folder's unless given")
    .option('--user <name[:password]>', 'may log on; repeatable; without a password it is asked for or taken from RING3_PASSWORD', collect)
    .option('--allow-empty-password', 'let users whose password is empty log on')
    .option('--guest', 'let anybody in without a password (never signed nor encrypted; Windows 11 24H2 refuses it)')
    .option('--read-only', 'nothing can be changed')
    .option('--signing <how>', 'required or enabled (default: required)', oneOf('--signing', ['required', 'enabled']))
    .option(
      '--encryption <how>',
      'off (where the client asks for it), desired or required (default: off)',
      oneOf('--encryption', ['off', 'desired', 'required']),
    )
    .option('--as <user>', 'started by root: act as this user of the machine, once the port is held')
    .option('--state-dir <dir>', 'where state lives')
    .option('--control <socket>', `control socket, or off (default: ${ownSocket('control')})`)
    .option('--netlink <socket>', `netlink socket, or off (default: ${ownSocket('netlink')})`)
    .option('--console <port>', 'numbers and status over HTTP on loopback: a port, 0 for any, or off (default: off)', consolePort)
    .option('--capture <file>', 'play a pcap or pcapng file into the namespace "capture"; it has been played when serve is ready')
    .option('--capture-speed <n>', 'times as fast as its packets came, 1 for its own time; as fast as possible unless given', speed)
    .option('--capture-checksums', 'packets of the capture with wrong checksums are invalid')
    .option(
      '--log-level <level>',
      `${logLevels.join(', ')} (default: info); trace begins with every debug switch on`,
      oneOf('--log-level', logLevels),
    )
    .option('--log-format <format>', 'pretty or json (default: pretty)', oneOf('--log-format', ['pretty', 'json']))
    .action((dir: string | undefined, options: ServeOptions) => serve(dir, options));
}

async function serve(dir: string | undefined, options: ServeOptions): Promise<void> {
  const [{ startDaemon, defaultStateDir, serviceManager, takePlace }, kit] = await Promise.all([
    import('@ring3/daemon'),
    import('@ring3/kit'),
  ]);
  const first = await configurationOf(options);
  const { daemon: places } = first;
  if (options.check === true) return check(dir, options, first);
  const format = options.logFormat ?? places['log-format'];
  const log = await (format === 'json' ? kit.createLog : kit.createPrettyLog)({ level: options.logLevel ?? places['log-level'] ?? 'info' });
  const socket = (path: string): string | undefined => (path === 'off' ? undefined : resolve(path));
  const users: [string, string][] = [];
  for (const text of options.user ?? []) users.push(await userOf(text, options)); // one prompt after the other
  const at = {
    stateDir: options.stateDir ?? places['state-dir'],
    control: options.control ?? places.control,
    netlink: options.netlink ?? places.netlink,
  };
  const as = options.as ?? places.user;
  const listening = await takePlace({
    as,
    ...addressOf(options, first),
    folders: [at.stateDir, folderOf(at.control), folderOf(at.netlink)],
  });
  if (listening !== undefined) log.info('the socket to listen on is there already');
  if (as !== undefined)
    await configurationOf(options).catch(({ message }: Error) => log.warn(`user ${as} cannot read the configuration again: ${message}`));

  const starting = startDaemon({
    stateDir: at.stateDir ?? defaultStateDir(),
    settings: settingsOf(dir, options, users, first),
    config: options.config,
    control: socket(at.control ?? ownSocket('control')),
    netlink: socket(at.netlink ?? ownSocket('netlink')),
    console: consoleOf(options, first),
    capture: captureOf(options),
    listening,
    manager: serviceManager(kit.systemClock),
    log,
  });
  reloadOnSignal(starting, log);
  const daemon = await starting;
  const { smb, control, netlink, console: url } = daemon.status();
  const parts = Object.entries({ smb, control, netlink, console: url }).filter(([, at]) => at !== undefined);
  console.log(['ready', ...parts.map(([name, at]) => `${name}=${at}`)].join(' '));
  hint(log, daemon.status().smb, (options.guest ?? first.server.guest) === true);
  obeySignals(daemon);
  await daemon.stopped;
}

function hint(log: Log, smb: string | undefined, guest: boolean): void {
  if (process.getuid?.() === 0) log.warn('running as root: files are made as root and no file is out of reach');
  if (smb === undefined) return;
  if (/^(127\.|\[?::1)/.test(smb)) log.info('listening on loopback only: --host 0.0.0.0 opens it to the network');
  if (guest) log.warn('guests are let in, never signed nor encrypted: Windows 11 24H2 refuses such servers');
  if (!smb.endsWith(':445')) log.info('Windows before 11 24H2 reaches port 445 alone');
}

/** @throws UsageError */
function consolePort(text: string): number | 'off' {
  if (!/^(off|\d+)$/.test(text)) throw new UsageError(`--console is a port or off, not "${text}"`);
  return text === 'off' ? 'off' : port(text);
}

/** @throws UsageError */
function speed(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0) throw new UsageError(`a speed is a number above 0, not "${text}"`);
  return value;
}
