import type { PolicySpecification } from '@ring3/conntrack';
import { choice, flag, integer, list, text, type ValuesOf } from './keys.ts';

const dialects = ['2.0.2', '2.1', '3.0', '3.0.2', '3.1.1'] as const;
/** A dialect by the name that people use. */
export type DialectName = (typeof dialects)[number];

/** Names that a share may have: MS-FSCC 2.1.6, and what cannot stand in a UNC path. */
export const shareName = /^(?!(?:ipc\$)$)[^"/\\[\]:;|=,+*?<>\p{Cc}]{1,80}$/iu;

/** `[server]`: the file server as a whole. */
export const serverKeys = {
  host: text('address to listen on'),
  port: integer('TCP port; 0 for any', 0, 65535),
  name: text('NetBIOS name', /^[A-Za-z0-9!@#$%^&()_'{}~-]{1,15}$/, 'a NetBIOS name: 1 to 15 letters, digits and some signs'),
  signing: choice('whether every session is signed, or those whose client asks', ['required', 'enabled']),
  encryption: choice('of no session unless the client asks, of each that can, or of all', ['off', 'desired', 'required']),
  guest: flag('let users that are not known in as guests'),
  anonymous: flag('let clients without a name in'),
  'dialect-min': choice('the lowest dialect', dialects),
  'dialect-max': choice('the highest dialect', dialects),
} as const;

/** `[limits]`: what clients may cost. */
export const limitKeys = {
  connections: integer('connections in all', 1, 1_000_000),
  'connections-for-address': integer('connections from one address', 1, 1_000_000),
  'sessions-for-connection': integer('sessions on one connection', 1, 65_536),
  'trees-for-session': integer('shares that one session is connected to', 1, 65_536),
  'opens-for-session': integer('files that one session has open', 1, 10_000_000),
  'connection-bytes': integer('bytes received and unfinished, or unsent, for a connection', 1 << 20, 2 ** 31),
  credits: integer('credits of a connection', 64, 65_535),
  'read-bytes': integer('longest READ', 65_536, 8 << 20),
  'write-bytes': integer('longest WRITE', 65_536, 8 << 20),
  'transact-bytes': integer('longest other answer or request', 65_536, 8 << 20),
} as const;

/** `[share.NAME]`: a shared folder. */
export const shareKeys = {
  path: text('the folder'),
  comment: text('shown in lists of shares'),
  'read-only': flag('nothing can be changed'),
  guest: flag('guests may use it'),
  hidden: flag('left out of lists of shares'),
  encryption: choice('refuse unencrypted access to this share', ['off', 'required']),
  users: list('who may use it; everybody who logged on where missing'),
  readers: list('who of those may only read'),
  'file-mode': text('permission bits of new files, octal', /^0?[0-7]{3}$/, 'three octal digits'),
  'folder-mode': text('permission bits of new folders, octal', /^0?[0-7]{3}$/, 'three octal digits'),
} as const;

/** `[daemon]`: where it keeps and says things. */
export const daemonKeys = {
  'state-dir': text('state directory'),
  control: text('path of the control socket, or off'),
  netlink: text('path of the netlink socket, or off'),
  'log-level': choice('how much is logged', ['trace', 'debug', 'info', 'warn', 'error']),
  'log-format': choice('for people or for programs', ['pretty', 'json']),
} as const;

export type ServerConfiguration = ValuesOf<typeof serverKeys>;
export type LimitConfiguration = ValuesOf<typeof limitKeys>;
export type ShareConfiguration = ValuesOf<typeof shareKeys> & { readonly name: string; readonly path: string };
export type DaemonConfiguration = ValuesOf<typeof daemonKeys>;

/** A user that a configuration brings along. */
export interface ConfiguredUser {
  readonly name: string;
  /** 16 bytes. */
  readonly ntHash: Uint8Array;
}

/** What a configuration says; what it leaves out is the default of the part that it concerns. */
export interface Configuration {
  readonly server: ServerConfiguration;
  readonly limits: LimitConfiguration;
  readonly shares: readonly ShareConfiguration[];
  readonly daemon: DaemonConfiguration;
  readonly users: readonly ConfiguredUser[];
  /** Timeout policies, `[timeout.NAME]`. */
  readonly timeouts: readonly PolicySpecification[];
  /** Rules, `[[rule]]`: each as the words of `ring3 rule add`. */
  readonly rules: readonly (readonly string[])[];
  /** What is understood and cannot be honoured, one line each. */
  readonly warnings: readonly string[];
}

/** A configuration is wrong: one line with file, line, key and what is allowed. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  constructor(file: string, line: number, what: string, options?: ErrorOptions) {
    super(`${file}:${line}: ${what}`, options);
  }
}
