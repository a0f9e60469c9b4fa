import { type Steps, wait } from '@ring3/kit';
import { Capabilities, OplockLevel } from '@ring3/smb-proto';
import { fieldsOf } from '../../objects/debug.ts';
import type { Open } from '../../objects/open.ts';
import { Caching, type HeldOplock, oplockLevelOf } from '../../state/index.ts';
import type { CreatePlan } from './plan.ts';

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

/** Only files have oplocks, and only on shares that allow them. */
function* requestOplock({ ctx, request }: CreatePlan, open: Open): Steps<OplockLevel> {
  const { handle, share, fileState, volatileFileId: openId } = open;
  const level = oplocks[request.requestedOplockLevel];
  if (level === undefined || handle?.kind !== 'file' || share.options?.oplocks === false) return OplockLevel.None;
  const held = yield* wait(fileState.submit(handle.fileId, { kind: 'oplock', openId, level }));
  const { debug } = ctx.server;
  if (debug.on.oplock) debug.say('oplock', held === 'none' ? 'not granted' : 'granted', { ...fieldsOf(open), asked: level, held });
  return oplockLevelOf[held];
}

/** Directories have no write caching, and only leases of version 2, of clients that know directory leases. MS-SMB2 3.3.5.9.11, MS-FSA 2.1.5.18. */
function* requestLease(plan: CreatePlan, open: Open): Steps<OplockLevel> {
  const { ctx, lease, leaseRequest } = plan;
  const { handle, fileState, volatileFileId: openId } = open;
  if (handle === undefined || lease === undefined || leaseRequest === undefined) return OplockLevel.None;
  const ofDirectory = handle.kind === 'folder';
  if (ofDirectory ? !leasesDirectories(plan, open) : handle.kind !== 'file') return OplockLevel.None;
  ctx.server.leases.bind(lease, fileState, handle.fileId, ofDirectory);
  const cacheable = ofDirectory ? Caching.Read | Caching.Handle : Caching.Read | Caching.Handle | Caching.Write;
  const asked = leaseRequest.leaseState & cacheable;
  const { epoch } = leaseRequest;
  const granted = yield* wait(fileState.submit(handle.fileId, { kind: 'lease', openId, asked, epoch }));
  plan.leaseGrant = granted;
  const { debug } = ctx.server;
  if (debug.on.oplock) debug.say('oplock', 'lease', { ...fieldsOf(open), asked, held: granted.level, lease: lease.id });
  return OplockLevel.Lease;
}

const leasesDirectories = ({ ctx, leaseRequest }: CreatePlan, { share }: Open): boolean =>
  leaseRequest?.version === 2 &&
  share.options?.directoryLeases !== false &&
  (ctx.connection.negotiated.serverCapabilities & Capabilities.DirectoryLeasing) !== 0;
