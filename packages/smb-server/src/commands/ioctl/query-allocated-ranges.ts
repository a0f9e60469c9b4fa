import { runSteps, type Steps, wait } from '@ring3/kit';
import { AccessMask, FileAllocatedRangeBuffer, NtStatus } from '@ring3/smb-proto';
import { isCode } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import { statusOf } from '../../status-map.ts';
import { allocatedRanges } from './ranges.ts';
import { handleOf, type IoctlAnswer, type IoctlContext, type IoctlRow, nothing } from './row.ts';

const entry = FileAllocatedRangeBuffer.byteLength;

/** FSCTL_QUERY_ALLOCATED_RANGES, MS-FSA 2.1.5.10.22. */
export const queryAllocatedRanges: IoctlRow = {
  needs: 'file',
  access: AccessMask.FileReadData,
  handle(ctx, { input, maxOutputResponse }) {
    const { fileOffset, length } = FileAllocatedRangeBuffer.read(new Frame(input), 0);
    if (fileOffset < 0 || length < 0 || fileOffset >= 2 ** 63 || length >= 2 ** 63 || fileOffset + length >= 2 ** 63) {
      return NtStatus.InvalidParameter;
    }
    return length === 0 ? nothing : runSteps(list(ctx, fileOffset, length, maxOutputResponse));
  },
};

function* list(ctx: IoctlContext, offset: number, length: number, room: number): Steps<IoctlAnswer> {
  const most = Math.floor(room / entry);
  const found = yield* wait(allocatedRanges(handleOf(ctx), offset, length, most + 1)); // one more says that there are more
  if (isCode(found)) return statusOf(found);
  const fitting = Math.min(found.length, most);
  if (fitting === 0 && found.length > 0) return NtStatus.BufferTooSmall;
  if (fitting < found.length) ctx.status = NtStatus.BufferOverflow;
  const frame = Frame.alloc(fitting * entry);
  for (let i = 0; i < fitting; i++) {
    const range = found[i] as (typeof found)[number];
    FileAllocatedRangeBuffer.write(frame, i * entry, { fileOffset: range.offset, length: range.length });
  }
  return frame.bytes;
}
