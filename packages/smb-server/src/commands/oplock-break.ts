import { andThen } from '@ring3/kit';
import { LeaseBreakAcknowledgment, NtStatus, OplockBreak, OplockLevel } from '@ring3/smb-proto';
import { nameOf } from '@ring3/wire';
import { fieldsOf } from '../objects/debug.ts';
import { command, variants } from '../request/command.ts';
import { type Acknowledged, type HeldOplock, leaseOf } from '../state/index.ts';

const levels: Readonly<Record<number, HeldOplock | 'none'>> = {
  [OplockLevel.None]: 'none',
  [OplockLevel.Ii]: 'levelII',
  [OplockLevel.Exclusive]: 'exclusive',
  [OplockLevel.Batch]: 'batch',
};

/** The statuses of 3.3.5.22.1. */
const oplockStatus: Readonly<Record<Acknowledged, NtStatus>> = {
  accepted: NtStatus.Success,
  tooMuch: NtStatus.InvalidOplockProtocol,
  notBreaking: NtStatus.InvalidDeviceState,
};

/** OPLOCK_BREAK Acknowledgment, MS-SMB2 3.3.5.22.1. A level that is not allowed ends the oplock, and fails. */
const oplock = command({
  needs: 'open',
  request: OplockBreak,
  response: OplockBreak,
  handle({ open, tree, server }, { oplockLevel }) {
    const { handle, owner, lease, persistentFileId, volatileFileId } = open;
    if (lease !== undefined) return NtStatus.InvalidParameter;
    if (handle === undefined) return NtStatus.InvalidDeviceState;
    const level = levels[oplockLevel];
    const input = { kind: 'acknowledge', owner, level: level ?? 'batch' } as const;
    return andThen(tree.fileState.submit(handle.fileId, input), (taken) => {
      const status = oplockStatus[taken];
      if (server.debug.on.oplock) {
        server.debug.say('oplock', 'acknowledged', { ...fieldsOf(open), level: input.level, status: nameOf(NtStatus, status) });
      }
      if (status === NtStatus.InvalidOplockProtocol && oplockLevel === OplockLevel.Lease) return NtStatus.InvalidParameter;
      if (status !== NtStatus.Success) return status;
      return andThen(server.persistence.save(open), () => ({ oplockLevel, persistentFileId, volatileFileId }));
    });
  },
});

/** The statuses of 3.3.5.22.2. */
const leaseStatus: Readonly<Record<Acknowledged, NtStatus>> = {
  accepted: NtStatus.Success,
  tooMuch: NtStatus.RequestNotAccepted,
  notBreaking: NtStatus.Unsuccessful,
};

/** Lease Break Acknowledgment, MS-SMB2 3.3.5.22.2: found by the client and the key. A state that is not allowed leaves the lease breaking. */
const lease = command({
  needs: 'session',
  request: LeaseBreakAcknowledgment,
  response: LeaseBreakAcknowledgment,
  handle({ connection, server }, { leaseKey, leaseState }) {
    const found = server.leases.find(connection, leaseKey);
    if (found?.file === undefined) return NtStatus.ObjectNameNotFound;
    const level = leaseOf(leaseState);
    if (level === 'none' && leaseState !== 0) return NtStatus.RequestNotAccepted;
    const { state, id } = found.file;
    return andThen(state.submit(id, { kind: 'acknowledge', owner: found.id, level }), (taken) => {
      const status = leaseStatus[taken];
      if (server.debug.on.oplock) {
        server.debug.say('oplock', 'lease acknowledged', {
          connection: connection.id,
          lease: found.id,
          level,
          status: nameOf(NtStatus, status),
        });
      }
      if (status !== NtStatus.Success) return status;
      return andThen(server.persistence.saveLease(found), () => ({ leaseKey: found.key, leaseState }));
    });
  },
});

/** OPLOCK_BREAK: the structure size distinguishes an oplock from a lease, MS-SMB2 3.3.5.22. */
export const oplockBreak = variants({ 24: oplock, 36: lease });
