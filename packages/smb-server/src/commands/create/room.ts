import { type Steps, wait } from '@ring3/kit';
import { type Handle, isCode, type VfsCode } from '@ring3/vfs';

/** Whether a store has refused to reserve space because there is not so much. Other refusals are about a hint that it does not take. */
export const isFull = (answer: unknown): answer is VfsCode => answer === 'ENOSPC' || answer === 'EDQUOT';

/** Whether a file that is emptied could have so much space: asked before anything is lost. @returns nothing, or ENOSPC */
export function* checkRoom(handle: Handle, size: number): Steps<VfsCode | undefined> {
  const space = yield* wait(handle.space?.());
  const stat = yield* wait(handle.stat());
  if (space === undefined || isCode(space) || isCode(stat)) return undefined;
  return size > space.free + stat.allocated ? 'ENOSPC' : undefined;
}
