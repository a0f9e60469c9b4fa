import { CreateContextName, Dialect, Lease, LeaseFlags, LeaseV2, NtStatus, OplockLevel } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import { cachingBits } from '../../../state/index.ts';
import type { LeaseRequest } from '../plan.ts';
import { reconnectsOpen } from './durable.ts';
import type { ContextRow } from './row.ts';

/**
 * SMB2_CREATE_REQUEST_LEASE and SMB2_CREATE_REQUEST_LEASE_V2, MS-SMB2 3.3.5.9.8 and 3.3.5.9.11. They have one name and differ in length. Ignored unless the
 * requested oplock level is SMB2_OPLOCK_LEVEL_LEASE.
 */
export const lease: ContextRow = {
  name: CreateContextName.RequestLease,
  ask(plan, data) {
    const { connection, tree } = plan.ctx;
    const { dialect } = connection.negotiated;
    const { requestedOplockLevel, createContexts } = plan.request;
    if (dialect < Dialect.Smb21 || tree.share.options?.oplocks === false) return NtStatus.Success;
    if (requestedOplockLevel !== OplockLevel.Lease && !reconnectsOpen(createContexts)) return NtStatus.Success;
    const asked = read(data);
    if (asked === undefined) return NtStatus.InvalidParameter;
    if (asked.version === 1 || dialect >= Dialect.Smb30) plan.leaseRequest = asked;
    return NtStatus.Success;
  },
  answer({ leaseRequest, lease, leaseGrant }) {
    if (leaseRequest === undefined || lease === undefined || leaseGrant === undefined) return undefined;
    const { leaseKey, parentLeaseKey } = leaseRequest;
    const { level, breaking, epoch } = leaseGrant;
    const leaseState = cachingBits[level];
    const inProgress = breaking ? LeaseFlags.BreakInProgress : 0;
    if (lease.version === 1) {
      const answer = Frame.alloc(Lease.byteLength);
      Lease.write(answer, 0, { leaseKey, leaseState, leaseFlags: inProgress });
      return answer.bytes;
    }
    const answer = Frame.alloc(LeaseV2.byteLength);
    const leaseFlags = inProgress | (parentLeaseKey === undefined ? 0 : LeaseFlags.ParentLeaseKeySet);
    LeaseV2.write(answer, 0, { leaseKey, leaseState, leaseFlags, parentLeaseKey: parentLeaseKey ?? new Uint8Array(16), epoch });
    return answer.bytes;
  },
};

/** @returns undefined if the length is of neither structure */
function read(data: Uint8Array): LeaseRequest | undefined {
  if (data.length === Lease.byteLength) {
    const { leaseKey, leaseState } = Lease.read(new Frame(data), 0);
    return { version: 1, leaseKey, leaseState, parentLeaseKey: undefined, epoch: 0 };
  }
  if (data.length !== LeaseV2.byteLength) return undefined;
  const { leaseKey, leaseState, leaseFlags, parentLeaseKey, epoch } = LeaseV2.read(new Frame(data), 0);
  return {
    version: 2,
    leaseKey,
    leaseState,
    parentLeaseKey: leaseFlags & LeaseFlags.ParentLeaseKeySet ? parentLeaseKey : undefined,
    epoch,
  };
}
