import { andThen, type MaybePromise } from '@ring3/kit';
import { type Handle, isCode, type Range, type VfsCode } from '@ring3/vfs';

/** The parts of a range that hold data; all of it, where the store does not know holes. */
export function allocatedRanges(handle: Handle, offset: number, length: number): MaybePromise<readonly Range[] | VfsCode> {
  const most = Math.min(length, Number.MAX_SAFE_INTEGER - offset);
  if (most <= 0) return [];
  if (handle.ranges !== undefined) return handle.ranges(offset, most);
  return andThen(handle.stat(), (stat) => {
    if (isCode(stat)) return stat;
    const end = Math.min(offset + most, stat.size);
    return end > offset ? [{ offset, length: end - offset }] : [];
  });
}
