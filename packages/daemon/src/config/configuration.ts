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
  name: unless(name, text('NetBIOS name', runTimeTexts.name, 'a NetBIOS name: 1 to 15 letters, digits and some punctuation')),
  comment: unless(comment, text('server string, shown next to the name', runTimeTexts.comment, '1 to 256 characters')),
  workgroup: unless(workgroup, text('workgroup of the server', runTimeTexts.workgroup, '1 to 15 characters, none of "/\\[]:;|=,+*?<>')),
  signing: unless(signing, choice('required: every session is signed; enabled: only if the client asks', ['required', 'enabled'])),
  encryption: unless(
    encryption,
    choice('off: only if the client asks; desired: every client that can; required: reject other clients', ['off', 'desired', 'required']),
  ),
  compression: flag('READ and WRITE are compressed for clients that ask for it, at dialect 3.1.1'),
  guest: flag('accept unknown users as guests'),
  anonymous: flag('accept clients without a user name (default: the value of guest)'),
  'directory-leases': flag('grant leases of directories: clients that ask for it cache listings', true),
  multichannel: flag('a session may use several connections; a change applies to new connections', true),
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

/**
 * `[limits]`: resources of clients. Each key sets one limit of the file server, in the unit of its name; `read` converts it to the unit of
 * the limit.
 */
export const limitKeys = {
  connections: limit('connections', 'connections of all clients', 1, million),
  'connections-for-address': limit('connectionsForAddress', 'connections from one address', 1, million),
  sessions: limit('sessions', 'sessions of all clients', 1, million),
  'sessions-for-connection': limit('sessionsForConnection', 'sessions on one connection', 1, 65_536),
  'sessions-before-logon': limit('sessionsBeforeLogon', 'unfinished logons on a connection that has no session yet', 1, 1000),
  'channels-for-session': limit('channelsForSession', 'connections of one session (multichannel)', 1, 1000),
  channels: limit('channels', 'connections of all sessions in addition to the first one of each', 1, million),
  'trees-for-session': limit('treesForSession', 'tree connects of one session', 1, 65_536),
  trees: limit('trees', 'tree connects of all sessions', 1, 100 * million),
  opens: limit('opens', 'open files of all clients, within the limit of file descriptors of the process', 1, 100 * million),
  'opens-for-session': limit('opensForSession', 'open files of one session', 1, 10 * million),
  'persistent-opens': limit('persistentOpens', 'persistent opens of all clients; further ones are durable only', 1, million),
  locks: limit('locks', 'byte-range locks of all clients', 1, 100 * million),
  'requests-for-connection': limit('requestsForConnection', 'requests of one connection in progress at a time', 1, 65_535),
  'waiting-for-connection': limit('maxAsync', 'requests of one connection that wait for a lock, a change or a break', 1, 65_535),
  waiting: limit('waiting', 'the same for all connections', 1, 10 * million),
  'kept-bytes': limit('keptBytes', 'bytes of directory changes and pipe responses that clients have not read yet', 1 << 16, 2 ** 40),
  'idle-minutes': limit('idleMs', 'minutes until an idle connection without open files is closed; 0: never', 0, 525_600, minutes),
  'logon-seconds': limit('logonMs', 'seconds until a new connection must have a session', 1, 3600, seconds),
  'failed-logon-delay-ms': limit(
    'failedLogonDelayMs',
    'milliseconds before the response to a failed logon, and for each attempt of an address after several failures; 0: no limit',
    0,
    60_000,
  ),
  'oplock-break-seconds': limit('oplockBreakMs', 'seconds until an unacknowledged oplock break counts as acknowledged', 1, 3600, seconds),
  'durable-seconds': limit(
    'durableMs',
    'seconds that a durable open waits for a disconnected client that asks for no time',
    1,
    86_400,
    seconds,
  ),
  'max-durable-seconds': limit('maxDurableMs', 'maximum of that time that a client can ask for', 1, 86_400, seconds),
  'resilient-seconds': limit(
    'resilientMs',
    'seconds that a resilient open waits for a disconnected client that asks for no time',
    1,
    86_400,
    seconds,
  ),
  'max-resilient-seconds': limit('maxResilientMs', 'maximum of that time that a client can ask for', 1, 86_400, seconds),
  'frame-before-logon': limit('frameBeforeLogon', 'maximum bytes of a frame before the first logon', 4096, 1 << 20),
  'connection-bytes': limit('connectionBytes', 'bytes of unfinished requests and unsent responses of one connection', 1 << 20, 2 ** 31),
  'total-bytes': limit('totalBytes', 'the same for all connections', 1 << 20, 2 ** 40),
  'crowded-seconds': limit(
    'crowdedMs',
    'seconds over connection-bytes or total-bytes after which the connections that hold the most are closed',
    0,
    3600,
    seconds,
  ),
  'close-seconds': limit('closeMs', 'seconds that a stop waits for a directory that does not respond', 0, 3600, seconds),
  credits: limit('maxCredits', 'credits of one connection', 64, 65_535),
  'read-bytes': limit('maxRead', 'maximum bytes of a READ', 65_536, 8 << 20),
  'write-bytes': limit('maxWrite', 'maximum bytes of a WRITE', 65_536, 8 << 20),
  'transact-bytes': limit('maxTransact', 'maximum bytes of any other request or response', 65_536, 8 << 20),
} as const;

/** `[daemon]`: state directory, sockets and log. */
export const daemonKeys = {
  user: text('user of the machine that ring3 becomes if root starts it'),
  'state-dir': path('state directory'),
  control: pathOrOff('path of the control socket, or off'),
  netlink: pathOrOff('path of the netlink socket, or off'),
  'log-level': choice('least level that is logged', ['trace', 'debug', 'info', 'warn', 'error']),
  'log-format': choice('pretty: for people; json: for programs', ['pretty', 'json']),
} as const;

/** `[console]`: metrics and status over HTTP. */
export const consoleKeys = {
  host: text('address to listen on (default: 127.0.0.1)'),
  port: integer('TCP port, 0 for any; turns the console on', 0, 65535),
  'token-file': path('file with the token that clients must send (default: one in the state directory; none on loopback)'),
} as const;

/** `[audit]`: the audit file of shares with `audit`. */
export const auditKeys = {
  path: path(`the file (default: ${auditDefaults.path} in the state directory)`),
  size: unless(auditDefaults.size, integer('bytes after which a new file is started', 4096, 2 ** 40)),
  keep: unless(auditDefaults.keep, integer('number of older files that are kept', 0, 1000)),
  kinds: words('kinds of events that are written (default: all)', auditKinds),
} as const;

export type ServerConfiguration = ValuesOf<typeof serverKeys>;
export type LimitConfiguration = ValuesOf<typeof limitKeys>;
export type DaemonConfiguration = ValuesOf<typeof daemonKeys>;
export type ConsoleConfiguration = ValuesOf<typeof consoleKeys>;
export type AuditConfiguration = ValuesOf<typeof auditKeys>;

/** A user that is defined in a configuration. */
export interface ConfiguredUser {
  readonly name: string;
  /** 16 bytes; missing for a user that cannot log on, such as the user of `force-user`. */
  readonly ntHash?: Uint8Array;
}

/** The values of a configuration. A missing value means the default of its component. */
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
  /** Warnings about valid settings that ring3 does not apply, one line each. */
  readonly warnings: readonly string[];
}
