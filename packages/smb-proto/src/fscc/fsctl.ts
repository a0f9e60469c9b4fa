import { bytes, id53, items, message, optional, part, reserved, struct, type TypeOf, u8, u16, u32, u64, utf16Text } from '@ring3/wire';

/** FILE_ZERO_DATA_INFORMATION, MS-FSCC 2.3 FSCTL_SET_ZERO_DATA: from fileOffset up to, not including, beyondFinalZero. */
export const FileZeroDataInformation = struct('FileZeroDataInformation', { fileOffset: u64, beyondFinalZero: u64 });
export type FileZeroDataInformation = TypeOf<typeof FileZeroDataInformation>;

/** FILE_SET_SPARSE_BUFFER, MS-FSCC 2.3 FSCTL_SET_SPARSE; without it the file becomes sparse. */
export const FileSetSparseBuffer = struct('FileSetSparseBuffer', { setSparse: u8 });
export type FileSetSparseBuffer = TypeOf<typeof FileSetSparseBuffer>;

/** FILE_ALLOCATED_RANGE_BUFFER, MS-FSCC 2.3 FSCTL_QUERY_ALLOCATED_RANGES: one in the request, any number in the response. */
export const FileAllocatedRangeBuffer = struct('FileAllocatedRangeBuffer', { fileOffset: u64, length: u64 });
export type FileAllocatedRangeBuffer = TypeOf<typeof FileAllocatedRangeBuffer>;

/** FILE_OBJECTID_BUFFER, MS-FSCC 2.1.3: the response of FSCTL_CREATE_OR_GET_OBJECT_ID. */
export const FileObjectIdBuffer = struct('FileObjectIdBuffer', {
  objectId: bytes(16),
  birthVolumeId: optional(bytes(16), new Uint8Array(16)),
  birthObjectId: optional(bytes(16), new Uint8Array(16)),
  domainId: optional(bytes(16), new Uint8Array(16)),
});
export type FileObjectIdBuffer = TypeOf<typeof FileObjectIdBuffer>;

const extents = {
  sourceFileIdPersistent: id53,
  sourceFileIdVolatile: id53,
  sourceFileOffset: u64,
  targetFileOffset: u64,
  byteCount: u64,
};
/** SMB2_DUPLICATE_EXTENTS_DATA, MS-FSCC 2.3 FSCTL_DUPLICATE_EXTENTS_TO_FILE. */
export const DuplicateExtentsData = struct('DuplicateExtentsData', extents);
export type DuplicateExtentsData = TypeOf<typeof DuplicateExtentsData>;
/** SMB2_DUPLICATE_EXTENTS_DATA_EX, MS-FSCC 2.3. Flags: 1 the source is atomic. */
export const DuplicateExtentsDataEx = struct('DuplicateExtentsDataEx', {
  structureSize: id53,
  ...extents,
  flags: u32,
  reserved: reserved(u32),
});
export type DuplicateExtentsDataEx = TypeOf<typeof DuplicateExtentsDataEx>;

/** FILE_REGION_INPUT, MS-FSCC 2.3 FSCTL_QUERY_FILE_REGIONS; without it the request refers to the whole file. */
export const FileRegionInput = struct('FileRegionInput', { fileOffset: u64, length: u64, desiredUsage: u32, reserved: reserved(u32) });
export type FileRegionInput = TypeOf<typeof FileRegionInput>;
/** FILE_REGION_INFO, MS-FSCC 2.3. Usage 1: valid data. */
export const FileRegionInfo = struct('FileRegionInfo', { fileOffset: u64, length: u64, usage: u32, reserved: reserved(u32) });
export type FileRegionInfo = TypeOf<typeof FileRegionInfo>;
/** FILE_REGION_OUTPUT, MS-FSCC 2.3. */
export const FileRegionOutput = message(
  'FileRegionOutput',
  struct('FileRegionOutput.fixed', { flags: u32, totalRegionEntryCount: u32, regionEntryCount: u32, reserved: reserved(u32) }),
  { regions: items({ count: 'regionEntryCount' }, FileRegionInfo) },
);
export type FileRegionOutput = TypeOf<typeof FileRegionOutput>;

/** FSCTL_PIPE_WAIT Request, MS-FSCC 2.3. The time-out counts 100 ns. */
export const PipeWaitRequest = message(
  'PipeWaitRequest',
  struct('PipeWaitRequest.fixed', { timeout: id53, nameLength: u32, timeoutSpecified: u8, padding: reserved(u8) }),
  { name: part({ length: 'nameLength' }, utf16Text) },
);
export type PipeWaitRequest = TypeOf<typeof PipeWaitRequest>;

/** Reply of FSCTL_PIPE_PEEK, MS-FSCC 2.3, up to its data. State 3: connected, 4: closing. */
export const PipePeekHead = struct('PipePeekHead', {
  namedPipeState: u32,
  readDataAvailable: u32,
  numberOfMessages: u32,
  messageLength: u32,
});
export type PipePeekHead = TypeOf<typeof PipePeekHead>;

/** Response of FSCTL_GET_COMPRESSION and request of FSCTL_SET_COMPRESSION, MS-FSCC 2.3: 0 none. */
export const CompressionState = struct('CompressionState', { compressionState: u16 });
export type CompressionState = TypeOf<typeof CompressionState>;
