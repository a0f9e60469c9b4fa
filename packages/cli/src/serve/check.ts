import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { printable } from '@ring3/kit';
import { printLine } from '../output.ts';
import type { Configured } from './configured.ts';
import { consoleOf, type ServeOptions } from './options.ts';
import { settingsOf } from './settings.ts';

/**
 * Checks the requirements of a start without creating anything: the settings, the addresses, the state directory. Warnings are printed on
 * standard error.
 * @throws Error in one line
 */
export async function check(dir: string | undefined, options: ServeOptions, configured: Configured): Promise<void> {
  const { checkSettings, defaultStateDir, hostFault, readToken, StateStore, startWarnings, stateDirFault } = await import('@ring3/daemon');
  const stateDir = options.stateDir ?? configured.daemon['state-dir'] ?? defaultStateDir();
  const stateFault = stateDirFault(stateDir);
  using state = stateFault === undefined && existsSync(join(stateDir, 'state.sqlite')) ? new StateStore(stateDir) : undefined;
  const users = (options.user ?? []).map((text) => [text.split(':', 1)[0] as string, ''] as const);
  const settings = await settingsOf(dir, options, users, configured)(state);
  const warnings = [...(settings.warnings ?? []), ...startWarnings(settings, state), ...(stateFault === undefined ? [] : [stateFault])];
  for (const warning of warnings) console.error(`ring3: warning: ${printable(warning)}`);
  await checkSettings(settings, stateDir);
  const metrics = consoleOf(options, configured);
  for (const host of [settings.smb?.host, metrics?.host]) {
    const fault = host === undefined ? undefined : await hostFault(host);
    if (fault !== undefined) throw new Error(fault);
  }
  if (metrics?.tokenFile !== undefined) readToken(metrics.tokenFile);
  printLine(
    `${options.config}: ${warnings.length === 0 ? 'fine' : `fine, with ${warnings.length === 1 ? 'a warning' : `${warnings.length} warnings`}`}`,
  );
}
