import { runSteps, type Steps } from '@ring3/kit';
import { AccessMask, NtStatus, ReparseDataBuffer, ReparseTag } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import { handleOf, type IoctlAnswer, type IoctlContext, type IoctlRow, nothing } from './row.ts';
import { takePlace } from './take-place.ts';

/** FSCTL_DELETE_REPARSE_POINT, MS-FSA 2.1.5.10: a symbolic link becomes an empty file. */
export const deleteReparsePoint: IoctlRow = {
  needs: 'entry',
  access: AccessMask.FileWriteData | AccessMask.FileWriteAttributes,
  changes: true,
  handle(ctx, { input }) {
    if (input.length < ReparseDataBuffer.fixed.byteLength) return NtStatus.IoReparseDataInvalid;
    const { reparseTag, reparseDataLength } = ReparseDataBuffer.fixed.read(new Frame(input), 0);
    if (reparseDataLength !== 0) return NtStatus.IoReparseDataInvalid;
    if (handleOf(ctx).kind !== 'link') return NtStatus.NotAReparsePoint;
    return reparseTag === ReparseTag.Symlink ? runSteps(unmake(ctx)) : NtStatus.IoReparseTagMismatch;
  },
};

function* unmake(ctx: IoctlContext): Steps<IoctlAnswer> {
  const status = yield* takePlace(ctx, { kind: 'file' });
  return status === NtStatus.Success ? nothing : status;
}
