import { runSteps, type Steps, wait } from '@ring3/kit';
import { AccessMask, DuplicateExtentsData, FileAttributes, NtStatus } from '@ring3/smb-proto';
import { type Handle, isCode, type Stat, type VfsCode } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import { modified, noting } from '../../objects/noting.ts';
import type { Open } from '../../objects/open.ts';
import { askAccess, askAccessOf } from '../../request/pending.ts';
import { maxFileSize } from '../../values/offsets.ts';
import { statusOf } from '../../values/status-map.ts';
import { handleOf, type IoctlAnswer, type IoctlContext, type IoctlRow, nothing } from './row.ts';

/** FSCTL_DUPLICATE_EXTENTS_TO_FILE, MS-FSA 2.1.5.10.4: the target shares the source's blocks. */
export const duplicateExtents: IoctlRow = {
  needs: 'file',
  access: AccessMask.FileWriteData,
  changes: true,
  handle(ctx, { input }) {
    if (!ctx.tree.vfs.features.has('clone')) return NtStatus.InvalidDeviceRequest;
    const data = DuplicateExtentsData.read(new Frame(input), 0);
    const source = ctx.session.opens.get(data.sourceFileIdVolatile);
    if (source === undefined || source.persistentFileId !== data.sourceFileIdPersistent || source.handle?.kind !== 'file') {
      return NtStatus.InvalidHandle;
    }
    if (!source.may(AccessMask.FileReadData)) return NtStatus.AccessDenied;
    if (source.share.fileState !== ctx.tree.share.fileState) return NtStatus.NotSameDevice;
    return runSteps(duplicate(ctx, source, data));
  },
};

function* duplicate(ctx: IoctlContext, source: Open, data: DuplicateExtentsData): Steps<IoctlAnswer> {
  const target = handleOf(ctx);
  const origin = source.handle as Handle;
  const { sourceFileOffset, targetFileOffset, byteCount } = data;
  const end = (sourceFileOffset > targetFileOffset ? sourceFileOffset : targetFileOffset) + byteCount;
  if (end > maxFileSize) return NtStatus.InvalidParameter;
  const [from, to, count] = [Number(sourceFileOffset), Number(targetFileOffset), Number(byteCount)];
  const originStat = yield* wait(origin.stat());
  const targetStat = yield* wait(target.stat());
  if (isCode(originStat)) return statusOf(originStat);
  if (isCode(targetStat)) return statusOf(targetStat);
  const overlaps = origin.fileId === target.fileId && Math.abs(from - to) < count;
  if (overlaps || (isSparse(originStat) && !isSparse(targetStat))) return NtStatus.NotSupported;
  if (from + count > Math.max(originStat.size, originStat.allocated)) return NtStatus.NotSupported;
  if (count === 0) return nothing;
  // Oplocks are broken as by reading and writing, byte-range locks are not checked.
  const readable = yield* wait(askAccessOf(ctx, source, 'read', 0, 0));
  if (readable !== NtStatus.Success) return readable;
  const writable = yield* wait(askAccess(ctx, 'write'));
  if (writable !== NtStatus.Success) return writable;
  const cloned = yield* noting(ctx.open, modified, () => runSteps(cloneWithin(target, origin, { from, to, count }, targetStat.size)));
  if (isCode(cloned)) return statusOf(cloned);
  ctx.open.changed(count);
  return nothing;
}

interface Extent {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** Shares the blocks. The end of the target file stays where it is. */
function* cloneWithin(target: Handle, origin: Handle, { from, to, count }: Extent, size: number): Steps<VfsCode | undefined> {
  const cloned = yield* wait(target.cloneRange?.(origin, from, to, count));
  if (isCode(cloned)) return cloned;
  const cut = to + count > size ? yield* wait(target.truncate(size)) : undefined;
  return isCode(cut) ? cut : undefined;
}

const isSparse = ({ attributes }: Stat): boolean => ((attributes ?? 0) & FileAttributes.SparseFile) !== 0;
