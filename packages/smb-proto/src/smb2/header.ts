import { bytes, constant, flags, id53, named, optional, struct, type TypeOf, u16, u32 } from '@ring3/wire';
import { Command } from './command.ts';

/** Header.Flags, MS-SMB2 2.2.1.2. */
export const HeaderFlags = {
  ServerToRedir: 0x00000001, // SMB2_FLAGS_SERVER_TO_REDIR
  AsyncCommand: 0x00000002, // SMB2_FLAGS_ASYNC_COMMAND
  RelatedOperations: 0x00000004, // SMB2_FLAGS_RELATED_OPERATIONS
  Signed: 0x00000008, // SMB2_FLAGS_SIGNED
  PriorityMask: 0x00000070, // SMB2_FLAGS_PRIORITY_MASK
  DfsOperations: 0x10000000, // SMB2_FLAGS_DFS_OPERATIONS
  ReplayOperation: 0x20000000, // SMB2_FLAGS_REPLAY_OPERATION
} as const;

/** ProtocolId of SMB2, of its encrypted and of its compressed form, and of SMB1, read as little-endian numbers. MS-SMB2 2.2.1, 2.2.41, 2.2.42. */
export const ProtocolId = { Smb2: 0x424d53fe, Transform: 0x424d53fd, Compression: 0x424d53fc, Smb1: 0x424d53ff } as const;

/** Size of the SMB2 header. Offsets in a message count from its start. */
export const headerLength = 64;

/** SMB2 Packet Header, synchronous form, MS-SMB2 2.2.1.2. `status` holds the channel sequence in requests of 3.x. */
export const Header = struct('Header', {
  protocolId: constant(u32, ProtocolId.Smb2),
  structureSize: constant(u16, 64),
  creditCharge: u16,
  status: u32,
  command: named(u16, Command),
  /** CreditRequest or CreditResponse. */
  credits: u16,
  flags: flags(u32, HeaderFlags),
  nextCommand: u32,
  messageId: id53,
  /** Reserved, or the lower half of AsyncId. */
  processId: u32,
  /** TreeId, or the upper half of AsyncId. */
  treeId: u32,
  sessionId: id53,
  signature: bytes(16),
});
export type Header = TypeOf<typeof Header>;

/** SMB2 Packet Header, asynchronous form, MS-SMB2 2.2.1.1. */
export const AsyncHeader = struct('AsyncHeader', {
  protocolId: constant(u32, ProtocolId.Smb2),
  structureSize: constant(u16, 64),
  creditCharge: u16,
  status: u32,
  command: named(u16, Command),
  credits: u16,
  flags: flags(u32, HeaderFlags),
  nextCommand: u32,
  messageId: id53,
  asyncId: id53,
  sessionId: id53,
  signature: bytes(16),
});
export type AsyncHeader = TypeOf<typeof AsyncHeader>;

/** SMB2 TRANSFORM_HEADER, MS-SMB2 2.2.41. */
export const TransformHeader = struct('TransformHeader', {
  protocolId: constant(u32, ProtocolId.Transform),
  signature: bytes(16),
  nonce: bytes(16),
  originalMessageSize: u32,
  reserved: optional(u16, 0),
  /** 1: encrypted (3.1.1), or the cipher AES-128-CCM (3.0.x). */
  flags: u16,
  sessionId: id53,
});
export type TransformHeader = TypeOf<typeof TransformHeader>;

/** SMB2_COMPRESSION_TRANSFORM_HEADER_UNCHAINED, MS-SMB2 2.2.42.1. The first 8 bytes, and the place of the flags, are common to both forms. */
export const CompressionTransformHeader = struct('CompressionTransformHeader', {
  protocolId: constant(u32, ProtocolId.Compression),
  originalCompressedSegmentSize: u32,
  compressionAlgorithm: u16,
  flags: u16,
  /** Plain bytes between this structure and the compressed data; of a chain, the length of the first payload. */
  offset: u32,
});
export type CompressionTransformHeader = TypeOf<typeof CompressionTransformHeader>;
