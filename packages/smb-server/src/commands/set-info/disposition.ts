import { type Steps, wait } from '@ring3/kit';
import { DispositionFlags, FileDispositionInformation, FileDispositionInformationEx, NtStatus } from '@ring3/smb-proto';
import { type Handle, isCode } from '@ring3/vfs';
import type { ContextOf } from '../../command.ts';
import { mayDelete } from '../../deletion.ts';
import { attributesOf } from '../../metadata.ts';
import { askAccess } from '../../pending.ts';
import { statusOf } from '../../status-map.ts';
import type { Setter } from './file.ts';

/** FileDispositionInformation, MS-FSA 2.1.5.15.3. */
export const setDisposition: Setter = function* (ctx, handle, frame) {
  const { deletePending } = FileDispositionInformation.read(frame, 0);
  return yield* dispose(ctx, ctx.open.named ?? handle, deletePending !== 0, false);
};

/** FileDispositionInformationEx, MS-FSA 2.1.5.15.3. */
export const setDispositionEx: Setter = function* (ctx, handle, frame) {
  const { flags } = FileDispositionInformationEx.read(frame, 0);
  return yield* dispose(
    ctx,
    ctx.open.named ?? handle,
    (flags & DispositionFlags.Delete) !== 0,
    (flags & DispositionFlags.IgnoreReadOnly) !== 0,
  );
};

/** @param handle of the entry whose name is deleted */
function* dispose(ctx: ContextOf<'open'>, handle: Handle, deletePending: boolean, ignoreReadOnly: boolean): Steps<NtStatus> {
  const { open, tree } = ctx;
  if (deletePending) {
    const stat = yield* wait(handle.stat());
    if (isCode(stat)) return statusOf(stat);
    const status = yield* mayDelete(tree, handle, attributesOf(stat, handle.kind), ignoreReadOnly);
    if (status !== NtStatus.Success) return status;
  }
  if (deletePending && open.link === undefined) {
    const allowed = yield* wait(askAccess(ctx, 'delete'));
    if (allowed !== NtStatus.Success) return allowed;
  }
  const deleter = deletePending ? ctx.session.actor : undefined;
  return yield* wait(tree.fileState.submit(handle.fileId, { kind: 'disposition', openId: open.volatileFileId, deletePending, deleter }));
}
