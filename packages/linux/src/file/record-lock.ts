import { native, result } from '../library.ts';

const libc = { fcntl: native<[number, number, Uint8Array]>('int fcntl(int, int, void *)') };

/** Kinds of record locks, fcntl.h F_RDLCK, F_WRLCK, F_UNLCK. */
export const RecordLock = { Read: 0, Write: 1, Unlock: 2 } as const;
/** F_OFD_SETLK */
const setOwnedByDescription = 37;

/** struct flock: type s16, whence s16, start s64, length s64, pid s32 */
const bytes = new Uint8Array(32);
const view = new DataView(bytes.buffer);

/**
 * Locks or unlocks a range of an open file for its open file description, without waiting: a lock replaces what the description had locked there. It ends with the
 * last descriptor of the description, and with no other. fcntl(2) F_OFD_SETLK.
 * @param kind one of `RecordLock`; Write needs a descriptor that is open for writing
 * @param length bytes; 0: to the largest offset
 * @returns 0 or a negative errno: EAGAIN: another process, or another description, has a conflicting lock
 */
export function lockRecord(fd: number, kind: number, start: bigint, length: bigint): number {
  view.setInt16(0, kind, true);
  view.setInt16(2, 0, true);
  view.setBigInt64(8, start, true);
  view.setBigInt64(16, length, true);
  view.setInt32(24, 0, true);
  return result(libc.fcntl.run(fd, setOwnedByDescription, bytes));
}
