import { bytes, items, message, reserved, struct, type TypeOf, u32, u64 } from '@ring3/wire';

/** SRV_REQUEST_RESUME_KEY Response, MS-SMB2 2.2.32.3: an opaque key of 24 bytes, and no context; 32 bytes in all. */
export const SrvRequestResumeKeyResponse = struct('SrvRequestResumeKeyResponse', {
  resumeKey: bytes(24),
  contextLength: reserved(u32),
  context: reserved(u32),
});
export type SrvRequestResumeKeyResponse = TypeOf<typeof SrvRequestResumeKeyResponse>;

/** SRV_COPYCHUNK, MS-SMB2 2.2.31.1.1. */
export const SrvCopychunk = struct('SrvCopychunk', { sourceOffset: u64, targetOffset: u64, length: u32, reserved: reserved(u32) });
export type SrvCopychunk = TypeOf<typeof SrvCopychunk>;
/** SRV_COPYCHUNK_COPY, MS-SMB2 2.2.31.1. */
export const SrvCopychunkCopy = message(
  'SrvCopychunkCopy',
  struct('SrvCopychunkCopy.fixed', { sourceKey: bytes(24), chunkCount: u32, reserved: reserved(u32) }),
  { chunks: items({ count: 'chunkCount' }, SrvCopychunk, { limit: 65536 }) },
);
export type SrvCopychunkCopy = TypeOf<typeof SrvCopychunkCopy>;
/** SRV_COPYCHUNK_RESPONSE, MS-SMB2 2.2.32.1. */
export const SrvCopychunkResponse = struct('SrvCopychunkResponse', { chunksWritten: u32, chunkBytesWritten: u32, totalBytesWritten: u32 });
export type SrvCopychunkResponse = TypeOf<typeof SrvCopychunkResponse>;

/** SRV_SNAPSHOT_ARRAY, MS-SMB2 2.2.32.2, without the tokens that follow. */
export const SrvSnapshotArray = struct('SrvSnapshotArray', {
  numberOfSnapshots: u32,
  numberOfSnapshotsReturned: u32,
  snapshotArraySize: u32,
  padding: reserved(u32),
});
export type SrvSnapshotArray = TypeOf<typeof SrvSnapshotArray>;
