import type { Codec } from './coder.ts';
import { lz4 } from './lz4.ts';
import { lz77 } from './lz77.ts';
import { lz77Huffman } from './lz77-huffman.ts';
import { lznt1 } from './lznt1.ts';

/** CompressionAlgorithms, MS-SMB2 2.2.3.1.3. */
export const CompressionAlgorithm = { None: 0, Lznt1: 1, Lz77: 2, Lz77Huffman: 3, PatternV1: 4, Lz4: 5 } as const;
/** One of them. */
export type CompressionAlgorithm = (typeof CompressionAlgorithm)[keyof typeof CompressionAlgorithm];

/** Flags of SMB2_COMPRESSION_CAPABILITIES, MS-SMB2 2.2.3.1.3. */
export const CompressionCapabilitiesFlags = { Chained: 1 } as const;

/** The agreement of a connection: Connection.CompressionIds and Connection.SupportsChainedCompression, MS-SMB2 3.2.1.2 and 3.3.1.7. */
export interface Compression {
  /** Not empty, in the client's order of preference. */
  readonly algorithms: readonly CompressionAlgorithm[];
  readonly chained: boolean;
}

const codecs: Readonly<Record<number, Codec | undefined>> = {
  [CompressionAlgorithm.Lznt1]: lznt1,
  [CompressionAlgorithm.Lz77]: lz77,
  [CompressionAlgorithm.Lz77Huffman]: lz77Huffman,
  [CompressionAlgorithm.Lz4]: lz4,
};

/** The codec of an algorithm; undefined for None and Pattern_V1, which are part of the transform, and for an unknown number. */
export const codecOf = (algorithm: number): Codec | undefined => codecs[algorithm];

/** All algorithms that are implemented. */
export const compressionAlgorithms: readonly CompressionAlgorithm[] = Object.values(CompressionAlgorithm).filter(
  (algorithm) => algorithm !== CompressionAlgorithm.None,
);

/** What both sides support, MS-SMB2 3.3.5.4: in the order of the client's list. @returns undefined if that is nothing */
export function commonCompression(
  offered: readonly number[],
  chained: boolean,
  supported: readonly CompressionAlgorithm[] = compressionAlgorithms,
): Compression | undefined {
  const algorithms: CompressionAlgorithm[] = [];
  for (const number of offered) {
    const algorithm = supported.find((known) => known === number);
    if (algorithm !== undefined && !algorithms.includes(algorithm)) algorithms.push(algorithm);
  }
  return algorithms.length === 0 ? undefined : { algorithms, chained };
}
