import { runSteps, type Steps, wait } from '@ring3/kit';
import { AccessMask, DuplicateExtentsData, NtStatus } from '@ring3/smb-proto';
import { isCode } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import type { Open } from '../../open.ts';
import { askAccess, askAccessOf } from '../../pending.ts';
import { statusOf } from '../../status-map.ts';
import { handleOf, type IoctlAnswer, type IoctlContext, type IoctlRow, nothing } from './row.ts';

/** FSCTL_DUPLICATE_EXTENTS_TO_FILE, MS-FSA 2.1.5.10.4: the target shares the source's blocks. */
export const duplicateExtents: IoctlRow = {
  needs: 'file',
  access: AccessMask.FileWriteData,
  changes: true,
  handle(ctx, { input }) {
    if (!ctx.tree.vfs.features.has('clone')) return NtStatus.NotSupported;
    const data = DuplicateExtentsData.read(new Frame(input), 0);
    const source = ctx.session.opens.get(data.sourceFileIdVolatile);
    if (source === undefined || source.persistentFileId !== data.sourceFileIdPersistent || source.handle?.kind !== 'file') {
      return NtStatus.InvalidHandle;
    }
    if (!source.may(AccessMask.FileReadData)) return NtStatus.AccessDenied;
    if (source.tree.vfs !== ctx.tree.vfs) return NtStatus.NotSameDevice;
    return runSteps(duplicate(ctx, source, data));
  },
};

function* duplicate(
  ctx: IoctlContext,
  source: Open,
  { sourceFileOffset, targetFileOffset, byteCount }: DuplicateExtentsData,
): Steps<IoctlAnswer> {
  const origin = source.handle;
  if (origin === undefined || sourceFileOffset < 0 || targetFileOffset < 0 || byteCount < 0) return NtStatus.InvalidParameter;
  if (sourceFileOffset + byteCount > Number.MAX_SAFE_INTEGER || targetFileOffset + byteCount > Number.MAX_SAFE_INTEGER)
    return NtStatus.InvalidParameter;
  const readable = yield* wait(askAccessOf(ctx, source, 'read', sourceFileOffset, byteCount));
  if (readable !== NtStatus.Success) return readable;
  const writable = yield* wait(askAccess(ctx, 'write', targetFileOffset, byteCount));
  if (writable !== NtStatus.Success) return writable;
  const done = yield* wait(handleOf(ctx).cloneRange?.(origin, sourceFileOffset, targetFileOffset, byteCount));
  return isCode(done) ? statusOf(done) : nothing;
}
