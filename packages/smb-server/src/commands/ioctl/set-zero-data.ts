import { runSteps, type Steps, Turn, wait } from '@ring3/kit';
import { AccessMask, FileAttributes, FileZeroDataInformation, NtStatus } from '@ring3/smb-proto';
import { type Handle, isCode } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import { modified, noting } from '../../objects/noting.ts';
import { askAccess } from '../../request/pending.ts';
import { clamped, largest } from '../../values/offsets.ts';
import { statusOf } from '../../values/status-map.ts';
import { handleOf, type IoctlAnswer, type IoctlContext, type IoctlRow, nothing } from './row.ts';

const block = new Uint8Array(64 * 1024);
/** Maximum number of parts with data that are queried at a time. */
const partsAtATime = 1024;

/** FSCTL_SET_ZERO_DATA, MS-FSA 2.1.5.10.37: a range reads as zeros; the size stays. */
export const setZeroData: IoctlRow = {
  needs: 'file',
  access: AccessMask.FileWriteData,
  changes: true,
  handle(ctx, { input }) {
    const { fileOffset, beyondFinalZero } = FileZeroDataInformation.read(new Frame(input), 0);
    if (beyondFinalZero < fileOffset || beyondFinalZero > largest) return NtStatus.InvalidParameter;
    return beyondFinalZero === fileOffset ? nothing : runSteps(zero(ctx, clamped(fileOffset), clamped(beyondFinalZero)));
  },
};

function* zero(ctx: IoctlContext, from: number, to: number): Steps<IoctlAnswer> {
  const handle = handleOf(ctx);
  const allowed = yield* wait(askAccess(ctx, 'zeroData', from, to - from));
  if (allowed !== NtStatus.Success) return allowed;
  const stat = yield* wait(handle.stat());
  if (isCode(stat)) return statusOf(stat);
  const end = Math.min(to, stat.size);
  if (from >= end) return nothing;
  const sparse = ((stat.attributes ?? 0) & FileAttributes.SparseFile) !== 0;
  const punched = yield* noting(ctx.open, modified, () =>
    sparse && handle.punch !== undefined ? handle.punch(from, end - from) : runSteps(overwrite(ctx, handle, from, end)),
  );
  if (isCode(punched)) return statusOf(punched);
  ctx.open.changed(0);
  return nothing;
}

type Failure = Awaited<ReturnType<Handle['truncate']>>;

/**
 * A file that is not sparse keeps its allocation. Holes are skipped: they read as zeros already, and a client can set a size of petabytes
 * with one request.
 */
function* overwrite(ctx: IoctlContext, handle: Handle, from: number, to: number): Steps<Failure> {
  const turn = new Turn();
  for (let at = from; at < to; ) {
    const whole = [{ offset: at, length: to - at }];
    const data = handle.ranges === undefined ? whole : yield* wait(handle.ranges(at, to - at, partsAtATime));
    if (isCode(data)) return data;
    for (const { offset, length } of data) {
      const failed = yield* writeZeros(ctx, handle, offset, offset + length, turn);
      if (failed !== undefined) return failed;
      at = offset + length;
    }
    if (data.length < partsAtATime) return undefined;
  }
}

/** Lets other connections have their turn, however small the parts are, and ends with the open. */
function* writeZeros({ open, server }: IoctlContext, handle: Handle, from: number, to: number, turn: Turn): Steps<Failure> {
  for (let at = from; at < to; at += block.length) {
    const written = yield* wait(handle.write([block.subarray(0, Math.min(block.length, to - at))], at));
    if (isCode(written)) return written;
    if (turn.over) {
      yield* wait(new Promise<void>((resolve) => server.defer(resolve)));
      turn.begin();
    }
    if (open.closed) return 'ECANCELED';
  }
}
