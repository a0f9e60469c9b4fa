import type { PolicySpecification } from '@ring3/conntrack';
import { type DialectName, dialects } from '@ring3/smb-proto';
import { defaultLimits, type Limits, runTimeDefaults, runTimeTexts } from '@ring3/smb-server';
import { auditDefaults } from '../audit/audit-defaults.ts';
import { auditKinds } from '../audit/audit-line.ts';
import { choice, flag, integer, type Key, path, pathOrOff, text, unless, type ValuesOf, words } from './keys.ts';
import type { ShareConfiguration } from './share-keys.ts';

const { name, comment, workgroup, signing, encryption } = runTimeDefaults;
const dialectNames = Object.keys(dialects) as DialectName[];

/** `[server]`: the file server as a whole. */
export const serverKeys = {
  host: unless('127.0.0.1', text('address to listen on')),
  port: unless(4450, integer('TCP port; 0 for any', 0, 65535)),
  name: unless(name, text('NetBIOS name', runTimeTexts.name, 'a NetBIOS name: 1 to 15 letters, digits and some signs')),
  comment: unless(comment, text('shown beside the name: the server string', runTimeTexts.comment, '1 to 256 characters')),
  workgroup: unless(workgroup, text('the work group it is in', runTimeTexts.workgroup, '1 to 15 characters, none of "/\\[]:;|=,+*?<>')),
  signing: unless(signing, choice('whether every session is signed, or those whose client asks', ['required', 'enabled'])),
  encryption: unless(
    encryption,
    choice('of no session unless the client asks, of each that can, or of all', ['off', 'desired', 'required']),
  ),
  guest: flag('let users that are not known in as guests'),
  anonymous: flag('let clients without a name in; as guest unless said'),
  'dialect-min': unless('2.0.2', choice('the lowest dialect', dialectNames)),
  'dialect-max': unless('3.1.1', choice('the highest dialect', dialectNames)),
} as const;

/** A key of `[limits]`: which limit of the file server it sets. */
interface LimitKey extends Key<number> {
  readonly limit: keyof Limits;
}
const limit = (name: keyof Limits, about: string, minimum: number, maximum: number, unit = 1): LimitKey => {
  const { schema, read, ...key } = integer(about, minimum, maximum);
  const scaled = (value: unknown): number | undefined => {
    const number = read(value);
    return number === undefined ? undefined : number * unit;
  };
  return { ...key, limit: name, schema: { ...schema, default: defaultLimits[name] / unit }, read: scaled };
};
const seconds = 1000;
const minutes = 60 * seconds;
const million = 1_000_000;

/** `[limits]`: what clients may cost. Each is one of the file server's limits, in the unit that its name tells; what is read is in the file server's. */
export const limitKeys = {
  connections: limit('connections', 'connections in all', 1, million),
  'connections-for-address': limit('connectionsForAddress', 'connections from one address', 1, million),
  sessions: limit('sessions', 'sessions in all', 1, million),
  'sessions-for-connection': limit('sessionsForConnection', 'sessions on one connection', 1, 65_536),
  'sessions-before-logon': limit('sessionsBeforeLogon', 'log-ons that are begun on a connection where nobody has logged on yet', 1, 1000),
  'trees-for-session': limit('treesForSession', 'shares that one session is connected to', 1, 65_536),
  trees: limit('trees', 'shares that all sessions are connected to', 1, 100 * million),
  opens: limit('opens', 'files that are open in all, as far as the process may have file descriptors', 1, 100 * million),
  'opens-for-session': limit('opensForSession', 'files that one session has open', 1, 10 * million),
  locks: limit('locks', 'byte-range locks in all', 1, 100 * million),
  'requests-for-connection': limit('requestsForConnection', 'requests of a connection that are worked on at a time', 1, 65_535),
  'waiting-for-connection': limit('maxAsync', 'requests of a connection that wait for a lock, a change, a break', 1, 65_535),
  waiting: limit('waiting', 'the same of all connections', 1, 10 * million),
  'kept-bytes': limit(
    'keptBytes',
    'changes of directories and responses of pipes that are kept until a client asks for them',
    1 << 16,
    2 ** 40,
  ),
  'idle-minutes': limit('idleMs', 'until a connection that sent nothing and has nothing open is let go; 0: never', 0, 525_600, minutes),
  'logon-seconds': limit('logonMs', 'until somebody has to have logged on', 1, 3600, seconds),
  'failed-logon-delay-ms': limit(
    'failedLogonDelayMs',
    'before a failed log-on is answered, and for each attempt of an address after some that failed, in milliseconds; 0: no limit',
    0,
    60_000,
  ),
  'oplock-break-seconds': limit('oplockBreakMs', 'until a broken oplock counts as acknowledged', 1, 3600, seconds),
  'frame-before-logon': limit('frameBeforeLogon', 'bytes of a frame before somebody has logged on', 4096, 1 << 20),
  'connection-bytes': limit('connectionBytes', 'bytes received and unfinished, or unsent, for a connection', 1 << 20, 2 ** 31),
  'total-bytes': limit('totalBytes', 'the same for all connections together', 1 << 20, 2 ** 40),
  'crowded-seconds': limit('crowdedMs', 'until the connections that hold the most are ended because those are exceeded', 0, 3600, seconds),
  'close-seconds': limit('closeMs', 'until a stop waits no more for a folder that does not answer', 0, 3600, seconds),
  credits: limit('maxCredits', 'credits of a connection', 64, 65_535),
  'read-bytes': limit('maxRead', 'longest READ', 65_536, 8 << 20),
  'write-bytes': limit('maxWrite', 'longest WRITE', 65_536, 8 << 20),
  'transact-bytes': limit('maxTransact', 'longest other answer or request', 65_536, 8 << 20),
} as const;

/** `[daemon]`: where it keeps and says things. */
export const daemonKeys = {
  user: text('user of the machine that ring3 acts as, where root starts it'),
  'state-dir': path('state directory'),
  control: pathOrOff('path of the control socket, or off'),
  netlink: pathOrOff('path of the netlink socket, or off'),
  'log-level': choice('how much is logged', ['trace', 'debug', 'info', 'warn', 'error']),
  'log-format': choice('for people or for programs', ['pretty', 'json']),
} as const;

/** `[console]`: numbers and status over HTTP. */
export const consoleKeys = {
  host: text('address to listen on; 127.0.0.1 unless given'),
  port: integer('TCP port, 0 for any; the console is on where it is given', 0, 65535),
  'token-file': path('file that holds the token that clients show; without it one of the state directory, and none on loopback'),
} as const;

/** `[audit]`: where is written who did what, for shares with `audit`. */
export const auditKeys = {
  path: path(`the file; ${auditDefaults.path} in the state directory unless given`),
  size: unless(auditDefaults.size, integer('bytes after which another file begins', 4096, 2 ** 40)),
  keep: unless(auditDefaults.keep, integer('older files that are kept', 0, 1000)),
  kinds: words('what is written about; everything unless given', auditKinds),
} as const;

export type ServerConfiguration = ValuesOf<typeof serverKeys>;
export type LimitConfiguration = ValuesOf<typeof limitKeys>;
export type DaemonConfiguration = ValuesOf<typeof daemonKeys>;
export type ConsoleConfiguration = ValuesOf<typeof consoleKeys>;
export type AuditConfiguration = ValuesOf<typeof auditKeys>;

/** A user that a configuration brings along. */
export interface ConfiguredUser {
  readonly name: string;
  /** 16 bytes; missing where nobody logs on by that name: it is one that others act as. */
  readonly ntHash?: Uint8Array;
}

/** What a configuration says; what it leaves out is the default of the part that it concerns. */
export interface Configuration {
  readonly server: ServerConfiguration;
  readonly limits: LimitConfiguration;
  readonly shares: readonly ShareConfiguration[];
  readonly daemon: DaemonConfiguration;
  readonly console: ConsoleConfiguration;
  readonly audit: AuditConfiguration;
  readonly users: readonly ConfiguredUser[];
  /** Timeout policies, `[timeout.NAME]`. */
  readonly timeouts: readonly PolicySpecification[];
  /** Settings of the tracker, `[sysctl]`: by name, such as `nf_conntrack_max`. */
  readonly sysctls: Readonly<Record<string, number>>;
  /** Rules, `[[rule]]`: each as the words of `ring3 rule add`. */
  readonly rules: readonly (readonly string[])[];
  /** What is understood and cannot be honoured, one line each. */
  readonly warnings: readonly string[];
}
