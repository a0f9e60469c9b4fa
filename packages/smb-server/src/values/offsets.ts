import type { Frame } from '@ring3/wire';

/** Offsets from here on are beyond the end of every file. */
export const beyond = 2 ** 53;
/** MAXLONGLONG: the largest offset or length of the protocol, whose fields are signed. */
export const largest = 0x7fff_ffff_ffff_ffffn;
/**
 * The largest size of a file here (MAXFILESIZE in MS-FSA): the largest size that a store counts exactly. The file systems of the host have
 * less.
 */
export const maxFileSize = BigInt(Number.MAX_SAFE_INTEGER);

/** Whether a range of a request, read as unsigned, is valid: neither field is negative, and it ends at {@link largest} at most. */
export const isRange = (offset: bigint, length: bigint): boolean => offset <= largest && length <= largest - offset;

/** An offset as a number of bytes; one beyond every file is replaced by {@link beyondFiles}. */
export const clamped = (offset: bigint): number => Number(offset > maxFileSize ? maxFileSize : offset);

/**
 * Whether bytes at an offset would end beyond 2^63: above 2^53 the number is not exact, so the bytes of the frame are read. @param offsetAt
 * of the field, from the header
 */
export const endsBeyond = (
  { frame, at }: { readonly frame: Frame; readonly at: number },
  offset: number,
  length: number,
  offsetAt: number,
): boolean => offset >= beyond && frame.view.getBigUint64(at + offsetAt, true) + BigInt(length) > largest;

/** Volume.LogicalBytesPerSector, MS-FSA 2.1.1.1: unbuffered reads and writes are multiples of it. A power of two. */
export const bytesPerSector = 512;

/** Whether offset and length are multiples of the sector, as MS-FSA 2.1.5.3 and 2.1.5.4 require of unbuffered ones. 2^53 and above the numbers are even. */
export const sectorAligned = (offset: number, length: number): boolean => offset % bytesPerSector === 0 && length % bytesPerSector === 0;
