import { native, result } from './library.ts';

const libc = { adjtimex: native<[Uint8Array]>('int adjtimex(void *)') };

/** TIME_ERROR: "the system clock is not synchronized to a reliable server". adjtimex(2). */
const timeError = 5;

/** Whether something keeps the machine's clock right (a time service over NTP or PTP), as the kernel knows it. adjtimex(2), which changes nothing here. @returns that, or a negative errno */
export function clockIsKept(): boolean | number {
  const state = result(libc.adjtimex.run(new Uint8Array(256))); // struct timex, 208 bytes on LP64; modes 0: ask only
  return state < 0 ? state : state !== timeError;
}
