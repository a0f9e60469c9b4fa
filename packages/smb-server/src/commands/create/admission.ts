import { type Steps, wait } from '@ring3/kit';
import { AccessMask, CreateOptions, NtStatus } from '@ring3/smb-proto';
import type { Handle } from '@ring3/vfs';
import { submitPending } from '../../request/pending.ts';
import type { OpenInput } from '../../state/index.ts';
import type { CreatePlan } from './plan.ts';

/** The object of an open: the entry, of a stream its file, and the link that the name was resolved through. */
interface Subject {
  readonly handle: Handle;
  readonly base: Handle | undefined;
  readonly link: Handle | undefined;
  readonly openId: number;
}

/**
 * Submits an open to the state of each file that it affects. Through a link, DELETE applies only to the link: the target is neither deleted
 * nor renamed by it.
 */
export function* admitOpen(
  plan: CreatePlan,
  { handle, base, link, openId }: Subject,
  rights: Pick<OpenInput, 'access' | 'checkedAccess' | 'overwrites'>,
): Steps<NtStatus> {
  const { shareAccess, createOptions } = plan.request;
  const { access, checkedAccess, overwrites } = rights;
  const deleteOnClose = (createOptions & CreateOptions.DeleteOnClose) !== 0;
  const owner = plan.lease?.id ?? openId;
  const { nameIds } = plan.ctx.server;
  const common = { kind: 'open', openId, shareAccess } as const;
  if (link === undefined) {
    const whole = { ...common, owner, access, checkedAccess, overwrites, deleteOnClose, name: nameIds.of(handle) };
    const status = yield* admit(plan, handle, whole);
    if (status !== NtStatus.Success || base === undefined) return status;
    const nothing = { access: 0, checkedAccess: 0, overwrites: false, deleteOnClose: false };
    return yield* admit(plan, base, { ...common, ...nothing, owner: openId, ofStream: true, name: nameIds.of(base) }, handle);
  }
  const ofLink = { access, checkedAccess, overwrites: false, deleteOnClose };
  const status = yield* admit(plan, link, { ...common, ...ofLink, owner: openId, name: nameIds.of(link) });
  if (status !== NtStatus.Success) return status;
  const ofTarget = {
    access: access & ~AccessMask.Delete,
    checkedAccess: checkedAccess & ~AccessMask.Delete,
    overwrites,
    deleteOnClose: false,
  };
  return yield* admit(plan, handle, { ...common, ...ofTarget, owner, name: nameIds.of(handle) }, link);
}

/** @param before the file that admitted the open before; it is withdrawn there if this one rejects it */
function* admit(plan: CreatePlan, file: Handle, input: OpenInput, before?: Handle): Steps<NtStatus> {
  const status = yield* wait(submitPending(plan.ctx, plan.ctx.tree.fileState, file.fileId, input));
  if (status !== NtStatus.Success && before !== undefined) yield* withdraw(plan, [before], input.openId);
  return status;
}

/** Withdraws an admitted open that failed later. */
export function* withdrawOpen(plan: CreatePlan, { handle, base, link, openId }: Subject): Steps<void> {
  yield* withdraw(plan, [handle, base, link], openId);
}

function* withdraw({ ctx }: CreatePlan, files: readonly (Handle | undefined)[], openId: number): Steps<void> {
  for (const file of files) if (file !== undefined) yield* wait(ctx.tree.fileState.submit(file.fileId, { kind: 'withdraw', openId }));
}
