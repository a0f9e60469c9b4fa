import type { KnownUser, Settings } from '@ring3/daemon';
import type { ConsoleConfiguration, DaemonConfiguration, ShareConfiguration } from '@ring3/daemon/config';
import { UsageError } from '../usage.ts';
import type { ServeOptions } from './options.ts';

/** What a configuration file adds to the options. */
export interface Configured {
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
export async function configurationOf({ config, check }: ServeOptions): Promise<Configured> {
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
