import { silentLog, systemClock, systemRandom } from '@ring3/kit';
import { createSmbServer } from '@ring3/smb-server';
import { createMemoryStore } from '@ring3/vfs';
import { auditOptionsOf } from './audit/audit-options.ts';
import { ConfiguredNamespace } from './configured-namespace.ts';
import { Namespaces } from './namespaces.ts';
import type { Settings } from './settings.ts';
import { isStateInside, stateInside } from './shared-folders.ts';

/**
 * Checks whether settings can be served, as far as possible without listening and without creating anything.
 * @throws Error in one line
 */
export async function checkSettings(settings: Settings, stateDir: string): Promise<void> {
  for (const { path } of settings.shares ?? [])
    if (path !== undefined && isStateInside(stateDir, path)) throw new Error(stateInside(stateDir, path));
  auditOptionsOf(settings, stateDir);
  const shares = (settings.shares ?? []).map(({ name, path: _path, store: _store, fileMode: _file, folderMode: _folder, ...how }) => [
    name,
    { ...how, vfs: createMemoryStore() },
  ]);
  const server = await createSmbServer({ ...settings.smb, shares: Object.fromEntries(shares), listen: false });
  await server.close();
  const namespaces = new Namespaces({ clock: systemClock, random: systemRandom(), log: silentLog });
  try {
    new ConfiguredNamespace(namespaces.get().namespace).apply(settings);
  } finally {
    namespaces.close();
  }
}
