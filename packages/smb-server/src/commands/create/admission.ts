import { type Steps, wait } from '@ring3/kit';
import { CreateOptions, NtStatus } from '@ring3/smb-proto';
import type { Handle } from '@ring3/vfs';
import type { OpenInput } from '../../file-state/index.ts';
import { submitPending } from '../../pending.ts';
import type { CreatePlan } from './plan.ts';

/** What is to be opened: the entry, and of a stream its file. */
interface Subject {
  readonly handle: Handle;
  readonly base: Handle | undefined;
  readonly openId: number;
}

/** Asks the state of the file, and of a stream's file, whether an open may be there. */
export function* admitOpen(
  { ctx, request }: CreatePlan,
  { handle, base, openId }: Subject,
  rights: Pick<OpenInput, 'access' | 'checkedAccess' | 'overwrites'>,
): Steps<NtStatus> {
  const { fileState } = ctx.tree;
  const { shareAccess, createOptions } = request;
  const deleteOnClose = (createOptions & CreateOptions.DeleteOnClose) !== 0;
  const admitted = yield* wait(
    submitPending(ctx, fileState, handle.fileId, { kind: 'open', openId, ...rights, shareAccess, deleteOnClose }),
  );
  if (admitted !== NtStatus.Success || base === undefined) return admitted;
  const ofStream = {
    kind: 'open',
    openId,
    access: 0,
    checkedAccess: 0,
    shareAccess,
    deleteOnClose: false,
    overwrites: false,
    ofStream: true,
  } as const;
  const shared = yield* wait(submitPending(ctx, fileState, base.fileId, ofStream));
  if (shared !== NtStatus.Success) yield* wait(fileState.submit(handle.fileId, { kind: 'withdraw', openId }));
  return shared;
}

/** Takes back an open that was admitted and came to nothing. */
export function* withdrawOpen({ ctx }: CreatePlan, { handle, base, openId }: Subject): Steps<void> {
  const { fileState } = ctx.tree;
  yield* wait(fileState.submit(handle.fileId, { kind: 'withdraw', openId }));
  if (base !== undefined) yield* wait(fileState.submit(base.fileId, { kind: 'withdraw', openId }));
}
