import { native, result } from '../library.ts';

const libc = { ioctl: native<[number, number, Int32Array]>('int ioctl(int, ulong, void *)') };
const SIOCOUTQ = 0x5411;
const answer = new Int32Array(1);

/**
 * The bytes sent on a socket and not yet received by its peer. unix(7), ioctl SIOCOUTQ.
 * @returns the size of the kernel's buffers, which exceeds the data in them; 0 if the peer has received everything; or a negative errno
 */
export function unread(fd: number): number {
  const done = libc.ioctl.run(fd, SIOCOUTQ, answer);
  return done < 0 ? result(done) : answer[0]!;
}
