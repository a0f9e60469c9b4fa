import { native, result } from '../library.ts';

const libc = { flock: native<[number, number]>('int flock(int, int)') };

/** Operations of flock(2), asm-generic/fcntl.h LOCK_*. */
export const FlockOperation = { Shared: 1, Exclusive: 2, Unlock: 8 } as const;
const nonBlocking = 4;

/**
 * Takes or gives back a lock on what is open, a folder too, without waiting; the system gives it back when the last descriptor of this opening is closed. flock(2).
 * @returns 0 or a negative errno: EAGAIN somebody else has it
 */
export const flock = (fd: number, operation: number): number => result(libc.flock.run(fd, operation | nonBlocking));
