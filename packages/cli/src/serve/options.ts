import { dirname, resolve } from 'node:path';
import type { DaemonOptions } from '@ring3/daemon';
import type { LogLevel } from '@ring3/kit';
import { passwordFor } from '../password.ts';
import { UsageError } from '../usage.ts';
import { checkUserName } from '../user-name.ts';
import type { Configured } from './configured.ts';

/** The options of `ring3 serve`. */
export interface ServeOptions {
  readonly config?: string;
  readonly check?: true;
  readonly host?: string;
  readonly port?: number;
  readonly share?: string;
  readonly memory?: true;
  readonly user?: readonly string[];
  readonly allowEmptyPassword?: true;
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

/** The values that are not undefined. */
export const given = <T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;

/** The address to listen on, if no socket was passed. */
export const addressOf = ({ host, port }: ServeOptions, { server }: Configured): { host: string; port: number } => ({
  host: host ?? server.host ?? '127.0.0.1',
  port: port ?? server.port ?? 4450,
});

/** The directory of a socket, unless it is off. */
export const folderOf = (socket: string | undefined): string | undefined =>
  socket === undefined || socket === 'off' ? undefined : dirname(socket);

/** The address of the console, unless it is off. */
export function consoleOf(options: ServeOptions, { console: configured }: Configured): DaemonOptions['console'] {
  const at = options.console ?? configured.port ?? 'off';
  return at === 'off' ? undefined : { host: configured.host, port: at, tokenFile: configured['token-file'] };
}

/** The capture to play, if there is one. @throws UsageError */
export function captureOf({ capture, captureSpeed, captureChecksums }: ServeOptions): DaemonOptions['capture'] {
  if (capture !== undefined) return { path: resolve(capture), speed: captureSpeed, checksums: captureChecksums === true };
  if (captureSpeed !== undefined || captureChecksums === true)
    throw new UsageError('--capture-speed and --capture-checksums need --capture FILE');
  return undefined;
}

/** The name in NAME or NAME:PASSWORD. */
export const nameIn = (text: string): string => text.split(':', 1)[0] as string;

/** A user of this run, from NAME or NAME:PASSWORD. @throws UsageError */
export async function userOf(text: string, { allowEmptyPassword }: ServeOptions): Promise<[string, string]> {
  const name = nameIn(text);
  checkUserName(name);
  const given = text.includes(':') ? text.slice(name.length + 1) : undefined;
  return [name, await passwordFor(name, { given, allowEmpty: allowEmptyPassword })];
}
