import assert from 'node:assert/strict';
import {
  Command,
  CreateResponse,
  Lease,
  LeaseBreakAcknowledgment,
  LeaseBreakFlags,
  LeaseBreakNotification,
  LeaseFlags,
  LeaseState,
  LeaseV2,
  NtStatus,
  OplockLevel,
} from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import type { opening } from './elements.ts';
import type { Answer, Element, RawClient } from './raw-client.ts';

/** Lease states. */
export const R = LeaseState.Read;
export const RH = R | LeaseState.Handle;
export const RW = R | LeaseState.Write;
export const RWH = RH | LeaseState.Write;
/** A lease key or ClientGuid. */
export const keyOf = (n: number): Uint8Array => new Uint8Array(16).fill(n);

type Create = NonNullable<Parameters<typeof opening>[1]>;

/** CREATE with a lease context of version 1 or, with an epoch, of version 2; `parent` is the key of the directory's lease. */
export function leasing(key: number, leaseState: number, more: Create & { epoch?: number; parent?: number } = {}): Create {
  const { epoch, parent, ...create } = more;
  const frame = Frame.alloc(epoch === undefined ? Lease.byteLength : LeaseV2.byteLength);
  if (epoch === undefined) Lease.write(frame, 0, { leaseKey: keyOf(key), leaseState, leaseFlags: 0 });
  else {
    const leaseFlags = parent === undefined ? 0 : LeaseFlags.ParentLeaseKeySet;
    LeaseV2.write(frame, 0, { leaseKey: keyOf(key), leaseState, leaseFlags, parentLeaseKey: keyOf(parent ?? 0), epoch });
  }
  return { requestedOplockLevel: OplockLevel.Lease, createContexts: [{ name: 'RqLs', data: frame.bytes }], ...create };
}

/** The lease that a CREATE response grants. */
export function granted(answer: Answer): { leaseState: number; leaseFlags: number; epoch?: number } | undefined {
  assert.equal(answer.status, NtStatus.Success);
  const { oplockLevel, createContexts } = answer.read(CreateResponse);
  const data = createContexts.find(({ name }) => name === 'RqLs')?.data;
  assert.equal(oplockLevel === OplockLevel.Lease, data !== undefined);
  if (data === undefined) return undefined;
  return data.length === Lease.byteLength ? Lease.read(new Frame(data), 0) : LeaseV2.read(new Frame(data), 0);
}

/** The next response or notification. */
export const next = async (client: RawClient): Promise<Answer> => ((await client.next()) as Answer[])[0] as Answer;
/** The next message, which is a lease break notification. */
export const nextBreak = async (client: RawClient) => {
  const { header, read } = await next(client);
  assert.equal(header.command, Command.OplockBreak);
  const { currentLeaseState: from, newLeaseState: to, flags, newEpoch, leaseKey } = read(LeaseBreakNotification);
  return { from, to, acknowledge: flags === LeaseBreakFlags.AckRequired, newEpoch, key: leaseKey[0] };
};
/** A lease break acknowledgment. */
export const acknowledgingLease = (key: number, leaseState: number): Element => ({
  command: Command.OplockBreak,
  body: LeaseBreakAcknowledgment.encode({ leaseKey: keyOf(key), leaseState }),
});
