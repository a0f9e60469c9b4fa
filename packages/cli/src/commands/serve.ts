import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Daemon, DaemonOptions, KnownUser, Settings, StateStore } from '@ring3/daemon';
import type { ConsoleConfiguration, DaemonConfiguration, ShareConfiguration } from '@ring3/daemon/config';
import { folderFault } from '@ring3/daemon/places';
import { shareName, shareNames } from '@ring3/daemon/share-keys';
import type { Log, LogLevel } from '@ring3/kit';
import type { Command } from 'commander';
import { makePassword, passwordFor } from '../password.ts';
import { defaultControl, defaultNetlink } from '../places.ts';
import { collect, oneOf, port, UsageError } from '../usage.ts';
import { checkUserName } from './user.ts';

interface ServeOptions {
  readonly config?: string;
  readonly check?: true;
  readonly host?: string;
  readonly port?: number;
  readonly share?: string;
  readonly user?: readonly string[];
  readonly guest?: true;
  readonly readOnly?: true;
  readonly signing?: 'required' | 'enabled';
  readonly encryption?: 'off' | 'desired' | 'required';
  readonly as?: string;
  readonly stateDir?: string;
  readonly control?: string;
  readonly netlink?: string;
  readonly console?: number | 'off';
  readonly capture?: string;
  readonly captureSpeed?: number;
  readonly captureChecksums?: true;
  readonly logLevel?: LogLevel;
  readonly logFormat?: 'pretty' | 'json';
}

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
    .option('--control <socket>', `control socket, or off (default: ${defaultControl()})`)
    .option('--netlink <socket>', `netlink socket, or off (default: ${defaultNetlink()})`)
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
  const users = await Promise.all((options.user ?? []).map(userOf));
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
    await configurationOf(options).catch(({ message }: Error) => log.warn(`${as} cannot read the configuration again: ${message}`));

  const daemon = await startDaemon({
    stateDir: at.stateDir ?? defaultStateDir(),
    settings: settingsOf(dir, options, users, first, (warning) => log.warn(warning)),
    config: options.config,
    control: socket(at.control ?? defaultControl()),
    netlink: socket(at.netlink ?? defaultNetlink()),
    console: consoleOf(options, first),
    capture: captureOf(options),
    listening,
    manager: serviceManager(kit.systemClock),
    log,
  });
  if (daemon.madeUser !== undefined) console.log(`user ${daemon.madeUser.name} password ${daemon.madeUser.password}`);
  const { smb, control, netlink, console: url } = daemon.status();
  const parts = Object.entries({ smb, control, netlink, console: url }).filter(([, at]) => at !== undefined);
  console.log(['ready', ...parts.map(([name, at]) => `${name}=${at}`)].join(' '));
  hint(log, daemon.status().smb, (options.guest ?? first.server.guest) === true);
  obeySignals(daemon, log);
  await daemon.stopped;
}

const folderOf = (socket: string | undefined): string | undefined =>
  socket === undefined || socket === 'off' ? undefined : dirname(socket);

/** Where to listen, as far as nobody gave a socket. */
const addressOf = ({ host, port }: ServeOptions, { server }: Configured): { host: string; port: number } => ({
  host: host ?? server.host ?? '127.0.0.1',
  port: port ?? server.port ?? 4450,
});

/** A signal to end lets clients finish, a second one does not; SIGHUP reads the configuration again. */
function obeySignals(daemon: Daemon, log: Log): void {
  let told = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      void daemon.stop(told ? 0 : undefined);
      told = true;
    });
  process.on('SIGHUP', () => {
    daemon.reload().catch((error: Error) => log.error(`the configuration stays as it was: ${error.message}`));
  });
}

/** What is served: what the configuration file says, read anew each time but the first, under what the command line says. */
function settingsOf(
  dir: string | undefined,
  options: ServeOptions,
  users: readonly (readonly [string, string])[],
  first: Configured,
  warn: (line: string) => void,
): (state: StateStore | undefined) => Promise<Settings> {
  let read: Configured | undefined = first;
  return async (state) => {
    const configured = read ?? (await configurationOf(options));
    read = undefined;
    const { shares, warnings } = await sharesWith(dir, options, configured, state);
    for (const warning of warnings) warn(warning);
    return {
      shares,
      smb: {
        signing: 'required',
        encryption: 'off',
        ...configured.server,
        ...addressOf(options, configured),
        ...given({
          signing: options.signing,
          encryption: options.encryption,
          guest: options.guest,
        }),
      },
      users: new Map<string, KnownUser>([...configured.users, ...users]),
      makeUser: () => ({ name: 'ring3', password: makePassword() }),
      audit: given(configured.audit),
      timeouts: configured.timeouts,
      rules: configured.rules,
    };
  };
}

/** What the configuration, the state directory and the command line share together, and what is to be said about all of it. */
async function sharesWith(
  dir: string | undefined,
  options: ServeOptions,
  configured: Configured,
  state: StateStore | undefined,
): Promise<{ readonly shares: NonNullable<Settings['shares']>; readonly warnings: readonly string[] }> {
  const { nestedShares, sharesOf, unknownUsers, withStored } = await import('@ring3/daemon/config');
  const own = dir === undefined ? [] : [shareOf(dir, options)];
  const others = configured.shares.filter(({ name }) => !own.some((share) => share.name.toUpperCase() === name.toUpperCase()));
  const { shares, warnings } = withStored([...others, ...own], state?.shares() ?? [], state?.folder ?? '');
  const named = new Set([...configured.users.map(([name]) => name), ...(options.user ?? []).map(nameIn)].map((name) => name.toLowerCase()));
  const knows = (name: string): boolean => named.has(name.toLowerCase()) || state?.user(name) !== undefined;
  return {
    shares: sharesOf(shares),
    warnings: [...configured.warnings, ...warnings, ...nestedShares(shares), ...unknownUsers(shares, knows)],
  };
}

/** Says whether what would be served can be, without making anything. */
async function check(dir: string | undefined, options: ServeOptions, configured: Configured): Promise<void> {
  const { checkSettings, defaultStateDir, readToken, StateStore } = await import('@ring3/daemon');
  const stateDir = options.stateDir ?? configured.daemon['state-dir'] ?? defaultStateDir();
  using state = existsSync(join(stateDir, 'state.sqlite')) ? new StateStore(stateDir) : undefined;
  const settings = settingsOf(dir, options, [], configured, (warning) => console.error(`ring3: ${warning}`));
  await checkSettings(await settings(state), stateDir);
  const tokenFile = consoleOf(options, configured)?.tokenFile;
  if (tokenFile !== undefined) readToken(tokenFile);
  console.log(`${options.config}: fine`);
}

/** What of these is not undefined. */
const given = <T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;

/** What a configuration file adds to the options. */
interface Configured {
  readonly server: Partial<NonNullable<Settings['smb']>>;
  readonly shares: readonly ShareConfiguration[];
  readonly users: readonly (readonly [string, KnownUser])[];
  readonly daemon: DaemonConfiguration;
  readonly console: ConsoleConfiguration;
  readonly audit: NonNullable<Settings['audit']>;
  readonly timeouts: NonNullable<Settings['timeouts']>;
  readonly rules: NonNullable<Settings['rules']>;
  readonly warnings: readonly string[];
}

/** What the configuration file says, or nothing where there is none. @throws UsageError, ConfigurationError */
async function configurationOf({ config, check }: ServeOptions): Promise<Configured> {
  if (config === undefined) {
    if (check === true) throw new UsageError('--check needs --config FILE');
    return { server: {}, shares: [], users: [], daemon: {}, console: {}, audit: {}, timeouts: [], rules: [], warnings: [] };
  }
  const { loadConfiguration, fileServerOf } = await import('@ring3/daemon/config');
  const configuration = loadConfiguration(config);
  const users = configuration.users.map(
    ({ name, ntHash }) => [name, ntHash === undefined ? ({ logOn: false } as const) : { ntHash }] as const,
  );
  const { shares, daemon, console, audit, timeouts, rules, warnings } = configuration;
  return { server: fileServerOf(configuration), shares, users, daemon, console, audit, timeouts, rules, warnings };
}

/** The name in NAME or NAME:PASSWORD. */
const nameIn = (text: string): string => text.split(':', 1)[0] as string;

async function userOf(text: string): Promise<[string, string]> {
  const name = nameIn(text);
  checkUserName(name);
  return [name, await passwordFor(name, text.includes(':') ? text.slice(name.length + 1) : undefined)];
}

function shareOf(dir: string, options: ServeOptions): ShareConfiguration {
  const path = resolve(dir);
  const fault = folderFault(path);
  if (fault !== undefined) throw new Error(fault);
  const name = options.share ?? basename(path);
  if (!shareName.test(name)) throw new UsageError(`"${name}" is no name of a share: ${shareNames} (give one with --share)`);
  return { name, path, 'read-only': options.readOnly === true, guest: options.guest === true, at: 'the command line' };
}

/** @throws UsageError */
function consolePort(text: string): number | 'off' {
  if (!/^(off|\d+)$/.test(text)) throw new UsageError(`--console is a port or off, not "${text}"`);
  return text === 'off' ? 'off' : port(text);
}

function consoleOf(options: ServeOptions, { console: configured }: Configured): DaemonOptions['console'] {
  const at = options.console ?? configured.port ?? 'off';
  return at === 'off' ? undefined : { host: configured.host, port: at, tokenFile: configured['token-file'] };
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

function hint(log: Log, smb: string | undefined, guest: boolean): void {
  if (process.getuid?.() === 0) log.warn('running as root: files are made as root and no file is out of reach');
  if (smb === undefined) return;
  if (/^(127\.|\[?::1)/.test(smb)) log.info('listening on loopback only: --host 0.0.0.0 opens it to the network');
  if (guest) log.warn('guests are let in, never signed nor encrypted: Windows 11 24H2 refuses such servers');
  if (!smb.endsWith(':445')) log.info('Windows before 11 24H2 reaches port 445 alone');
}
