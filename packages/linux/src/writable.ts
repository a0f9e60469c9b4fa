import { native } from './library.ts';

const libc = { poll: native<[Uint8Array, number, number]>('int poll(void *, ulong, int)') };

const pollOut = 0x4;

/**
 * Whether a write of at most 4,096 bytes (PIPE_BUF) completes at once: for a pipe, a socket or a terminal that may be full. A descriptor in error is writable,
 * because the write then reports the error. poll(2)
 */
export function isWritable(fd: number): boolean {
  const entry = new DataView(new ArrayBuffer(8)); // struct pollfd: fd i32, events i16, revents i16
  entry.setInt32(0, fd, true);
  entry.setInt16(4, pollOut, true);
  return libc.poll.run(new Uint8Array(entry.buffer), 1, 0) > 0;
}
