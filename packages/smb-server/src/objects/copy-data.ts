import { type Steps, wait } from '@ring3/kit';
import { NtStatus } from '@ring3/smb-proto';
import { type Handle, isCode } from '@ring3/vfs';
import { statusOf } from '../values/status-map.ts';
import type { Open } from './open.ts';

/** A part of a file, to be copied. */
export interface CopySource {
  readonly handle: Handle;
  readonly offset: number;
  readonly length: number;
  /** Whether it is in the target's store, which then may copy it itself. */
  readonly sameStore: boolean;
}

/** Bytes that go through one buffer. */
const piece = 1024 * 1024;

/**
 * Copies bytes to `offset` of a target: inside the store if it can, else through a buffer.
 * @param open of the request: the copy ends with it
 * @returns Success, or the status of the store's failure; DiskFull if less was written; EndOfFile if the source became shorter
 */
export function* copyData(
  open: Open,
  { handle, offset: from, length, sameStore }: CopySource,
  target: Handle,
  offset: number,
): Steps<NtStatus> {
  for (let done = 0; done < length; ) {
    if (open.closed) return NtStatus.FileClosed;
    const copied = sameStore ? yield* wait(target.copyRange?.(handle, from + done, offset + done, length - done)) : undefined;
    if (copied === undefined || copied === 'EXDEV' || copied === 'EOPNOTSUPP' || copied === 'EINVAL' || copied === 0) {
      return yield* copyThrough(open, { handle, offset: from + done, length: length - done, sameStore }, target, offset + done);
    }
    if (isCode(copied)) return statusOf(copied);
    done += copied;
  }
  return NtStatus.Success;
}

function* copyThrough(open: Open, { handle, offset: from, length }: CopySource, target: Handle, offset: number): Steps<NtStatus> {
  const { server } = open;
  const buffer = server.buffers.take(Math.min(length, piece));
  try {
    for (let done = 0; done < length; ) {
      if (done > 0) yield* wait(new Promise<void>((resolve) => server.defer(resolve))); // let other connections have their turn
      if (open.closed) return NtStatus.FileClosed;
      const got = yield* wait(handle.read(buffer.subarray(0, Math.min(piece, length - done)), from + done));
      if (isCode(got)) return statusOf(got);
      if (got === 0) return NtStatus.EndOfFile;
      const written = yield* wait(target.write([buffer.subarray(0, got)], offset + done));
      if (isCode(written)) return statusOf(written);
      if (written < got) return NtStatus.DiskFull;
      done += got;
    }
    return NtStatus.Success;
  } finally {
    server.buffers.give(buffer);
  }
}
