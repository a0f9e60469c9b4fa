import { readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Dialect } from '@ring3/smb-proto';
import type { Limits } from '@ring3/smb-server';
import type { FileServerOptions, FolderShare } from '../file-server.ts';
import type { Configuration, DialectName, LimitConfiguration, ShareConfiguration } from './configuration.ts';
import { readKsmbdConf, readKsmbdUsers } from './ksmbd.ts';
import { readToml } from './toml.ts';

/**
 * Reads a configuration file: ring3's own, or the kernel server's (a name that ends in `.conf`) with the `ksmbdpwd.db` that lies beside it.
 * @throws ConfigurationError for what is wrong in it, Error where it cannot be read
 */
export function loadConfiguration(path: string): Configuration {
  const source = readText(path);
  if (!path.endsWith('.conf')) return readToml(source, path);
  const configuration = readKsmbdConf(source, path);
  const users = join(dirname(path), 'ksmbdpwd.db');
  const text = readText(users, '');
  return { ...configuration, users: readKsmbdUsers(text, users) };
}

function readText(path: string, missing?: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && missing !== undefined) return missing;
    throw new Error(`${path} cannot be read: ${code === 'ENOENT' ? 'there is no such file' : code}`);
  }
}

const dialects: Readonly<Record<DialectName, Dialect>> = {
  '2.0.2': Dialect.Smb202,
  '2.1': Dialect.Smb21,
  '3.0': Dialect.Smb30,
  '3.0.2': Dialect.Smb302,
  '3.1.1': Dialect.Smb311,
};

/** The limit of the file server behind each key of `[limits]`. */
const limitOf: Readonly<Record<keyof LimitConfiguration, keyof Limits>> = {
  connections: 'connections',
  'connections-for-address': 'connectionsForAddress',
  'sessions-for-connection': 'sessionsForConnection',
  'trees-for-session': 'treesForSession',
  'opens-for-session': 'opensForSession',
  'connection-bytes': 'connectionBytes',
  credits: 'maxCredits',
  'read-bytes': 'maxRead',
  'write-bytes': 'maxWrite',
  'transact-bytes': 'maxTransact',
};

/** What is not undefined, with its own names. */
const given = <T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;

/** The file server that a configuration describes, as far as it does. */
export function fileServerOf({ server, limits }: Configuration): Partial<FileServerOptions> {
  const { 'dialect-min': min, 'dialect-max': max, ...plain } = server;
  const bounds = given({ min: min && dialects[min], max: max && dialects[max] });
  const named = Object.entries(limits).map(([key, value]) => [limitOf[key as keyof LimitConfiguration], value]);
  return { ...given(plain), ...((min ?? max) === undefined ? {} : { dialects: bounds }), limits: Object.fromEntries(named) };
}

/** The shared folders that a configuration describes; relative paths count from the file's own folder. */
export const sharesOf = ({ shares }: Configuration, file: string): FolderShare[] =>
  shares.map((share) => shareOf(share, dirname(resolve(file))));

function shareOf(share: ShareConfiguration, from: string): FolderShare {
  const { 'read-only': readOnly, 'file-mode': fileMode, 'folder-mode': folderMode, path, ...plain } = share;
  const mode = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number.parseInt(text, 8));
  return {
    ...given({ ...plain, readOnly, fileMode: mode(fileMode), folderMode: mode(folderMode) }),
    name: plain.name ?? basename(path),
    path: resolve(from, path),
  };
}
