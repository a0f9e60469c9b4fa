import { type MaybePromise, runSteps, type Steps, wait } from '@ring3/kit';
import { AccessMask, NtStatus, SrvCopychunkCopy, SrvCopychunkResponse } from '@ring3/smb-proto';
import { type Handle, isCode, type VfsCode } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import { copyData } from '../../objects/copy-data.ts';
import { modified, noting, readingHeld, UserSet } from '../../objects/noting.ts';
import type { Open } from '../../objects/open.ts';
import { askAccess, askAccessOf } from '../../request/pending.ts';
import { readDataRights, writeDataRights } from '../../values/access.ts';
import { clamped, largest, maxFileSize } from '../../values/offsets.ts';
import { statusOf } from '../../values/status-map.ts';
import { handleOf, type IoctlAnswer, type IoctlContext, type IoctlRow } from './row.ts';
import { openOfKey } from './srv-request-resume-key.ts';

/** ServerSideCopyMaxNumberofChunks, …MaxChunkSize, …MaxDataSize, MS-SMB2 3.3.3. */
const maxChunks = 256;
const maxChunkSize = 1024 * 1024;
const maxTotal = 16 * 1024 * 1024;

type Copy = ReturnType<typeof SrvCopychunkCopy.read>;
type Chunk = Pick<Copy['chunks'][number], 'sourceOffset' | 'targetOffset' | 'length'>;

function result(
  ctx: IoctlContext,
  status: NtStatus,
  chunksWritten: number,
  chunkBytesWritten: number,
  totalBytesWritten: number,
): Uint8Array {
  const frame = Frame.alloc(SrvCopychunkResponse.byteLength);
  SrvCopychunkResponse.write(frame, 0, { chunksWritten, chunkBytesWritten, totalBytesWritten });
  ctx.status = status;
  return frame.bytes;
}

/** A row for both codes: they differ only in whether the target must be readable. MS-SMB2 3.3.5.15.6. */
const copyRow = (readsTarget: boolean): IoctlRow => ({
  needs: 'open',
  changes: true,
  handle(ctx, { input, maxOutputResponse }) {
    if (maxOutputResponse < SrvCopychunkResponse.byteLength) return NtStatus.InvalidParameter;
    const copy = SrvCopychunkCopy.read(new Frame(input), 0);
    const source = openOfKey(ctx.session, copy.sourceKey);
    if (source === undefined) return NtStatus.ObjectNameNotFound;
    const total = copy.chunks.reduce((sum, { length }) => sum + length, 0);
    if (copy.chunks.length > maxChunks || total > maxTotal || copy.chunks.some(({ length }) => length === 0 || length > maxChunkSize)) {
      return result(ctx, NtStatus.InvalidParameter, maxChunks, maxChunkSize, maxTotal);
    }
    const status = mayCopy(ctx, source, readsTarget);
    return status === NtStatus.Success ? runSteps(copyChunks(ctx, source, copy)) : status;
  },
});
/** FSCTL_SRV_COPYCHUNK, MS-SMB2 3.3.5.15.6. */
export const srvCopychunk = copyRow(true);
/** FSCTL_SRV_COPYCHUNK_WRITE, MS-SMB2 3.3.5.15.6. */
export const srvCopychunkWrite = copyRow(false);

function mayCopy({ open, tree }: IoctlContext, source: Open, readsTarget: boolean): NtStatus {
  if (open.handle?.kind !== 'file' || source.handle?.kind !== 'file') return NtStatus.InvalidDeviceRequest;
  if (!tree.writable || !open.mayAny(writeDataRights)) return NtStatus.AccessDenied;
  if (!source.mayAny(readDataRights)) return NtStatus.AccessDenied;
  return readsTarget && !open.may(AccessMask.FileReadData) ? NtStatus.AccessDenied : NtStatus.Success;
}

/** Copies chunk by chunk; a failure reports what was copied before it. */
function* copyChunks(ctx: IoctlContext, source: Open, { chunks }: Copy): Steps<IoctlAnswer> {
  let written = 0;
  let total = 0;
  source.enter();
  try {
    for (const { sourceOffset, targetOffset, length } of chunks) {
      const status = yield* copyChunk(ctx, source, { sourceOffset, targetOffset, length });
      if (status !== NtStatus.Success) return result(ctx, status, written, 0, total);
      ctx.open.changed(length);
      written++;
      total += length;
    }
  } finally {
    source.leave();
  }
  return result(ctx, NtStatus.Success, written, 0, total);
}

function* copyChunk(ctx: IoctlContext, source: Open, { sourceOffset, targetOffset, length }: Chunk): Steps<NtStatus> {
  const target = handleOf(ctx);
  const origin = source.handle as Handle;
  if (targetOffset + BigInt(length) > maxFileSize || sourceOffset > largest) return NtStatus.InvalidParameter;
  const [from, to] = [clamped(sourceOffset), Number(targetOffset)];
  const stat = yield* wait(origin.stat());
  if (isCode(stat)) return statusOf(stat);
  if (from + length > stat.size) return NtStatus.InvalidViewSize;
  const readable = yield* wait(askAccessOf(ctx, source, 'read', from, length));
  if (readable !== NtStatus.Success) return readable;
  const writable = yield* wait(askAccess(ctx, 'write', to, length));
  if (writable !== NtStatus.Success) return writable;
  const copy = (): MaybePromise<NtStatus | VfsCode> =>
    runSteps(
      copyData(
        ctx.open,
        { handle: origin, offset: from, length, sameStore: source.share.fileState === ctx.tree.share.fileState },
        target,
        to,
      ),
    );
  const held = (source.userSet & UserSet.AccessTime) !== 0;
  const copied = yield* noting(ctx.open, modified, held ? () => runSteps(readingHeld(source, copy)) : copy);
  return isCode(copied) ? statusOf(copied) : copied;
}
