import { native, result } from './library.ts';

const libc = { adjtimex: native<[Uint8Array]>('int adjtimex(void *)') };

/** TIME_ERROR: "the system clock is not synchronized to a reliable server". adjtimex(2). */
const timeError = 5;

/** Returns whether a time service (NTP or PTP) synchronizes the machine's clock, as the kernel knows. adjtimex(2), used read-only. @returns the state or a negative errno */
export function clockIsKept(): boolean | number {
  const state = result(libc.adjtimex.run(new Uint8Array(256))); // struct timex, 208 bytes on LP64; modes 0: read only
  return state < 0 ? state : state !== timeError;
}
