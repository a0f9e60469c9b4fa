import { runSteps, type Steps, wait } from '@ring3/kit';
import { AccessMask, FileRegionInput, FileRegionOutput, NtStatus } from '@ring3/smb-proto';
import { isCode } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import { clamped, isRange, largest } from '../../values/offsets.ts';
import { statusOf } from '../../values/status-map.ts';
import { handleOf, type IoctlAnswer, type IoctlContext, type IoctlRow } from './row.ts';

/** Usage: data that is valid. */
const validCached = 1;
const head = 16;

/** FSCTL_QUERY_FILE_REGIONS, MS-FSA 2.1.5.10: all data of a file is valid. */
export const queryFileRegions: IoctlRow = {
  needs: 'file',
  access: AccessMask.FileReadData,
  handle(ctx, { input, maxOutputResponse }) {
    const asked = input.length === 0 ? undefined : FileRegionInput.read(new Frame(input), 0);
    const { fileOffset, length } = asked ?? { fileOffset: 0n, length: largest };
    if (!isRange(fileOffset, length)) return NtStatus.InvalidParameter;
    if (maxOutputResponse < head) return ctx.tooSmall(head);
    return runSteps(describe(ctx, clamped(fileOffset), clamped(length), maxOutputResponse));
  },
};

function* describe(ctx: IoctlContext, from: number, length: number, room: number): Steps<IoctlAnswer> {
  const stat = yield* wait(handleOf(ctx).stat());
  if (isCode(stat)) return statusOf(stat);
  const end = Math.min(from + length, stat.size);
  const regions = end > from ? [{ fileOffset: BigInt(from), length: BigInt(end - from), usage: validCached }] : [];
  const { head: bytes } = FileRegionOutput.encode({ flags: 0, totalRegionEntryCount: regions.length, regions });
  if (bytes.length <= room) return bytes;
  ctx.status = NtStatus.BufferOverflow;
  return FileRegionOutput.encode({ flags: 0, totalRegionEntryCount: regions.length, regions: [] }).head;
}
