import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Configured } from './configured.ts';
import { consoleOf, type ServeOptions } from './options.ts';
import { settingsOf } from './settings.ts';

/** Says whether what would be served can be, without making anything. */
export async function check(dir: string | undefined, options: ServeOptions, configured: Configured): Promise<void> {
  const { checkSettings, defaultStateDir, readToken, StateStore } = await import('@ring3/daemon');
  const stateDir = options.stateDir ?? configured.daemon['state-dir'] ?? defaultStateDir();
  using state = existsSync(join(stateDir, 'state.sqlite')) ? new StateStore(stateDir) : undefined;
  const settings = await settingsOf(dir, options, [], configured)(state);
  for (const warning of settings.warnings ?? []) console.error(`ring3: ${warning}`);
  await checkSettings(settings, stateDir);
  const tokenFile = consoleOf(options, configured)?.tokenFile;
  if (tokenFile !== undefined) readToken(tokenFile);
  console.log(`${options.config}: fine`);
}
