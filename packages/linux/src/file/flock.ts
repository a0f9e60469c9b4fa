import { native, result } from '../library.ts';

const libc = { flock: native<[number, number]>('int flock(int, int)') };

/** Operations of flock(2), asm-generic/fcntl.h LOCK_*. */
export const FlockOperation = { Shared: 1, Exclusive: 2, Unlock: 8 } as const;
const nonBlocking = 4;

/**
 * Acquires or releases a lock on an open file or directory without waiting. The kernel releases it when the last descriptor of this open file description is closed. flock(2).
 * @returns 0 or a negative errno: EAGAIN: another holder has it
 */
export const flock = (fd: number, operation: number): number => result(libc.flock.run(fd, operation | nonBlocking));
