import { AccessMask, NtStatus } from '@ring3/smb-proto';
import type { Actor } from '../values/events.ts';
import { type LockRange, type LockSegment, leavesLockSpace, locksExclude, rangesOverlap } from './byte-range-locks.ts';
import type { HeldOplock } from './caching.ts';
import type {
  AccessInput,
  AcknowledgeInput,
  CancelInput,
  CloseInput,
  ConflictInput,
  CoverageInput,
  DispositionInput,
  ExpireInput,
  FileQuery,
  Input,
  LeaseInput,
  LockInput,
  NameId,
  NoticeInput,
  OpenInput,
  OplockInput,
  QueryInput,
  ReleaseInput,
  ReserveInput,
  RestoreInput,
  TakeOutInput,
  UnlockInput,
  WithdrawInput,
} from './file-state.ts';
import { noOpen } from './file-state.ts';
import type { Acknowledged, LeaseGrant, OplockOwner } from './oplocks.ts';
import type { FileRecord } from './record.ts';
import { shareConflict } from './share-mode.ts';

/** The decision of an input that has to wait: it is checked again after every change. */
export const undecided = Symbol('undecided');
type Undecided = typeof undecided;

/** Rights that neither read nor change data: an open with only these breaks no oplock and does not prevent a grant. MS-FSA 2.1.4.12. */
const statRights = AccessMask.FileReadAttributes | AccessMask.FileWriteAttributes | AccessMask.Synchronize;
const statOnly = (access: number): boolean => (access & ~statRights) === 0;
/** The same for leases, which an open that also reads the security descriptor does not affect. */
const statOnlyForLeases = (access: number): boolean => statOnly(access & ~AccessMask.ReadControl);

/**
 * MS-FSA 2.1.5.1.2: a delete-pending file accepts no opens; a batch oplock is broken before the share modes are checked, an exclusive one
 * after: so a holder that only cached its close can close now.
 */
export function open(record: FileRecord, input: OpenInput): NtStatus | Undecided {
  if (record.deleted.has(input.name)) return NtStatus.DeletePending;
  const { openId, owner, checkedAccess, shareAccess } = input;
  const operation = input.overwrites ? 'overwrite' : statOnlyForLeases(checkedAccess) ? 'openDescriptor' : 'open';
  const looks = !statOnly(checkedAccess);
  if (looks && !record.oplocks.check(operation, owner, record.notify, 'batch')) return undecided;
  const asked = { access: checkedAccess, shareAccess, ofStream: input.ofStream === true };
  for (const other of record.opens.values()) {
    if (!shareConflict(asked, other)) continue;
    return record.oplocks.check('shareConflict', owner, record.notify) ? NtStatus.SharingViolation : undecided;
  }
  if (looks && !record.oplocks.check(operation, owner, record.notify)) return undecided;
  if (input.deleteOnClose && !record.oplocks.check('delete', owner, record.notify)) return undecided;
  record.opens.set(openId, input);
  return NtStatus.Success;
}

/** MS-FSA 2.1.5.5: everything the open held is released. */
export function close(record: FileRecord, { openId, deleter }: CloseInput): { unlink: boolean; deleter?: Actor | undefined } {
  const entry = record.opens.get(openId);
  if (entry === undefined) return { unlink: false };
  leave(record, openId);
  const { name } = entry;
  if (entry.deleteOnClose) record.deleted.set(name, deleter);
  if (!record.deleted.has(name) || record.unlinked.has(name)) return { unlink: false };
  const unlink = entry.posixDelete === true || !isOpenBy(record, name);
  if (unlink) record.unlinked.add(name);
  const asked = record.deleted.get(name);
  return asked === undefined ? { unlink } : { unlink, deleter: asked };
}

/** Whether there is an open of the file, or of one of its streams, by a name. */
function isOpenBy({ opens }: FileRecord, name: NameId): boolean {
  for (const other of opens.values()) if (other.name === name) return true;
  return false;
}

function leave(record: FileRecord, openId: number): void {
  const owner = record.ownerOf(openId);
  record.opens.delete(openId);
  if (record.lockCount > 0) record.locks.releaseAll(openId);
  if (owner === openId || !record.hasOpenOf(owner)) record.oplocks.release(owner);
}

/** Withdraws an open that failed later. */
export function withdraw(record: FileRecord, { openId }: WithdrawInput): NtStatus {
  leave(record, openId);
  return NtStatus.Success;
}

/** Removes an open that continues as one of another file. */
export function takeOut(record: FileRecord, { openId }: TakeOutInput): OpenInput | undefined {
  const entry = record.opens.get(openId);
  leave(record, openId);
  return entry;
}

/** MS-FSA 2.1.5.15.3. */
export function disposition(
  record: FileRecord,
  { openId, deletePending, posix = false, onClose = false, deleter }: DispositionInput,
): NtStatus {
  const entry = record.opens.get(openId);
  if (entry === undefined) return NtStatus.FileClosed;
  record.opens.set(openId, { ...entry, posixDelete: deletePending && posix, ...(onClose && { deleteOnClose: deletePending }) });
  if (onClose) return NtStatus.Success;
  if (deletePending) record.deleted.set(entry.name, deleter);
  else record.deleted.delete(entry.name);
  return NtStatus.Success;
}

/** Whether the others share the operation. */
export function conflict(record: FileRecord, { openId, access, shareAccess }: ConflictInput): NtStatus | Undecided {
  const asked = { access, shareAccess };
  for (const other of record.opens.values()) {
    if (other.openId === openId || !shareConflict(asked, other)) continue;
    return record.oplocks.check('shareConflict', record.ownerOf(openId), record.notify) ? NtStatus.SharingViolation : undecided;
  }
  return NtStatus.Success;
}

/** The current state. */
export function query({ deleted, opens }: FileRecord, { openId }: QueryInput): FileQuery {
  const deletePending = openId === undefined ? deleted.size > 0 : deleted.has(opens.get(openId)?.name);
  let streamOpens = 0;
  for (const { ofStream } of opens.values()) if (ofStream === true) streamOpens++;
  return { deletePending, opens: opens.size, streamOpens };
}

/** Maximum number of locks of one file. */
const maxLocks = 16_384;

/**
 * MS-FSA 2.1.5.8. A lock that may wait does not overtake waiting ones, unless its open holds a lock here: it could be the one they wait
 * for.
 */
export function lock(record: FileRecord, input: LockInput): NtStatus | Undecided {
  const { openId, ranges, wait } = input;
  if (!record.opens.has(openId)) return NtStatus.RangeNotLocked;
  if (ranges.some(leavesLockSpace)) return NtStatus.InvalidLockRange;
  if (record.locks.size + ranges.length > maxLocks) return NtStatus.InsufficientResources;
  if (!record.oplocks.check('lock', record.ownerOf(openId), record.notify)) return undecided;
  if (wait && !record.locks.allows(openId, ranges[0] as LockRange)) return maySuspend(record, input);
  const queues = wait && record.locks.countOf(openId) === 0 && othersWaitFor(record, input);
  if (!queues && record.locks.take(openId, ranges)) return NtStatus.Success;
  return wait ? maySuspend(record, input) : NtStatus.LockNotGranted;
}

/** Maximum number of waiting locks of one file: each is compared with those before it after every change. */
const maxWaiting = 1024;

/** A lock that cannot be taken now waits, unless too many do. */
const maySuspend = ({ waiting }: FileRecord, asked: LockInput): NtStatus | Undecided =>
  waiting.length < maxWaiting || waiting.some(({ input }) => input === asked) ? undecided : NtStatus.InsufficientResources;

/** Whether another open has waited longer for a conflicting lock. */
function othersWaitFor({ waiting }: FileRecord, asked: LockInput): boolean {
  for (const { input } of waiting) {
    if (input === asked) return false;
    if (input.kind === 'lock' && input.openId !== asked.openId && standsAgainst(input, asked)) return true;
  }
  return false;
}

const standsAgainst = (first: LockInput, second: LockInput): boolean =>
  first.ranges.some((a) => second.ranges.some((b) => locksExclude(a, false, b) && rangesOverlap(a, b)));

/** MS-FSA 2.1.5.9. */
export function unlock(record: FileRecord, { openId, ranges }: UnlockInput): NtStatus {
  for (const { offset, length } of ranges) if (!record.locks.release(openId, offset, length)) return NtStatus.RangeNotLocked;
  return NtStatus.Success;
}

/** The combined locks of all opens in a range. */
export const coverage = (record: FileRecord, { offset, length }: CoverageInput): readonly LockSegment[] =>
  record.locks.coverage(offset, length);

/** MS-FSA 2.1.5.3, 2.1.5.4 and other operations that check oplocks and locks. */
export function access(record: FileRecord, { openId, operation, offset, length }: AccessInput): NtStatus | Undecided {
  if (openId !== noOpen && !record.opens.has(openId)) return NtStatus.FileClosed;
  if (!record.oplocks.check(operation, record.ownerOf(openId), record.notify)) return undecided;
  return record.lockCount > 0 && record.locks.forbids(openId, operation !== 'read', offset, length)
    ? NtStatus.FileLockConflict
    : NtStatus.Success;
}

/** MS-FSA 2.1.4.12, of an operation that does not wait. */
export function notice(record: FileRecord, { operation, owner }: NoticeInput): NtStatus {
  record.oplocks.check(operation, owner, record.notify);
  return NtStatus.Success;
}

/** MS-FSA 2.1.5.18.1. */
export function oplock(record: FileRecord, { openId, level }: OplockInput): HeldOplock | 'none' {
  const owner = record.opens.get(openId)?.owner;
  if (owner === undefined) return 'none';
  return record.oplocks.request(owner, level, isAlone(record, owner, statOnly), record.lockCount > 0);
}

/** MS-FSA 2.1.5.18. */
export function lease(record: FileRecord, { openId, asked, epoch }: LeaseInput): LeaseGrant {
  const owner = record.opens.get(openId)?.owner;
  if (owner === undefined) return { level: 'none', breaking: false, epoch };
  return record.oplocks.requestLease(owner, asked, isAlone(record, owner, statOnlyForLeases), record.lockCount > 0, epoch);
}

/** Whether no open of another owner reads or changes data. */
function isAlone({ opens }: FileRecord, owner: OplockOwner, harmless: (access: number) => boolean): boolean {
  for (const other of opens.values()) if (other.owner !== owner && !harmless(other.access)) return false;
  return true;
}

/** MS-FSA 2.1.5.19, MS-SMB2 3.3.5.22. */
export const acknowledge = (record: FileRecord, { owner, level }: AcknowledgeInput): Acknowledged =>
  record.oplocks.acknowledge(owner, level, record.notify);

/** MS-SMB2 3.3.6.1, 3.3.6.5. */
export const expire = (record: FileRecord, { owner }: ExpireInput): boolean => record.oplocks.expire(owner);

/** Puts back an open of an earlier server. */
export function restore(record: FileRecord, { open: input, locks, level, epoch, deletePending }: RestoreInput): NtStatus {
  record.opens.set(input.openId, input);
  for (const range of locks) record.locks.take(input.openId, [range]);
  if (level !== 'none' || epoch !== 0) record.oplocks.restore(input.owner, level, epoch);
  if (deletePending) record.deleted.set(input.name, undefined);
  return NtStatus.Success;
}

/** Of several CREATEs that make the same name one continues, the others in order after it. */
export function reserve({ reserved }: FileRecord, { ticket, name }: ReserveInput): NtStatus | Undecided {
  if (reserved.has(name)) return undecided;
  reserved.set(name, ticket);
  return NtStatus.Success;
}

/** @returns whether the ticket had a name */
export function release({ reserved }: FileRecord, { ticket }: ReleaseInput): boolean {
  for (const [name, holder] of reserved) if (holder === ticket) return reserved.delete(name);
  return false;
}

/** By which an input that waits is cancelled: its ticket, of an open its id; 0 if it never waits. */
export const ticketOf = (input: Input): number => ('ticket' in input ? input.ticket : 'openId' in input ? (input.openId ?? 0) : 0);

/** Ends the waiting of one input. @returns whether it was still waiting */
export function cancel(record: FileRecord, { ticket, status }: CancelInput): boolean {
  const at = record.waiting.findIndex(({ input }) => ticketOf(input) === ticket);
  if (at < 0) return false;
  const [waiting] = record.waiting.splice(at, 1);
  waiting?.decided(status);
  return true;
}
