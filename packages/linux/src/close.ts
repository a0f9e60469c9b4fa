import { native, result } from './library.ts';

const libc = {
  close: native<[number]>('int close(int)'),
  dup: native<[number, number, number]>('int fcntl(int, int, int)'),
};

const F_DUPFD_CLOEXEC = 1030;

/** Closes a descriptor. close(2). @returns 0 or a negative errno; the descriptor is closed in either case. */
export const close = (fd: number): number => result(libc.close.run(fd));

/** `close` off the main thread: for the last descriptor of a large unlinked file, whose blocks are freed then. */
export const closeLater = (fd: number): Promise<number> => libc.close.later(undefined, fd);

/** Duplicates a descriptor, with close-on-exec. fcntl(2) F_DUPFD_CLOEXEC. @returns the descriptor or a negative errno */
export const duplicate = (fd: number): number => result(libc.dup.run(fd, F_DUPFD_CLOEXEC, 0));
