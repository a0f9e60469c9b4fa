import { runSteps, type Steps, wait } from '@ring3/kit';
import { AccessMask, FileAllocatedRangeBuffer, NtStatus } from '@ring3/smb-proto';
import { isCode } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import { clamped, isRange } from '../../values/offsets.ts';
import { statusOf } from '../../values/status-map.ts';
import { allocatedRanges } from './ranges.ts';
import { handleOf, type IoctlAnswer, type IoctlContext, type IoctlRow, nothing } from './row.ts';

const entry = FileAllocatedRangeBuffer.byteLength;

/** FSCTL_QUERY_ALLOCATED_RANGES, MS-FSA 2.1.5.10.22. */
export const queryAllocatedRanges: IoctlRow = {
  needs: 'file',
  access: AccessMask.FileReadData,
  handle(ctx, { input, maxOutputResponse }) {
    const { fileOffset, length } = FileAllocatedRangeBuffer.read(new Frame(input), 0);
    if (!isRange(fileOffset, length)) return NtStatus.InvalidParameter;
    return length === 0n ? nothing : runSteps(list(ctx, clamped(fileOffset), clamped(length), maxOutputResponse));
  },
};

function* list(ctx: IoctlContext, offset: number, length: number, room: number): Steps<IoctlAnswer> {
  const most = Math.floor(room / entry);
  const found = yield* wait(allocatedRanges(handleOf(ctx), offset, length, most + 1)); // one more shows that the list is not complete
  if (isCode(found)) return statusOf(found);
  const fitting = Math.min(found.length, most);
  if (fitting === 0 && found.length > 0) return ctx.tooSmall(entry);
  if (fitting < found.length) ctx.status = NtStatus.BufferOverflow;
  const frame = Frame.alloc(fitting * entry);
  for (let i = 0; i < fitting; i++) {
    const range = found[i] as (typeof found)[number];
    FileAllocatedRangeBuffer.write(frame, i * entry, { fileOffset: BigInt(range.offset), length: BigInt(range.length) });
  }
  return frame.bytes;
}
