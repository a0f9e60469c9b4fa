import { type Steps, wait } from '@ring3/kit';
import { DispositionFlags, FileAttributes, FileDispositionInformation, FileDispositionInformationEx, NtStatus } from '@ring3/smb-proto';
import { type Handle, isCode } from '@ring3/vfs';
import type { ContextOf } from '../../command.ts';
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
    if (handle.fileId === tree.root?.fileId) return NtStatus.CannotDelete;
    const stat = yield* wait(handle.stat());
    if (isCode(stat)) return statusOf(stat);
    const readOnly = handle.kind === 'file' && (attributesOf(stat, handle.kind) & FileAttributes.ReadOnly) !== 0;
    if (readOnly && !ignoreReadOnly) return NtStatus.CannotDelete;
    if (handle.kind === 'folder') {
      const status = yield* empty(handle);
      if (status !== NtStatus.Success) return status;
    }
  }
  if (deletePending && open.link === undefined) {
    const allowed = yield* wait(askAccess(ctx, 'delete'));
    if (allowed !== NtStatus.Success) return allowed;
  }
  const deleter = deletePending ? ctx.session.actor : undefined;
  return yield* wait(tree.fileState.submit(handle.fileId, { kind: 'disposition', openId: open.volatileFileId, deletePending, deleter }));
}

/** Only an empty folder can be deleted. The open may not be able to list it: another look does. */
function* empty(handle: Handle): Steps<NtStatus> {
  const able = yield* wait(handle.reopen?.('read'));
  if (isCode(able)) return statusOf(able);
  const listing = yield* wait(handle.list(undefined, { limit: 1, stat: false }));
  if (isCode(listing)) return statusOf(listing);
  return listing.entries.length === 0 ? NtStatus.Success : NtStatus.DirectoryNotEmpty;
}
