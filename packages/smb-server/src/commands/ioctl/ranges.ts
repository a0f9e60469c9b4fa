import { andThen, type MaybePromise } from '@ring3/kit';
import { FileAttributes } from '@ring3/smb-proto';
import { type Handle, isCode, type Range, type VfsCode } from '@ring3/vfs';

/**
 * The parts of a range that hold data: of a file that is not sparse, or if the store does not know holes, all of it up to the end. @param
 * limit maximum number of parts
 */
export function allocatedRanges(handle: Handle, offset: number, length: number, limit: number): MaybePromise<readonly Range[] | VfsCode> {
  const most = Math.min(length, Number.MAX_SAFE_INTEGER - offset);
  if (most <= 0) return [];
  return andThen(handle.stat(), (stat) => {
    if (isCode(stat)) return stat;
    const sparse = ((stat.attributes ?? 0) & FileAttributes.SparseFile) !== 0;
    if (sparse && handle.ranges !== undefined) return handle.ranges(offset, most, limit);
    const end = Math.min(offset + most, stat.size);
    return end > offset ? [{ offset, length: end - offset }] : [];
  });
}
