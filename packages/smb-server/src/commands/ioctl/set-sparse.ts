import { runSteps, type Steps, wait } from '@ring3/kit';
import { AccessMask, FileAttributes, FileSetSparseBuffer, NtStatus } from '@ring3/smb-proto';
import { isCode } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import { changed, noting } from '../../objects/noting.ts';
import { statusOf } from '../../values/status-map.ts';
import { handleOf, type IoctlAnswer, type IoctlContext, type IoctlRow, nothing } from './row.ts';

/** FSCTL_SET_SPARSE, MS-FSA 2.1.5.10.36: only sets the attribute; files are sparse anyway if the store is. */
export const setSparse: IoctlRow = {
  needs: 'file',
  access: AccessMask.FileWriteData | AccessMask.FileWriteAttributes | AccessMask.FileAppendData,
  changes: true,
  handle(ctx, { input }) {
    const sparse = input.length === 0 || FileSetSparseBuffer.read(new Frame(input), 0).setSparse !== 0;
    return runSteps(mark(ctx, sparse));
  },
};

function* mark(ctx: IoctlContext, sparse: boolean): Steps<IoctlAnswer> {
  const handle = ctx.open.base ?? handleOf(ctx);
  if (!ctx.tree.vfs.features.has('attributes') || handle.setStat === undefined) return NtStatus.InvalidDeviceRequest;
  const stat = yield* wait(handle.stat());
  if (isCode(stat)) return statusOf(stat);
  const old = stat.attributes ?? FileAttributes.Archive;
  const attributes = sparse ? old | FileAttributes.SparseFile : old & ~FileAttributes.SparseFile;
  const set = yield* noting(ctx.open, changed, () => handle.setStat?.({ attributes }));
  return isCode(set) ? statusOf(set) : nothing;
}
