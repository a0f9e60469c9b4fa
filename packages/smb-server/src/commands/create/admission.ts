import { type Steps, wait } from '@ring3/kit';
import { AccessMask, CreateOptions, NtStatus } from '@ring3/smb-proto';
import type { Handle } from '@ring3/vfs';
import type { OpenInput } from '../../file-state/index.ts';
import { submitPending } from '../../pending.ts';
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
  const common = { kind: 'open', openId, owner: openId, shareAccess } as const;
  const owner = plan.lease?.id ?? openId;
  const nothing = { access: 0, checkedAccess: 0, overwrites: false, deleteOnClose: false };
  const whole = { ...common, ...rights, deleteOnClose: (createOptions & CreateOptions.DeleteOnClose) !== 0 };
  const admitted: Handle[] = [];
  const admit = function* (file: Handle, input: OpenInput): Steps<NtStatus> {
    const status = yield* wait(submitPending(plan.ctx, plan.ctx.tree.fileState, file.fileId, { ...input, name: file.entryKey }));
    if (status === NtStatus.Success) admitted.push(file);
    else yield* withdraw(plan, admitted, openId);
    return status;
  };
  if (link === undefined) {
    const status = yield* admit(handle, { ...whole, owner });
    return status !== NtStatus.Success || base === undefined ? status : yield* admit(base, { ...common, ...nothing, ofStream: true });
  }
  const status = yield* admit(link, { ...whole, overwrites: false });
  if (status !== NtStatus.Success) return status;
  const [access, checkedAccess] = [rights.access & ~AccessMask.Delete, rights.checkedAccess & ~AccessMask.Delete];
  return yield* admit(handle, { ...common, owner, access, checkedAccess, overwrites: rights.overwrites, deleteOnClose: false });
}

/** Withdraws an admitted open that failed later. */
export function* withdrawOpen(plan: CreatePlan, { handle, base, link, openId }: Subject): Steps<void> {
  yield* withdraw(plan, [handle, base, link], openId);
}

function* withdraw({ ctx }: CreatePlan, files: readonly (Handle | undefined)[], openId: number): Steps<void> {
  for (const file of files) if (file !== undefined) yield* wait(ctx.tree.fileState.submit(file.fileId, { kind: 'withdraw', openId }));
}
