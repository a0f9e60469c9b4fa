import { dirname, resolve } from 'node:path';
import { dialects } from '@ring3/smb-proto';
import { userKey } from '@ring3/smb-server';
import type { FileServerOptions } from '../settings.ts';
import type { FolderShare } from '../shared-folders.ts';
import { auditKeys, type Configuration, consoleKeys, daemonKeys, limitKeys } from './configuration.ts';
import { ConfigurationError, faultLine } from './configuration-error.ts';
import { withPaths } from './keys.ts';
import { readKsmbdConf } from './ksmbd/read-conf.ts';
import { ksmbdUsersOf, readKsmbdUsers } from './ksmbd/users.ts';
import { readText } from './read-text.ts';
import { ShareCheck } from './share-check.ts';
import { type ShareConfiguration, shareKeys } from './share-keys.ts';
import { readToml } from './toml.ts';

/** Whether a configuration is one of the kernel's server: its name ends in `.conf`. */
export const isKsmbdConf = (path: string): boolean => path.endsWith('.conf');

/**
 * Reads a configuration file: that of ring3, or that of the kernel's server with the `ksmbdpwd.db` next to it. Relative paths start at the
 * directory of the file. No other file is read.
 * @throws ConfigurationError if it is invalid, Error if it cannot be read
 */
export function readConfiguration(file: string): Configuration {
  const source = readText(file);
  const read = isKsmbdConf(file) ? withUsers(readKsmbdConf(source, file), file) : readToml(source, file);
  const from = dirname(resolve(file));
  return {
    ...read,
    daemon: withPaths(read.daemon, daemonKeys, from),
    console: withPaths(read.console, consoleKeys, from),
    audit: withPaths(read.audit, auditKeys, from),
    shares: read.shares.map((share) => withPaths(share, shareKeys, from)),
  };
}

/**
 * Reads a configuration file. The kernel's server starts without a share that cannot be offered, so its configuration only gets a warning.
 * A directory that is missing now may appear later (`absentShares` warns of it).
 * @throws ConfigurationError if it is invalid, Error if it cannot be read
 */
export function loadConfiguration(file: string): Configuration {
  const configuration = readConfiguration(file);
  const check = new ShareCheck();
  const faults = new Map<ShareConfiguration, string>();
  for (const share of configuration.shares) {
    const fault = check.fault(share, true);
    if (fault !== undefined) faults.set(share, fault);
  }
  const warnings = [...configuration.warnings];
  const [first, ...more] = faults;
  if (first !== undefined && !isKsmbdConf(file)) {
    const lines = more.map(([share, fault]) => faultLine(file, lineIn(share), fault));
    throw new ConfigurationError(file, lineIn(first[0]), first[1], {}, lines);
  }
  for (const [share, fault] of faults) warnings.push(`${share.at}: [${share.name}] is not shared: ${fault}`);
  return { ...configuration, shares: configuration.shares.filter((share) => !faults.has(share)), warnings };
}

const lineIn = ({ at }: ShareConfiguration): number => Number(at.slice(at.lastIndexOf(':') + 1));

function withUsers(configuration: Configuration, path: string): Configuration {
  const file = ksmbdUsersOf(path);
  const { users, warnings } = readKsmbdUsers(readText(file, ''), file);
  // `force user` names a user of the system, which need not be able to log on
  const forced = new Set(configuration.shares.map((share) => share['force-user']).filter((name) => name !== undefined));
  const others = [...forced].filter((name) => !users.some((user) => userKey(user.name) === userKey(name)));
  return { ...configuration, users: [...users, ...others.map((name) => ({ name }))], warnings: [...configuration.warnings, ...warnings] };
}

/** The settings of the file server in a configuration. */
export function fileServerOf({ server, limits }: Configuration): Partial<FileServerOptions> {
  const { 'dialect-min': min, 'dialect-max': max, ...plain } = server;
  const bounds = { ...(min === undefined ? {} : { min: dialects[min] }), ...(max === undefined ? {} : { max: dialects[max] }) };
  const named = Object.entries(limits).map(([key, value]) => [limitKeys[key as keyof typeof limitKeys].limit, value]);
  return { ...plain, ...((min ?? max) === undefined ? {} : { dialects: bounds }), limits: Object.fromEntries(named) };
}

type Camel<S extends string> = S extends `${infer A}-${infer B}` ? `${A}${Capitalize<Camel<B>>}` : S;

/** The keys of the configuration as the code spells them: `read-only` is `readOnly`. */
const inCamelCase = <T extends object>(values: T): { [K in keyof T as Camel<K & string>]: T[K] } =>
  Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()), value]),
  ) as never;

/** The shares as the daemon takes them. */
export const sharesOf = (shares: readonly ShareConfiguration[]): FolderShare[] => shares.map(({ at: _at, ...share }) => inCamelCase(share));

/** Warns of unknown users in the lists of shares. @param knows whether there is a user of that name */
export const unknownUsers = (shares: readonly ShareConfiguration[], knows: (name: string) => boolean): string[] =>
  shares.flatMap(({ name, at, users = [], readers = [], writers = [], admins = [], 'force-user': forced }) => {
    const unknown = new Set(
      [...users, ...readers, ...writers, ...admins, ...(forced === undefined ? [] : [forced])].filter((user) => !knows(user)),
    );
    return unknown.size === 0 ? [] : [`${at}: share ${name} names unknown users: ${[...unknown].join(', ')}`];
  });
