import { bytes, flags, message, part, reserved, struct, type TypeOf, u8, u16, u32, u64, utf16Text } from '@ring3/wire';
import { AccessMask } from '../dtyp/access-mask.ts';
import { FileAttributes } from './file-attributes.ts';

// A field has the same name in all classes, so that one object with a file's metadata serves all of them.
const times = { creationTime: u64, lastAccessTime: u64, lastWriteTime: u64, changeTime: u64 };
const fileAttributes = flags(u32, FileAttributes);
const basic = { ...times, fileAttributes };
const standard = { allocationSize: u64, endOfFile: u64, numberOfLinks: u32, deletePending: u8, directory: u8 };
const named = { fileNameLength: u32 };
const fileName = { fileName: part({ length: 'fileNameLength' }, utf16Text) };

/** FileBasicInformation (4), MS-FSCC 2.4.7. FILETIMEs; when set, 0 leaves a time unchanged, -1 and -2 stop and resume its automatic update. */
export const FileBasicInformation = struct('FileBasicInformation', { ...basic, reserved: reserved(u32) });
export type FileBasicInformation = TypeOf<typeof FileBasicInformation>;

/** FileStandardInformation (5), MS-FSCC 2.4. Booleans are 0 or 1. */
export const FileStandardInformation = struct('FileStandardInformation', { ...standard, reserved: reserved(u16) });
export type FileStandardInformation = TypeOf<typeof FileStandardInformation>;

/** FileInternalInformation (6), MS-FSCC 2.4.20: the 64-bit file id. */
export const FileInternalInformation = struct('FileInternalInformation', { indexNumber: u64 });
export type FileInternalInformation = TypeOf<typeof FileInternalInformation>;

/** FileEaInformation (7), MS-FSCC 2.4.12: bytes of all extended attributes as FileFullEaInformation would list them, 0 without any. */
export const FileEaInformation = struct('FileEaInformation', { eaSize: u32 });
export type FileEaInformation = TypeOf<typeof FileEaInformation>;

/** FileAccessInformation (8), MS-FSCC 2.4.1: the granted access of the open. */
export const FileAccessInformation = struct('FileAccessInformation', { accessFlags: flags(u32, AccessMask) });
export type FileAccessInformation = TypeOf<typeof FileAccessInformation>;

/** FilePositionInformation (14), MS-FSCC 2.4. */
export const FilePositionInformation = struct('FilePositionInformation', { currentByteOffset: u64 });
export type FilePositionInformation = TypeOf<typeof FilePositionInformation>;

/** FileModeInformation (16), MS-FSCC 2.4.24: the create options that apply for the life of the open. */
export const FileModeInformation = struct('FileModeInformation', { mode: u32 });
export type FileModeInformation = TypeOf<typeof FileModeInformation>;

/** FileAlignmentInformation (17), MS-FSCC 2.4.3: the mask of the buffer alignment, 0 for bytes. */
export const FileAlignmentInformation = struct('FileAlignmentInformation', { alignmentRequirement: u32 });
export type FileAlignmentInformation = TypeOf<typeof FileAlignmentInformation>;

/** FileNameInformation (9), MS-FSCC 2.4; also FileNormalizedNameInformation (48), FileAlternateNameInformation (21) and FileShortNameInformation (40). */
export const FileNameInformation = message('FileNameInformation', struct('FileNameInformation.fixed', named), fileName);
export type FileNameInformation = TypeOf<typeof FileNameInformation>;

/** FileAllInformation (18), MS-FSCC 2.4.2: eight classes in one, and the name with a leading backslash. */
export const FileAllInformation = message(
  'FileAllInformation',
  struct('FileAllInformation.fixed', {
    ...basic,
    basicReserved: reserved(u32),
    ...standard,
    standardReserved: reserved(u16),
    indexNumber: u64,
    eaSize: u32,
    accessFlags: flags(u32, AccessMask),
    currentByteOffset: u64,
    mode: u32,
    alignmentRequirement: u32,
    ...named,
  }),
  fileName,
);
export type FileAllInformation = TypeOf<typeof FileAllInformation>;

/** FileAllocationInformation (19), MS-FSCC 2.4.4. */
export const FileAllocationInformation = struct('FileAllocationInformation', { allocationSize: u64 });
export type FileAllocationInformation = TypeOf<typeof FileAllocationInformation>;

/** FileEndOfFileInformation (20), MS-FSCC 2.4.13. */
export const FileEndOfFileInformation = struct('FileEndOfFileInformation', { endOfFile: u64 });
export type FileEndOfFileInformation = TypeOf<typeof FileEndOfFileInformation>;

/** FileValidDataLengthInformation (39), MS-FSCC 2.4. */
export const FileValidDataLengthInformation = struct('FileValidDataLengthInformation', { validDataLength: u64 });
export type FileValidDataLengthInformation = TypeOf<typeof FileValidDataLengthInformation>;

/** FileCompressionInformation (28), MS-FSCC 2.4.9. Nothing is compressed here: the format is 0. */
export const FileCompressionInformation = struct('FileCompressionInformation', {
  compressedFileSize: u64,
  compressionFormat: u16,
  compressionUnitShift: u8,
  chunkShift: u8,
  clusterShift: u8,
  reserved: reserved(u8),
  reserved2: reserved(u16),
});
export type FileCompressionInformation = TypeOf<typeof FileCompressionInformation>;

/** FileNetworkOpenInformation (34), MS-FSCC 2.4. */
export const FileNetworkOpenInformation = struct('FileNetworkOpenInformation', {
  ...times,
  allocationSize: u64,
  endOfFile: u64,
  fileAttributes,
  reserved: reserved(u32),
});
export type FileNetworkOpenInformation = TypeOf<typeof FileNetworkOpenInformation>;

/** FileAttributeTagInformation (35), MS-FSCC 2.4.6. */
export const FileAttributeTagInformation = struct('FileAttributeTagInformation', { fileAttributes, reparseTag: u32 });
export type FileAttributeTagInformation = TypeOf<typeof FileAttributeTagInformation>;

/** FileIdInformation (59), MS-FSCC 2.4: the volume, and the 128-bit file id. */
export const FileIdInformation = struct('FileIdInformation', { volumeSerialNumber: u64, fileId128: bytes(16) });
export type FileIdInformation = TypeOf<typeof FileIdInformation>;

/** FileStandardLinkInformation (54), MS-FSCC 2.4. */
export const FileStandardLinkInformation = struct('FileStandardLinkInformation', {
  numberOfAccessibleLinks: u32,
  totalNumberOfLinks: u32,
  deletePending: u8,
  directory: u8,
  reserved: reserved(u16),
});
export type FileStandardLinkInformation = TypeOf<typeof FileStandardLinkInformation>;

/** FilePipeInformation (23), MS-FSCC 2.4. */
export const FilePipeInformation = struct('FilePipeInformation', { readMode: u32, completionMode: u32 });
export type FilePipeInformation = TypeOf<typeof FilePipeInformation>;

/** FilePipeLocalInformation (24), MS-FSCC 2.4. */
export const FilePipeLocalInformation = struct('FilePipeLocalInformation', {
  namedPipeType: u32,
  namedPipeConfiguration: u32,
  maximumInstances: u32,
  currentInstances: u32,
  inboundQuota: u32,
  readDataAvailable: u32,
  outboundQuota: u32,
  writeQuotaAvailable: u32,
  namedPipeState: u32,
  namedPipeEnd: u32,
});
export type FilePipeLocalInformation = TypeOf<typeof FilePipeLocalInformation>;

/** FileDispositionInformation (13), MS-FSCC 2.4.11: 1 deletes the file when its last open is closed, 0 cancels the deletion. */
export const FileDispositionInformation = struct('FileDispositionInformation', { deletePending: u8 });
export type FileDispositionInformation = TypeOf<typeof FileDispositionInformation>;

/** Flags of FileDispositionInformationEx, MS-FSCC 2.4. */
export const DispositionFlags = { Delete: 1, PosixSemantics: 2, ForceImageSectionCheck: 4, OnClose: 8, IgnoreReadOnly: 0x10 } as const;
/** Every flag of FileDispositionInformationEx. */
export const dispositionFlags = Object.values(DispositionFlags).reduce((all, flag) => all | flag, 0);
/** FileDispositionInformationEx (64), MS-FSCC 2.4. */
export const FileDispositionInformationEx = struct('FileDispositionInformationEx', { flags: flags(u32, DispositionFlags) });
export type FileDispositionInformationEx = TypeOf<typeof FileDispositionInformationEx>;

const target = { rootDirectory: u64, ...named };
/** FileRenameInformation (10) as SMB2 carries it, MS-FSCC 2.4; FileLinkInformation (11), MS-FSCC 2.4.21, is the same. RootDirectory is 0. */
export const FileRenameInformation = message(
  'FileRenameInformation',
  struct('FileRenameInformation.fixed', {
    replaceIfExists: u8,
    reserved: reserved(u8),
    reserved2: reserved(u16),
    reserved3: reserved(u32),
    ...target,
  }),
  fileName,
);
export type FileRenameInformation = TypeOf<typeof FileRenameInformation>;
/** FileLinkInformation (11), MS-FSCC 2.4.21. */
export const FileLinkInformation: typeof FileRenameInformation = FileRenameInformation;

/** Flags of FileRenameInformationEx, MS-FSCC 2.4. */
export const RenameFlags = {
  ReplaceIfExists: 1,
  PosixSemantics: 2,
  SuppressPinStateInheritance: 4,
  SuppressStorageReserveInheritance: 8,
  NoIncreaseAvailableSpace: 0x10,
  NoDecreaseAvailableSpace: 0x20,
  IgnoreReadOnlyAttribute: 0x40,
  ForceResizeTargetStorageReserve: 0x80,
  ForceResizeSourceStorageReserve: 0x100,
} as const;
/** FileRenameInformationEx (65), MS-FSCC 2.4. */
export const FileRenameInformationEx = message(
  'FileRenameInformationEx',
  struct('FileRenameInformationEx.fixed', { flags: flags(u32, RenameFlags), reserved: reserved(u32), ...target }),
  fileName,
);
export type FileRenameInformationEx = TypeOf<typeof FileRenameInformationEx>;
