import { named, reserved, struct, u8, u16, u32 } from '@ring3/wire';
import { CompressionAlgorithm } from './algorithm.ts';

/** Flags of the headers, MS-SMB2 2.2.42.1 and 2.2.42.2.1. */
export const CompressionFlags = { None: 0, Chained: 1 } as const;

/** The part of SMB2_COMPRESSION_TRANSFORM_HEADER_CHAINED in front of the payloads, bytes. MS-SMB2 2.2.42.2. */
export const chainedHeaderLength = 8;

/** SMB2_COMPRESSION_CHAINED_PAYLOAD_HEADER without OriginalPayloadSize, MS-SMB2 2.2.42.2.1. */
export const CompressionPayloadHeader = struct('CompressionPayloadHeader', {
  compressionAlgorithm: named(u16, CompressionAlgorithm),
  flags: u16,
  /** Bytes that follow, OriginalPayloadSize included. */
  length: u32,
});

/** SMB2_COMPRESSION_PATTERN_PAYLOAD_V1, MS-SMB2 2.2.42.2.2. */
export const CompressionPatternV1 = struct('CompressionPatternV1', {
  pattern: u8,
  reserved1: reserved(u8),
  reserved2: reserved(u16),
  repetitions: u32,
});
