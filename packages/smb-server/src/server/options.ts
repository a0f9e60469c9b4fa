import { noMetrics, silentLog, systemClock, systemRandom } from '@ring3/kit';
import { nodeAesGcm } from '@ring3/smb-proto';
import type { ResolvedOptions } from '../objects/resolved-options.ts';
import { ownDebug } from '../values/debug-words.ts';
import { Users } from '../values/users.ts';
import { changeOptions, runTimeDefaults } from './run-time-options.ts';
import type { SmbServerOptions } from './smb-server-options.ts';

const sidOf = (guid: Uint8Array): string => {
  const view = new DataView(guid.buffer, guid.byteOffset);
  return `S-1-5-21-${view.getUint32(4, true)}-${view.getUint32(8, true)}-${view.getUint32(12, true)}`;
};

/** @throws RangeError for invalid values */
export function resolveOptions(options: SmbServerOptions): ResolvedOptions {
  const { random = systemRandom() } = options;
  const { guid = random.fill(new Uint8Array(16)) } = options;
  if (guid.length !== 16) throw new RangeError('a guid has 16 bytes');
  const { log = silentLog, clock = systemClock, debug = ownDebug(log, clock) } = options;
  let { users } = options;
  if (!(users instanceof Users)) {
    const listed = Object.entries(users ?? {});
    users = new Users(options.serverSid ?? sidOf(guid));
    for (const [user, how] of listed) users.add(user, how);
  }
  const { shares, metrics = noMetrics, aesGcm = nodeAesGcm, fileDescriptors = Number.POSITIVE_INFINITY } = options;
  const { persistentOpens, interfaces } = options;
  const fixed = { fileDescriptors, interfaces, shares, users, persistentOpens, guid, clock, random, log, debug, metrics, aesGcm };
  const changes = Object.entries(options).filter(([name]) => Object.hasOwn(runTimeDefaults, name));
  return changeOptions({ ...fixed, ...runTimeDefaults }, Object.fromEntries(changes));
}
