import { resolve } from 'node:path';
import type { DaemonStatus } from '@ring3/daemon';
import { runtimeDirWarning } from '@ring3/daemon/places';
import type { Log } from '@ring3/kit';
import type { Command } from 'commander';
import { isQuiet } from '../note.ts';
import { ignoreOutput, printLine } from '../output.ts';
import { ownSocket } from '../places.ts';
import { check } from '../serve/check.ts';
import { configurationOf } from '../serve/configured.ts';
import { addressOf, captureOf, consoleOf, folderOf, type ServeOptions, userOf } from '../serve/options.ts';
import { settingsOf } from '../serve/settings.ts';
import { obeySignals, reloadOnSignal } from '../serve/signals.ts';
import { collect, once, oneOf, port, speed, UsageError } from '../usage.ts';

const logLevels = ['trace', 'debug', 'info', 'warn', 'error'] as const;

/** `ring3 serve [DIR]`: the daemon. */
export function addServe(program: Command): void {
  program
    .command('serve [dir]')
    .description('start the daemon: share a directory, and serve netlink; without a directory only the connection tracker runs')
    .option(
      '--config <file>',
      "ring3's configuration (TOML), or a ksmbd.conf of the kernel's server; options of the command line have priority",
    )
    .option('--check', 'check the configuration and the requirements of a start, and end')
    .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
    .option('-p, --port <n>', 'TCP port, 0 for any (default: 4450)', port)
    .option('--memory', 'share a memory store instead of a directory: empty at the start, lost at the end')
    .option('--share <name>', "the share's name (default: the directory's, or memory)")
    .option(
      '--user <name[:password]>',
      'a user who may log on; repeatable; the password is asked for, or taken from RING3_PASSWORD',
      collect,
    )
    .option('--allow-empty-password', 'let users whose password is empty log on')
    .option('--guest', 'accept clients without a password (neither signed nor encrypted; Windows 11 24H2 rejects it)')
    .option('--read-only', 'clients cannot change anything')
    .option('--signing <how>', 'required or enabled (default: required)', oneOf('--signing', ['required', 'enabled']))
    .option(
      '--encryption <how>',
      'off (only if the client asks), desired or required (default: off)',
      oneOf('--encryption', ['off', 'desired', 'required']),
    )
    .option('--as <user>', 'started by root: become this user of the machine after the port is bound')
    .option('--state-dir <dir>', 'the state directory')
    .option('--control <socket>', `control socket, or off (default: ${ownSocket('control')})`)
    .option('--netlink <socket>', `netlink socket, or off (default: ${ownSocket('netlink')})`)
    .option('--console <port>', 'metrics and status over HTTP on loopback: a port, 0 for any, or off (default: off)', consolePort)
    .option('--capture <file>', 'play a pcap or pcapng file into the namespace "capture" before serve is ready', once('--capture'))
    .option('--capture-speed <n>', 'speed: 1 for the time of the capture (default: as fast as possible)', speed)
    .option('--capture-checksums', 'packets of the capture with a wrong checksum are invalid')
    .option(
      '--log-level <level>',
      `${logLevels.join(', ')} (default: info); trace starts with every debug switch on`,
      oneOf('--log-level', logLevels),
    )
    .option('--log-format <format>', 'pretty or json (default: pretty)', oneOf('--log-format', ['pretty', 'json']))
    .action((dir: string | undefined, options: ServeOptions) => serve(dir, options));
}

async function serve(dir: string | undefined, options: ServeOptions): Promise<void> {
  const [{ startDaemon, defaultStateDir, serviceManager, takePlace }, kit, { isWritable }] = await Promise.all([
    import('@ring3/daemon'),
    import('@ring3/kit'),
    import('@ring3/linux'),
  ]);
  const first = await configurationOf(options);
  const { daemon: places } = first;
  if (options.check === true) return check(dir, options, first);
  ignoreOutput();
  const format = options.logFormat ?? places['log-format'];
  const log = await (format === 'json' ? kit.createLog : kit.createPrettyLog)({
    level: options.logLevel ?? places['log-level'] ?? 'info',
    isWritable,
  });
  const socket = (path: string): string | undefined => (path === 'off' ? undefined : resolve(path));
  const users: [string, string][] = [];
  for (const text of options.user ?? []) users.push(await userOf(text, options)); // one prompt at a time
  const at = {
    stateDir: options.stateDir ?? places['state-dir'],
    control: options.control ?? places.control,
    netlink: options.netlink ?? places.netlink,
  };
  const as = options.as ?? places.user;
  const unused = [at.control ?? process.env['RING3_CONTROL'], at.netlink ?? process.env['RING3_NETLINK']].includes(undefined)
    ? runtimeDirWarning()
    : undefined;
  if (unused !== undefined) log.warn(unused);
  const sockets = { control: socket(at.control ?? ownSocket('control')), netlink: socket(at.netlink ?? ownSocket('netlink')) };
  if (sockets.control !== undefined && sockets.control === sockets.netlink)
    throw new UsageError(`--control and --netlink are two sockets: ${sockets.control} cannot be both`);
  const listening = await takePlace({
    as,
    ...addressOf(options, first),
    folders: [at.stateDir, folderOf(at.control), folderOf(at.netlink)],
  });
  if (listening !== undefined) log.info('listening on a socket that was passed or bound before');
  if (as !== undefined)
    await configurationOf(options).catch(({ message }: Error) => log.warn(`user ${as} cannot read the configuration again: ${message}`));

  const starting = startDaemon({
    stateDir: at.stateDir ?? defaultStateDir(),
    settings: settingsOf(dir, options, users, first),
    config: options.config,
    ...sockets,
    console: consoleOf(options, first),
    capture: captureOf(options),
    listening,
    manager: serviceManager(kit.systemClock),
    log,
  });
  reloadOnSignal(starting, log);
  const daemon = await starting;
  const status = daemon.status();
  const { smb, control, netlink, console: url } = status;
  const parts = Object.entries({ smb, control, netlink, console: url }).filter(([, at]) => at !== undefined);
  printLine(['ready', ...parts.map(([name, at]) => `${name}=${at}`)].join(' '));
  const guest = (options.guest ?? first.server.guest) === true;
  if (process.stderr.isTTY === true && !isQuiet()) {
    const { startBlock } = await import('../serve/start-block.ts');
    for (const line of startBlock({ status, guest, madeUser: daemon.madeUser, users: users.map(([name]) => name) })) console.error(line);
  }
  warn(log, status, guest);
  obeySignals(daemon);
  await daemon.stopped;
}

/** Warnings about the mode of operation. */
function warn(log: Log, { smb, shares }: DaemonStatus, guest: boolean): void {
  if (process.getuid?.() === 0) log.warn('running as root: files are created as root, and every file can be accessed (--as USER)');
  if (shares.length === 0)
    log.warn(
      'nothing is shared: name a directory (ring3 serve DIR), a configuration (--config FILE), or add a share (ring3 share add NAME DIR)',
    );
  if (smb === undefined) return;
  if (guest) log.warn('guests are let in, never signed nor encrypted: Windows 11 24H2 rejects such servers');
}

/** @throws UsageError */
function consolePort(text: string): number | 'off' {
  if (!/^(off|\d+)$/.test(text)) throw new UsageError(`--console is a port or off, not "${text}"`);
  return text === 'off' ? 'off' : port(text);
}
