import type { MaybePromise } from '@ring3/kit';
import type { NtStatus } from '@ring3/smb-proto';

/** An open as the state of its file sees it. */
export interface OpenInput {
  readonly kind: 'open';
  readonly openId: number;
  /** Granted access, generic rights expanded. */
  readonly access: number;
  /** What the share modes of others are asked about: the granted access, and what an overwriting needs beside it. */
  readonly checkedAccess: number;
  /** ShareAccess, MS-SMB2 2.2.13. */
  readonly shareAccess: number;
  /** FILE_DELETE_ON_CLOSE: the file becomes delete-pending when this open is closed. */
  readonly deleteOnClose: boolean;
}
/** Closing an open. */
export interface CloseInput {
  readonly kind: 'close';
  readonly openId: number;
}
/** Takes back an open that was admitted and came to nothing: as if it had never been. */
export interface WithdrawInput {
  readonly kind: 'withdraw';
  readonly openId: number;
}
/** Marks the file as delete-pending, or not any more. FileDispositionInformation, MS-FSA 2.1.5.15.3. */
export interface DispositionInput {
  readonly kind: 'disposition';
  readonly openId: number;
  readonly deletePending: boolean;
}
/** Asks whether an operation that needs the sharing of all others may be done by this open: renaming, or replacing this file by another. */
export interface ConflictInput {
  readonly kind: 'conflict';
  /** The open that asks; 0 for one of another file. */
  readonly openId: number;
  readonly access: number;
}
/** What is known now. */
export interface QueryInput {
  readonly kind: 'query';
}

/** Each input with the decision that answers it. A new kind of state is a row here and one in `transitions`. */
export interface Decisions {
  open: { readonly input: OpenInput; readonly decision: NtStatus };
  close: { readonly input: CloseInput; readonly decision: { readonly unlink: boolean } };
  withdraw: { readonly input: WithdrawInput; readonly decision: NtStatus };
  disposition: { readonly input: DispositionInput; readonly decision: NtStatus };
  conflict: { readonly input: ConflictInput; readonly decision: NtStatus };
  query: { readonly input: QueryInput; readonly decision: { readonly deletePending: boolean; readonly opens: number } };
}
export type Input = Decisions[keyof Decisions]['input'];
export type DecisionOf<I extends Input> = Decisions[I['kind']]['decision'];

/**
 * The state of all files of a store, each file's as one object: opens with their share modes and delete-pending change together or not at all. In one
 * process it answers at once; a replicated one may answer later.
 */
export interface FileState {
  submit<I extends Input>(fileId: string, input: I): MaybePromise<DecisionOf<I>>;
  /** Keeps a name that does not exist yet for one CREATE: its folder's identity and the folded name. @returns how to give it back */
  reserve(parentId: string, foldedName: string): MaybePromise<() => void>;
}
