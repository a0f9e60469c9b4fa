import { type Steps, wait } from '@ring3/kit';
import { type Handle, isCode } from '@ring3/vfs';
import { largest } from '../values/offsets.ts';
import type { TreeConnect } from './tree-connect.ts';

interface Bytes {
  readonly offset: bigint;
  readonly length: bigint;
}

/**
 * Whether byte-range locks of clients are also locks for other programs of the host: if the share's option is set and its store can do it.
 */
export const locksHost = ({ share }: Pick<TreeConnect, 'share'>, handle: Handle): boolean =>
  handle.lock !== undefined && share.options?.posixLocks !== false;

/** The bytes from the first to the last of some ranges that the host can lock: below 2^63, and not empty. Undefined if there are none. */
function boundsOf(ranges: readonly Bytes[]): Bytes | undefined {
  let first: bigint | undefined;
  let last = -1n;
  for (const { offset, length } of ranges) {
    if (length === 0n || offset > largest) continue;
    const end = offset + length - 1n;
    if (first === undefined || offset < first) first = offset;
    if (end > last) last = end > largest ? largest : end;
  }
  return first === undefined ? undefined : { offset: first, length: last - first + 1n };
}

/**
 * Sets the host's locks of a file to the union of its clients' locks, after these ranges were locked or unlocked.
 * @returns whether the host has them all; false if another program holds a conflicting lock
 */
export function* lockOnHost({ fileState }: Pick<TreeConnect, 'fileState'>, handle: Handle, ranges: readonly Bytes[]): Steps<boolean> {
  const bounds = boundsOf(ranges);
  if (bounds === undefined) return true;
  const segments = yield* wait(fileState.submit(handle.fileId, { kind: 'coverage', ...bounds }));
  for (const { offset, length, how } of segments) if (isCode(yield* wait(handle.lock?.(offset, length, how)))) return false;
  return true;
}
