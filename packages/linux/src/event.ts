import { native, result } from './library.ts';

const nonBlock = 0o4000;
const closeOnExec = 0o2000000;

const libc = {
  eventfd: native<[number, number]>('int eventfd(uint, int)'),
  pipe2: native<[Int32Array, number]>('int pipe2(void *, int)'),
  read: native<[number, Uint8Array, number]>('int64 read(int, void *, size_t)'),
  write: native<[number, Uint8Array, number]>('int64 write(int, const void *, size_t)'),
};

/** A counter that is readable while it is not zero; non-blocking, close-on-exec. eventfd(2). @returns the descriptor or a negative errno */
export const openEvent = (): number => result(libc.eventfd.run(0, nonBlock | closeOnExec));

const one = new Uint8Array(8);
one[0] = 1;
const counter = new Uint8Array(8);

/** Adds one to an event's counter, from any thread. @returns 8 or a negative errno */
export const raiseEvent = (fd: number): number => result(libc.write.run(fd, one, 8));

/** Sets an event's counter to zero. @returns 8, or a negative errno (`-EAGAIN`: it was zero) */
export const clearEvent = (fd: number): number => result(libc.read.run(fd, counter, 8));

/** A pipe, non-blocking, close-on-exec. pipe2(2). @returns [read end, write end] or a negative errno */
export function openPipe(): [number, number] | number {
  const ends = new Int32Array(2);
  const answer = libc.pipe2.run(ends, nonBlock | closeOnExec);
  return answer < 0 ? result(answer) : [ends[0]!, ends[1]!];
}

/** Reads at the current file offset. read(2). @returns the bytes read (0: the end) or a negative errno */
export const read = (fd: number, into: Uint8Array): number => result(libc.read.run(fd, into, into.length));

/** Writes at the current file offset. write(2). @returns the bytes written or a negative errno */
export const write = (fd: number, bytes: Uint8Array): number => result(libc.write.run(fd, bytes, bytes.length));
