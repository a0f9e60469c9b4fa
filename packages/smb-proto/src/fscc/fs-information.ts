import { bytes, flags, message, part, reserved, struct, type TypeOf, u8, u32, u64, utf16Text } from '@ring3/wire';

/** FileSystemAttributes, MS-FSCC 2.5.1. */
export const FileSystemAttributes = {
  CaseSensitiveSearch: 0x00000001,
  CasePreservedNames: 0x00000002,
  UnicodeOnDisk: 0x00000004,
  PersistentAcls: 0x00000008,
  FileCompression: 0x00000010,
  VolumeQuotas: 0x00000020,
  SupportsSparseFiles: 0x00000040,
  SupportsReparsePoints: 0x00000080,
  SupportsRemoteStorage: 0x00000100,
  SupportsPosixUnlinkRename: 0x00000400,
  VolumeIsCompressed: 0x00008000,
  SupportsObjectIds: 0x00010000,
  SupportsEncryption: 0x00020000,
  NamedStreams: 0x00040000,
  ReadOnlyVolume: 0x00080000,
  SequentialWriteOnce: 0x00100000,
  SupportsTransactions: 0x00200000,
  SupportsHardLinks: 0x00400000,
  SupportsExtendedAttributes: 0x00800000,
  SupportsOpenByFileId: 0x01000000,
  SupportsUsnJournal: 0x02000000,
  SupportsIntegrityStreams: 0x04000000,
  SupportsBlockRefcounting: 0x08000000,
  SupportsSparseVdl: 0x10000000,
} as const;

/** DeviceType, MS-FSCC 2.5.10. */
export const DeviceType = { CdRom: 0x02, Disk: 0x07, NamedPipe: 0x11 } as const;
/** Characteristics, MS-FSCC 2.5.10. */
export const DeviceCharacteristics = {
  RemovableMedia: 0x01,
  ReadOnlyDevice: 0x02,
  FloppyDiskette: 0x04,
  WriteOnceMedia: 0x08,
  RemoteDevice: 0x10,
  DeviceIsMounted: 0x20,
  VirtualVolume: 0x40,
} as const;

/** FileFsVolumeInformation (1), MS-FSCC 2.5. */
export const FileFsVolumeInformation = message(
  'FileFsVolumeInformation',
  struct('FileFsVolumeInformation.fixed', {
    volumeCreationTime: u64,
    volumeSerialNumber: u32,
    volumeLabelLength: u32,
    supportsObjects: u8,
    reserved: reserved(u8),
  }),
  { volumeLabel: part({ length: 'volumeLabelLength' }, utf16Text) },
);
export type FileFsVolumeInformation = TypeOf<typeof FileFsVolumeInformation>;

/** FileFsLabelInformation (2), MS-FSCC 2.5. */
export const FileFsLabelInformation = message(
  'FileFsLabelInformation',
  struct('FileFsLabelInformation.fixed', { volumeLabelLength: u32 }),
  {
    volumeLabel: part({ length: 'volumeLabelLength' }, utf16Text),
  },
);
export type FileFsLabelInformation = TypeOf<typeof FileFsLabelInformation>;

/** FileFsSizeInformation (3), MS-FSCC 2.5. Units are clusters of sectorsPerAllocationUnit × bytesPerSector bytes. */
export const FileFsSizeInformation = struct('FileFsSizeInformation', {
  totalAllocationUnits: u64,
  availableAllocationUnits: u64,
  sectorsPerAllocationUnit: u32,
  bytesPerSector: u32,
});
export type FileFsSizeInformation = TypeOf<typeof FileFsSizeInformation>;

/** FileFsDeviceInformation (4), MS-FSCC 2.5.10. */
export const FileFsDeviceInformation = struct('FileFsDeviceInformation', {
  deviceType: u32,
  characteristics: flags(u32, DeviceCharacteristics),
});
export type FileFsDeviceInformation = TypeOf<typeof FileFsDeviceInformation>;

/** FileFsAttributeInformation (5), MS-FSCC 2.5.1. */
export const FileFsAttributeInformation = message(
  'FileFsAttributeInformation',
  struct('FileFsAttributeInformation.fixed', {
    fileSystemAttributes: flags(u32, FileSystemAttributes),
    maximumComponentNameLength: u32,
    fileSystemNameLength: u32,
  }),
  { fileSystemName: part({ length: 'fileSystemNameLength' }, utf16Text) },
);
export type FileFsAttributeInformation = TypeOf<typeof FileFsAttributeInformation>;

/** FileFsControlInformation (6), MS-FSCC 2.5.2. */
export const FileFsControlInformation = struct('FileFsControlInformation', {
  freeSpaceStartFiltering: u64,
  freeSpaceThreshold: u64,
  freeSpaceStopFiltering: u64,
  defaultQuotaThreshold: u64,
  defaultQuotaLimit: u64,
  fileSystemControlFlags: u32,
  padding: reserved(u32),
});
export type FileFsControlInformation = TypeOf<typeof FileFsControlInformation>;

/** FileFsFullSizeInformation (7), MS-FSCC 2.5.4. */
export const FileFsFullSizeInformation = struct('FileFsFullSizeInformation', {
  totalAllocationUnits: u64,
  callerAvailableAllocationUnits: u64,
  actualAvailableAllocationUnits: u64,
  sectorsPerAllocationUnit: u32,
  bytesPerSector: u32,
});
export type FileFsFullSizeInformation = TypeOf<typeof FileFsFullSizeInformation>;

/** FileFsObjectIdInformation (8), MS-FSCC 2.5.6. */
export const FileFsObjectIdInformation = struct('FileFsObjectIdInformation', { objectId: bytes(16), extendedInfo: bytes(48) });
export type FileFsObjectIdInformation = TypeOf<typeof FileFsObjectIdInformation>;

/** FileFsDriverPathInformation (9), MS-FSCC 2.5.3. SMB2 does not carry it. */
export const FileFsDriverPathInformation = message(
  'FileFsDriverPathInformation',
  struct('FileFsDriverPathInformation.fixed', { driverInPath: u8, reserved: bytes(3), driverNameLength: u32 }),
  { driverName: part({ length: 'driverNameLength' }, utf16Text) },
);
export type FileFsDriverPathInformation = TypeOf<typeof FileFsDriverPathInformation>;

/** FileFsSectorSizeInformation (11), MS-FSCC 2.5.7. Flags: 1 aligned device, 2 partition aligned, 4 no seek penalty, 8 TRIM. */
export const FileFsSectorSizeInformation = struct('FileFsSectorSizeInformation', {
  logicalBytesPerSector: u32,
  physicalBytesPerSectorForAtomicity: u32,
  physicalBytesPerSectorForPerformance: u32,
  fileSystemEffectivePhysicalBytesPerSectorForAtomicity: u32,
  flags: u32,
  byteOffsetForSectorAlignment: u32,
  byteOffsetForPartitionAlignment: u32,
});
export type FileFsSectorSizeInformation = TypeOf<typeof FileFsSectorSizeInformation>;
