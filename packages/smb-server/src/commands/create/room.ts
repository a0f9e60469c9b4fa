import { type Steps, wait } from '@ring3/kit';
import { type Handle, isCode, type VfsCode } from '@ring3/vfs';

/** Whether a store failed to reserve space because there is not enough. Other failures mean that it ignores the hint. */
export const isFull = (answer: unknown): answer is VfsCode => answer === 'ENOSPC' || answer === 'EDQUOT';

/** Whether a file that is truncated could have this much space: checked before anything is lost. @returns nothing, or ENOSPC */
export function* checkRoom(handle: Handle, size: number): Steps<VfsCode | undefined> {
  const space = yield* wait(handle.space?.());
  const stat = yield* wait(handle.stat());
  if (space === undefined || isCode(space) || isCode(stat)) return undefined;
  return size > space.free + stat.allocated ? 'ENOSPC' : undefined;
}
