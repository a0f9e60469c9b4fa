import { type Steps, wait } from '@ring3/kit';
import { DispositionFlags, dispositionFlags, FileDispositionInformation, FileDispositionInformationEx, NtStatus } from '@ring3/smb-proto';
import { type Handle, isCode } from '@ring3/vfs';
import { mayDelete } from '../../objects/deletion.ts';
import { attributesOf } from '../../objects/metadata.ts';
import type { ContextOf } from '../../request/command.ts';
import { askAccess } from '../../request/pending.ts';
import { statusOf } from '../../values/status-map.ts';
import type { Setter } from './setter.ts';

/** FileDispositionInformation, MS-FSA 2.1.5.15.3. */
export const setDisposition: Setter = function* (ctx, handle, frame) {
  const { deletePending } = FileDispositionInformation.read(frame, 0);
  return yield* dispose(ctx, ctx.open.named ?? handle, deletePending !== 0 ? DispositionFlags.Delete : 0);
};

/**
 * FileDispositionInformationEx, MS-FSCC 2.4, MS-FSA 2.1.5.15.3. FORCE_IMAGE_SECTION_CHECK is always met: no file of a share is mapped as an image by the server.
 * An undefined flag is rejected.
 */
export const setDispositionEx: Setter = function* (ctx, handle, frame) {
  const { flags } = FileDispositionInformationEx.read(frame, 0);
  if ((flags & ~dispositionFlags) !== 0) return NtStatus.InvalidParameter;
  return yield* dispose(ctx, ctx.open.named ?? handle, flags);
};

/**
 * @param handle of the entry whose name is deleted
 * @param flags bits of {@link DispositionFlags}
 */
function* dispose(ctx: ContextOf<'open'>, handle: Handle, flags: number): Steps<NtStatus> {
  const { open, tree } = ctx;
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const deletePending = has(DispositionFlags.Delete);
  if (deletePending) {
    const stat = yield* wait(handle.stat());
    if (isCode(stat)) return statusOf(stat);
    const status = yield* mayDelete(tree, handle, attributesOf(stat, handle.kind), has(DispositionFlags.IgnoreReadOnly));
    if (status !== NtStatus.Success) return status;
  }
  if (deletePending && open.link === undefined) {
    const allowed = yield* wait(askAccess(ctx, 'delete'));
    if (allowed !== NtStatus.Success) return allowed;
  }
  const deleter = deletePending ? ctx.session.actor : undefined;
  const posix = has(DispositionFlags.PosixSemantics);
  const onClose = has(DispositionFlags.OnClose);
  const { volatileFileId: openId } = open;
  const { fileState } = tree;
  const before = fileState.look(handle.fileId, openId);
  const status = yield* wait(fileState.submit(handle.fileId, { kind: 'disposition', openId, deletePending, posix, onClose, deleter }));
  if (status !== NtStatus.Success || (yield* wait(ctx.server.persistence.saveFile(fileState, handle)))) return status;
  const undone = { kind: 'disposition', openId, posix: before.entry?.posixDelete === true, onClose } as const;
  const was = onClose ? before.entry?.deleteOnClose === true : before.deletePending;
  yield* wait(fileState.submit(handle.fileId, { ...undone, deletePending: was, deleter: was ? ctx.session.actor : undefined }));
  return NtStatus.InsufficientResources;
}
