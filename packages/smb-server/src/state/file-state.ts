import type { MaybePromise } from '@ring3/kit';
import type { NtStatus } from '@ring3/smb-proto';
import type { Actor } from '../values/events.ts';
import type { LockRange, LockSegment } from './byte-range-locks.ts';
import type { HeldOplock, Level, Operation } from './caching.ts';
import type { Guard } from './guard.ts';
import type { Acknowledged, LeaseGrant, OplockBreakEffect, OplockOwner } from './oplocks.ts';

/** A name of a file, by a number that its store's names are given; undefined if there can be only one. */
export type NameId = number | undefined;

/** An open as the state of its file sees it. */
export interface OpenInput {
  readonly kind: 'open';
  readonly openId: number;
  /** The owner of its oplock: the open itself, or the lease that it names. */
  readonly owner: OplockOwner;
  /** Granted access, generic rights expanded. */
  readonly access: number;
  /** Rights that the share modes of others are checked for: the granted access, and those that an overwriting needs in addition. */
  readonly checkedAccess: number;
  /** ShareAccess, MS-SMB2 2.2.13. */
  readonly shareAccess: number;
  /** FILE_DELETE_ON_CLOSE: the file becomes delete-pending when this open is closed. */
  readonly deleteOnClose: boolean;
  /** The file is overwritten: breaks more oplocks than opening does. */
  readonly overwrites: boolean;
  /** It represents an open of one of the file's streams, whose own state is under its own identity. */
  readonly ofStream?: boolean;
  /** The name that it was opened by. */
  readonly name?: NameId;
  /** If the name is delete-pending, closing this open deletes its name, whatever else is open. Set by a disposition. */
  readonly posixDelete?: boolean;
}
/** Closing an open. */
export interface CloseInput {
  readonly kind: 'close';
  readonly openId: number;
  /** Of an open with FILE_DELETE_ON_CLOSE. */
  /** The client to which the deletion is attributed. The state only keeps it. */
  readonly deleter?: Actor | undefined;
}
/** Withdraws an admitted open that failed later, as if it had never existed. */
export interface WithdrawInput {
  readonly kind: 'withdraw';
  readonly openId: number;
}
/** Removes an open, with what it holds, to add it to the file that has replaced this one; nothing is deleted by that. */
export interface TakeOutInput {
  readonly kind: 'takeOut';
  readonly openId: number;
}
/** Sets or clears what deletes the file. FileDispositionInformation, FileDispositionInformationEx, MS-FSA 2.1.5.15.3. */
export interface DispositionInput {
  readonly kind: 'disposition';
  readonly openId: number;
  readonly deletePending: boolean;
  /** The name is deleted when this open is closed; other opens stay. FILE_DISPOSITION_POSIX_SEMANTICS. */
  readonly posix?: boolean;
  /** Sets or clears FILE_DELETE_ON_CLOSE of the open instead: the file becomes delete-pending when it is closed. FILE_DISPOSITION_ON_CLOSE. */
  readonly onClose?: boolean;
  /** The client to which the deletion is attributed. The state only keeps it. */
  readonly deleter?: Actor | undefined;
}
/**
 * Checks whether an operation, as if by an open for a moment, is compatible with the share modes of the file's opens. Handle caching of a conflicting open is broken
 * first, and the operation waits. MS-FSA 2.1.4.12, OPEN_BREAK_H.
 */
export interface ConflictInput {
  readonly kind: 'conflict';
  /** The requesting open, or {@link noOpen}. */
  readonly openId: number;
  readonly ticket: number;
  readonly access: number;
  readonly shareAccess: number;
}
/** The known state of a file. */
export interface FileQuery {
  /** Of the name of the given open; else of any name. */
  readonly deletePending: boolean;
  /** Opens of the file and of its streams. */
  readonly opens: number;
  /** Number of those that are opens of its streams. */
  readonly streamOpens: number;
}
/** Asks for the known state. */
export interface QueryInput {
  readonly kind: 'query';
  /** Asks about the name of this open; of any name if it is missing. */
  readonly openId?: number;
}

/** Takes byte-range locks, all or none. MS-FSA 2.1.5.8. */
export interface LockInput {
  readonly kind: 'lock';
  readonly openId: number;
  /** Id of this request for a cancellation; unique, also among open ids. */
  readonly ticket: number;
  readonly ranges: readonly LockRange[];
  /** Whether it waits while others hold conflicting locks. */
  readonly wait: boolean;
}
/** Releases byte-range locks, one after the other up to the first that is not held. MS-FSA 2.1.5.9. */
export interface UnlockInput {
  readonly kind: 'unlock';
  readonly openId: number;
  readonly ranges: readonly Pick<LockRange, 'offset' | 'length'>[];
}
/** Asks how the bytes of a range are locked, by all opens together. */
export interface CoverageInput {
  readonly kind: 'coverage';
  readonly offset: bigint;
  /** At least 1. */
  readonly length: bigint;
}
/** In place of an open's id: an operation on the file without an open of it. */
export const noOpen = 0;

/** Checks an operation against oplocks and locks; breaks conflicting oplocks. Not needed if the {@link Guard} allows it. */
export interface AccessInput {
  readonly kind: 'access';
  /** Or {@link noOpen}. */
  readonly openId: number;
  readonly ticket: number;
  readonly operation: Operation;
  /** The bytes of `read`, `write` and `zeroData`; else 0. */
  readonly offset: number;
  readonly length: number;
}
/** An operation that is done already, or that waits for no break: it breaks oplocks and leases, and continues. MS-FSA 2.1.4.12. */
export interface NoticeInput {
  readonly kind: 'notice';
  readonly operation: Operation;
  /** Whose oplock or lease is not broken; or {@link noOpen}. */
  readonly owner: OplockOwner;
}
/** Requests an oplock for an admitted open. MS-FSA 2.1.5.18. */
export interface OplockInput {
  readonly kind: 'oplock';
  readonly openId: number;
  readonly level: HeldOplock;
}
/** Requests a lease for the owner of an admitted open. MS-FSA 2.1.5.18 with LEVEL_GRANULAR. */
export interface LeaseInput {
  readonly kind: 'lease';
  readonly openId: number;
  /** Caching bits, those of LeaseState in MS-SMB2 2.2.13.2.8. */
  readonly asked: number;
  /** Lease.Epoch if the lease is new. */
  readonly epoch: number;
}
/** The holder's acknowledgment of a break. MS-FSA 2.1.5.19. */
export interface AcknowledgeInput {
  readonly kind: 'acknowledge';
  readonly owner: OplockOwner;
  readonly level: Level;
}
/** The time limit for an acknowledgment is reached. MS-SMB2 3.3.6.1, 3.3.6.5. */
export interface ExpireInput {
  readonly kind: 'expire';
  readonly owner: OplockOwner;
}
/**
 * Reserves a name that does not exist yet in a directory for one CREATE, so that of two that make the same file the second finds that of the
 * first. Submitted for the directory; waits while another has the name.
 */
export interface ReserveInput {
  readonly kind: 'reserve';
  readonly ticket: number;
  /** The folded name. */
  readonly name: string;
}
/** Releases what was reserved by a ticket. */
export interface ReleaseInput {
  readonly kind: 'release';
  readonly ticket: number;
}
/** Ends the waiting of an input, which then results in the status. */
export interface CancelInput {
  readonly kind: 'cancel';
  /** Of the input; of an open its `openId`. */
  readonly ticket: number;
  readonly status: NtStatus;
}

/** Puts back an open that an earlier server had admitted, with what it held, before any other is admitted: nothing is checked. */
export interface RestoreInput {
  readonly kind: 'restore';
  readonly open: OpenInput;
  readonly locks: readonly LockRange[];
  /** What its owner caches, and Lease.Epoch. */
  readonly level: Level;
  readonly epoch: number;
  readonly deletePending: boolean;
}

/** Each input with its decision. A new kind of state is a row here and one in `transitions`. */
export interface Decisions {
  open: { readonly input: OpenInput; readonly decision: NtStatus };
  close: { readonly input: CloseInput; readonly decision: { readonly unlink: boolean; readonly deleter?: Actor | undefined } };
  withdraw: { readonly input: WithdrawInput; readonly decision: NtStatus };
  takeOut: { readonly input: TakeOutInput; readonly decision: OpenInput | undefined };
  disposition: { readonly input: DispositionInput; readonly decision: NtStatus };
  conflict: { readonly input: ConflictInput; readonly decision: NtStatus };
  query: { readonly input: QueryInput; readonly decision: FileQuery };
  lock: { readonly input: LockInput; readonly decision: NtStatus };
  unlock: { readonly input: UnlockInput; readonly decision: NtStatus };
  coverage: { readonly input: CoverageInput; readonly decision: readonly LockSegment[] };
  access: { readonly input: AccessInput; readonly decision: NtStatus };
  notice: { readonly input: NoticeInput; readonly decision: NtStatus };
  oplock: { readonly input: OplockInput; readonly decision: HeldOplock | 'none' };
  lease: { readonly input: LeaseInput; readonly decision: LeaseGrant };
  acknowledge: { readonly input: AcknowledgeInput; readonly decision: Acknowledged };
  expire: { readonly input: ExpireInput; readonly decision: boolean };
  restore: { readonly input: RestoreInput; readonly decision: NtStatus };
  reserve: { readonly input: ReserveInput; readonly decision: NtStatus };
  release: { readonly input: ReleaseInput; readonly decision: boolean };
  cancel: { readonly input: CancelInput; readonly decision: boolean };
}
/** Any input. */
export type Input = Decisions[keyof Decisions]['input'];
/** The decision of an input. */
export type DecisionOf<I extends Input> = Decisions[I['kind']]['decision'];

/** What a state reports of a file to its server: plain data, in the order in which it happened. */
export type Effect =
  /** The owner of an oplock or lease must be notified. If there is no client to notify, the server submits `expire`. */
  | ({ readonly kind: 'break'; readonly fileId: string } & OplockBreakEffect)
  /** An input with a ticket (an open has its id) is not decided yet: it waits for another client. */
  | { readonly kind: 'waits'; readonly fileId: string; readonly ticket: number }
  /** An owner did not acknowledge in time. */
  | { readonly kind: 'expired'; readonly fileId: string; readonly owner: OplockOwner }
  /** The file of these opens will be deleted: requests that wait for its changes end. */
  | { readonly kind: 'deleting'; readonly fileId: string; readonly openIds: readonly number[] };

/** The locks and the oplock of an open, and the state of its file. */
export interface OpenState {
  readonly oplock: Level;
  /** A break of it is not acknowledged yet. */
  readonly breaking: boolean;
  /** Lease.Epoch; 0 for an oplock. */
  readonly epoch: number;
  /** Byte-range locks that it holds, in the order they were taken. */
  readonly locks: readonly LockRange[];
  readonly deletePending: boolean;
  /** The open itself; undefined if the file has no such open. */
  readonly entry: OpenInput | undefined;
}

/** The totals of the state of a store's files: all zero when nothing is open. */
export interface StateTotals {
  /** Files with a known state, among them directories of which a name is reserved for a CREATE. */
  readonly files: number;
  /** Byte-range locks that are held. */
  readonly locks: number;
  readonly oplocks: number;
}

/**
 * The state of all files of a store, each file's as one object: opens with their share modes and delete-pending change together or not at all. In one
 * process it answers at once; a replicated one may answer later.
 */
export interface FileState {
  /** Whether a decision that is not there at once waits for another client. Else the effect `waits` reports that. */
  readonly decidesAtOnce: boolean;
  /** Submits an input. An open, a lock or an access that has to wait, for a lock or for the end of an oplock break, is decided later. */
  submit<I extends Input>(fileId: string, input: I): MaybePromise<DecisionOf<I>>;
  /** Fast-path summary: READ and WRITE skip `submit` if it shows no conflicting locks or oplocks. Valid while the file is open. */
  guardOf(fileId: string): Guard;
  /** The same for a file that may have no open: then undefined. */
  knownGuard(fileId: string): Guard | undefined;
  /** The locks and the oplock of an open, and the state of its file: for people, as far as it is known here. */
  look(fileId: string, openId: number): OpenState;
  /** The totals of the state that is known here. */
  readonly totals: StateTotals;
}
