import { type Steps, wait } from '@ring3/kit';
import { Capabilities, OplockLevel } from '@ring3/smb-proto';
import { type Handle, isCode } from '@ring3/vfs';
import { fieldsOf } from '../../objects/debug.ts';
import type { Open } from '../../objects/open.ts';
import { openParent, release } from '../../objects/resolve.ts';
import { Caching, type HeldOplock, oplockLevelOf } from '../../state/index.ts';
import { orClose } from '../../values/or-close.ts';
import type { CreatePlan } from './plan.ts';
import type { Made } from './target.ts';

/** The oplocks that a CREATE may request, MS-SMB2 2.2.13. */
const oplocks: Readonly<Record<number, HeldOplock>> = {
  [OplockLevel.Ii]: 'levelII',
  [OplockLevel.Exclusive]: 'exclusive',
  [OplockLevel.Batch]: 'batch',
};

/** Requests the lease or the oplock of a new open, MS-SMB2 3.3.5.9. A lease level without a lease context requests nothing. @returns the granted level */
export function* requestCaching(plan: CreatePlan, open: Open): Steps<OplockLevel> {
  return plan.leaseRequest === undefined ? yield* requestOplock(plan, open) : yield* requestLease(plan, open);
}

/** Whether a lease or an oplock is requested. */
export const requestsCaching = ({ leaseRequest, request }: CreatePlan): boolean =>
  leaseRequest !== undefined || oplocks[request.requestedOplockLevel] !== undefined;

/** Only files have oplocks, and only on shares that allow them. */
function* requestOplock({ ctx, request, watched }: CreatePlan, open: Open): Steps<OplockLevel> {
  const { handle, share, fileState, volatileFileId: openId } = open;
  const level = oplocks[request.requestedOplockLevel];
  if (level === undefined || handle?.kind !== 'file' || share.options?.oplocks === false || watched === 'full') return OplockLevel.None;
  const held = yield* wait(fileState.submit(handle.fileId, { kind: 'oplock', openId, level }));
  if (held !== 'none' && typeof watched === 'object') share.outside?.use(watched, open);
  const { debug } = ctx.server;
  if (debug.on.oplock) debug.say('oplock', held === 'none' ? 'not granted' : 'granted', { ...fieldsOf(open), asked: level, held });
  return oplockLevelOf[held];
}

/** Directories have no write caching, and only leases of version 2, of clients that know directory leases. MS-SMB2 3.3.5.9.11, MS-FSA 2.1.5.18. */
function* requestLease(plan: CreatePlan, open: Open): Steps<OplockLevel> {
  const { ctx, lease, leaseRequest, watched } = plan;
  const { handle, share, fileState, volatileFileId: openId } = open;
  if (handle === undefined || lease === undefined || leaseRequest === undefined) return OplockLevel.None;
  const ofDirectory = handle.kind === 'folder';
  if (ofDirectory ? !leasesDirectories(plan) || ctx.server.writtenDirectories.has(open.clientKey, handle.fileId) : handle.kind !== 'file')
    return OplockLevel.None;
  ctx.server.leases.bind(lease, fileState, handle.fileId, ofDirectory);
  const cacheable = ofDirectory ? Caching.Read | Caching.Handle : Caching.Read | Caching.Handle | Caching.Write;
  const asked = watched === 'full' ? 0 : leaseRequest.leaseState & cacheable;
  const { epoch } = leaseRequest;
  const granted = yield* wait(fileState.submit(handle.fileId, { kind: 'lease', openId, asked, epoch }));
  plan.leaseGrant = granted;
  if (granted.level !== 'none' && typeof watched === 'object') share.outside?.use(watched, open);
  const { debug } = ctx.server;
  if (debug.on.oplock) debug.say('oplock', 'lease', { ...fieldsOf(open), asked, held: granted.level, lease: lease.id });
  return OplockLevel.Lease;
}

const leasesDirectories = ({ ctx, leaseRequest }: CreatePlan): boolean =>
  leaseRequest?.version === 2 &&
  ctx.tree.share.options?.directoryLeases !== false &&
  (ctx.connection.negotiated.serverCapabilities & Capabilities.DirectoryLeasing) !== 0;

/**
 * Watches for changes of others before something is cached: in the directory of a file, in a directory itself. An open through a link is of a file in another
 * directory.
 */
export function* watchOutside(plan: CreatePlan, { handle, base, link }: Made, parent: Handle): Steps<void> {
  const { ctx } = plan;
  const { share, root } = ctx.tree;
  if (share.outside === undefined || share.options?.oplocks === false) return;
  if (!requestsCaching(plan)) return;
  if (handle.kind === 'folder') {
    if (leasesDirectories(plan)) plan.watched = yield* share.outside.watch(handle);
  } else if (link === undefined) plan.watched = yield* share.outside.watch(parent);
  else {
    const path = yield* wait((base ?? handle).path?.());
    const directory = path === undefined || isCode(path) ? undefined : yield* openParent(ctx.tree, path);
    if (directory === undefined || typeof directory === 'number') return;
    plan.watched = yield* orClose(directory === root ? undefined : directory, share.outside.watch(directory));
    yield* release(ctx.tree, directory);
  }
}
