import type { MaybePromise } from '@ring3/kit';
import { NtStatus } from '@ring3/smb-proto';
import type { Open } from '../objects/open.ts';
import {
  type AccessInput,
  type ConflictInput,
  type FileState,
  type LockInput,
  noOpen,
  type OpenInput,
  type Operation,
  type ReserveInput,
} from '../state/index.ts';
import type { ContextOf } from './command.ts';
import type { Request } from './request.ts';

/**
 * Submits an input that may have to wait, for a lock or the end of an oplock break. While it waits, the client has an interim response
 * (MS-SMB2 3.3.4.2) and may cancel.
 * @param cancelled the status of a cancelled one
 */
export function submitPending(
  request: Request,
  state: FileState,
  fileId: string,
  input: OpenInput | LockInput | AccessInput | ConflictInput | ReserveInput,
  cancelled: () => NtStatus = () => NtStatus.Cancelled,
): MaybePromise<NtStatus> {
  const answer = state.submit(fileId, input);
  if (!(answer instanceof Promise)) return answer;
  const ticket = 'ticket' in input ? input.ticket : input.openId;
  const stop = (status: NtStatus): void => void state.submit(fileId, { kind: 'cancel', ticket, status });
  const waitsForClient = input.kind === 'lock' && input.wait;
  const wait = (): void => {
    if (!request.pend(() => stop(cancelled()), waitsForClient)) stop(NtStatus.InsufficientResources);
  };
  if (state.decidesAtOnce) {
    wait();
    return answer;
  }
  const { undecided } = request.server;
  undecided.set(ticket, wait);
  return answer.finally(() => undecided.delete(ticket));
}

/**
 * Checks an operation of this open against the oplocks and locks of other opens; breaks conflicting oplocks and waits for the
 * acknowledgment.
 * @param offset of the bytes that are read or changed, with `length`; 0 and 0 for other operations
 */
export const askAccess = (ctx: ContextOf<'open'>, operation: Operation, offset = 0, length = 0): MaybePromise<NtStatus> =>
  askAccessOf(ctx, ctx.open, operation, offset, length);

/** The same for another open than the request's: the source of a copy. */
export function askAccessOf(request: Request, open: Open, operation: Operation, offset: number, length: number): MaybePromise<NtStatus> {
  const { server } = request;
  if (open.handle === undefined) return NtStatus.Success;
  const input = { kind: 'access', openId: open.volatileFileId, ticket: server.opens.nextId(), operation, offset, length } as const;
  return submitPending(request, open.fileState, open.handle.fileId, input);
}

/** The same for a file that is changed without an open here: one that is replaced, or that moves with its directory. */
export function askAccessFor(request: Request, state: FileState, fileId: string, operation: Operation): MaybePromise<NtStatus> {
  const ticket = request.server.opens.nextId();
  return submitPending(request, state, fileId, { kind: 'access', openId: noOpen, ticket, operation, offset: 0, length: 0 });
}

/** Checks an operation against the share modes of a file or directory, as if by an open of it for a moment. */
export function askShare(request: Request, state: FileState, fileId: string, access: number, shareAccess: number): MaybePromise<NtStatus> {
  const ticket = request.server.opens.nextId();
  return submitPending(request, state, fileId, { kind: 'conflict', openId: noOpen, ticket, access, shareAccess });
}
