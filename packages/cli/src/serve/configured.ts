import type { KnownUser, Settings } from '@ring3/daemon';
import type { ConsoleConfiguration, DaemonConfiguration, ShareConfiguration } from '@ring3/daemon/config';
import { UsageError } from '../usage.ts';

/** The settings from a configuration file. */
export interface Configured {
  readonly server: Partial<NonNullable<Settings['smb']>>;
  readonly shares: readonly ShareConfiguration[];
  readonly users: readonly (readonly [string, KnownUser])[];
  readonly daemon: DaemonConfiguration;
  readonly console: ConsoleConfiguration;
  readonly audit: NonNullable<Settings['audit']>;
  readonly timeouts: NonNullable<Settings['timeouts']>;
  readonly sysctls: NonNullable<Settings['sysctls']>;
  readonly rules: NonNullable<Settings['rules']>;
  readonly warnings: readonly string[];
}

/** The options of the command line that say which configuration is read, and how. */
export interface ConfigurationOptions {
  readonly config?: string | undefined;
  readonly check?: boolean | undefined;
  readonly allowEmptyPassword?: boolean | undefined;
}

/** Reads the configuration file, if one is named. @throws UsageError, ConfigurationError */
export async function configurationOf({ config, check, allowEmptyPassword }: ConfigurationOptions): Promise<Configured> {
  if (config === undefined) {
    if (check === true) throw new UsageError('--check needs --config FILE');
    return { server: {}, shares: [], users: [], daemon: {}, console: {}, audit: {}, timeouts: [], sysctls: {}, rules: [], warnings: [] };
  }
  const [{ loadConfiguration, fileServerOf }, { ntHash: hashOf }] = await Promise.all([
    import('@ring3/daemon/config'),
    import('@ring3/smb-proto'),
  ]);
  const configuration = loadConfiguration(config);
  const empty = hashOf('');
  const isRejected = (hash: Uint8Array | undefined): boolean =>
    allowEmptyPassword !== true && hash !== undefined && Buffer.compare(hash, empty) === 0;
  const users = configuration.users.map(
    ({ name, ntHash }) => [name, ntHash === undefined || isRejected(ntHash) ? ({ logOn: false } as const) : { ntHash }] as const,
  );
  const rejected = configuration.users.filter(({ ntHash }) => isRejected(ntHash)).map(({ name }) => name);
  const { shares, daemon, console, audit, timeouts, sysctls, rules } = configuration;
  const warnings = [...configuration.warnings, ...rejected.map((name) => emptyPassword(config, name))];
  return { server: fileServerOf(configuration), shares, users, daemon, console, audit, timeouts, sysctls, rules, warnings };
}

const emptyPassword = (config: string, name: string): string =>
  `${config}: user ${name} has an empty password and cannot log on: "ring3 user --config ${config} password ${name}" sets one, --allow-empty-password accepts it`;
