import type { Request } from './request.ts';

/** Offsets from here on lie behind the end of every file. */
export const beyond = 2 ** 53;
const largest = 0x7fff_ffff_ffff_ffffn;

/** Whether bytes at an offset would end beyond 2^63: past 2^53 the number no longer tells, so the frame is asked. @param offsetAt of the field, from the header */
export const endsBeyond = ({ frame, at }: Request, offset: number, length: number, offsetAt: number): boolean =>
  offset >= beyond && frame.view.getBigUint64(at + offsetAt, true) + BigInt(length) > largest;

/** Volume.LogicalBytesPerSector, MS-FSA 2.1.1.1: what unbuffered reads and writes are multiples of. A power of two. */
export const bytesPerSector = 512;

/** Whether offset and length are multiples of the sector, as MS-FSA 2.1.5.3 and 2.1.5.4 require of unbuffered ones. 2^53 and above the numbers are even. */
export const sectorAligned = (offset: number, length: number): boolean => offset % bytesPerSector === 0 && length % bytesPerSector === 0;
