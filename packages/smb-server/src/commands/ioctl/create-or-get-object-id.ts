import { runSteps, type Steps, wait } from '@ring3/kit';
import { FileObjectIdBuffer, NtStatus } from '@ring3/smb-proto';
import { isCode } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import { fileId128Of } from '../../objects/metadata.ts';
import { statusOf } from '../../values/status-map.ts';
import { handleOf, type IoctlAnswer, type IoctlContext, type IoctlRow } from './row.ts';

/** FSCTL_CREATE_OR_GET_OBJECT_ID, MS-FSA 2.1.5.10.3: a file's id is its object id. */
export const createOrGetObjectId: IoctlRow = {
  needs: 'entry',
  handle: (ctx, { maxOutputResponse }) =>
    maxOutputResponse < FileObjectIdBuffer.byteLength ? NtStatus.InvalidParameter : runSteps(describe(ctx)),
};

function* describe(ctx: IoctlContext): Steps<IoctlAnswer> {
  const stat = yield* wait(handleOf(ctx).stat());
  if (isCode(stat)) return statusOf(stat);
  const frame = Frame.alloc(FileObjectIdBuffer.byteLength);
  const objectId = fileId128Of(stat);
  FileObjectIdBuffer.write(frame, 0, { objectId, birthVolumeId: ctx.server.guid, birthObjectId: objectId });
  return frame.bytes;
}
