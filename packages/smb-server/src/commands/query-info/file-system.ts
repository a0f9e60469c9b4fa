import { type Steps, wait } from '@ring3/kit';
import {
  DeviceCharacteristics,
  DeviceType,
  FileSystemAttributes,
  filetimeFromNs,
  fsInformation,
  NtStatus,
  type QueryInfoRequest,
} from '@ring3/smb-proto';
import { type Feature, isCode, type Space } from '@ring3/vfs';
import type { TreeConnect } from '../../objects/tree-connect.ts';
import type { ContextOf } from '../../request/command.ts';
import { bytesPerSector } from '../../values/offsets.ts';
import { statusOf } from '../../values/status-map.ts';
import { encodeInformation, fitted, least } from './answer.ts';

/** The reported size of a store that does not know its size: a terabyte, half of it free. */
const unknownSpace: Space = { total: 2 ** 40, free: 2 ** 39, available: 2 ** 39, blockSize: 4096 };

/** File system information, MS-SMB2 3.3.5.20.2. */
export function* queryFileSystem(ctx: ContextOf<'open'>, request: QueryInfoRequest): Steps<{ buffer: Uint8Array[] } | NtStatus> {
  const { fileInfoClass, outputBufferLength } = request;
  const row = fsInformation[fileInfoClass];
  if (row === undefined) return NtStatus.InvalidInfoClass;
  const fixed = row.declaration === undefined ? 0 : least(row.declaration);
  if (outputBufferLength < fixed) return NtStatus.InfoLengthMismatch;
  if (row.query === undefined || row.declaration === undefined) return NtStatus.NotSupported;
  const { tree } = ctx;
  const space = (yield* wait(ctx.open.handle?.space?.())) ?? unknownSpace;
  if (isCode(space)) return statusOf(space);
  const value = { ...sizes(space), ...description(tree, space), volumeCreationTime: yield* createdAt(tree) };
  return fitted(ctx, encodeInformation(row.declaration, value), fixed, outputBufferLength);
}

/** The volume is as old as the directory that the share shows, so that it keeps its time over a restart; 0 if the store does not know. MS-FSCC 2.5.9. */
function* createdAt({ root }: TreeConnect): Steps<bigint> {
  const stat = yield* wait(root?.stat());
  return stat === undefined || isCode(stat) ? 0n : filetimeFromNs(stat.birth);
}

function sizes({ total, free, available, blockSize }: Space): object {
  const units = (bytes: number): bigint => BigInt(Math.floor(bytes / blockSize));
  return {
    totalAllocationUnits: units(total),
    availableAllocationUnits: units(available),
    callerAvailableAllocationUnits: units(available),
    actualAvailableAllocationUnits: units(free),
    sectorsPerAllocationUnit: Math.max(1, blockSize / bytesPerSector),
    bytesPerSector,
    logicalBytesPerSector: bytesPerSector,
    physicalBytesPerSectorForAtomicity: blockSize,
    physicalBytesPerSectorForPerformance: blockSize,
    fileSystemEffectivePhysicalBytesPerSectorForAtomicity: blockSize,
    flags: 0x03,
    byteOffsetForSectorAlignment: 0,
    byteOffsetForPartitionAlignment: 0,
    ...noQuotas,
  };
}

/** FileFsControlInformation without quotas: no limit, and nothing tracked. MS-FSCC 2.5.2. */
const noQuotas = {
  freeSpaceStartFiltering: 0n,
  freeSpaceThreshold: 0n,
  freeSpaceStopFiltering: 0n,
  defaultQuotaThreshold: 2n ** 64n - 1n,
  defaultQuotaLimit: 2n ** 64n - 1n,
  fileSystemControlFlags: 0,
};

/** The attribute of the file system for each feature of a store. */
const abilities: readonly (readonly [Feature, number])[] = [
  ['streams', FileSystemAttributes.NamedStreams],
  ['sparse', FileSystemAttributes.SupportsSparseFiles],
  ['links', FileSystemAttributes.SupportsReparsePoints],
  ['hardLinks', FileSystemAttributes.SupportsHardLinks],
  ['xattr', FileSystemAttributes.SupportsExtendedAttributes],
  ['descriptor', FileSystemAttributes.PersistentAcls],
  ['objectIds', FileSystemAttributes.SupportsObjectIds],
  ['clone', FileSystemAttributes.SupportsBlockRefcounting],
  ['readOnly', FileSystemAttributes.ReadOnlyVolume],
];

function description({ share, vfs, session, writable }: TreeConnect, volume: Space): object {
  const { server } = session;
  const attributes =
    FileSystemAttributes.CasePreservedNames |
    FileSystemAttributes.CaseSensitiveSearch |
    FileSystemAttributes.UnicodeOnDisk |
    FileSystemAttributes.SupportsPosixUnlinkRename;
  const readOnly = writable && volume.readOnly !== true ? 0 : FileSystemAttributes.ReadOnlyVolume;
  const has = (feature: Feature): boolean => vfs.features.has(feature) && (feature !== 'streams' || share.names.streams);
  const objectId = new Uint8Array(server.guid);
  return {
    volumeSerialNumber: server.volumeSerialNumber,
    supportsObjects: has('objectIds') ? 1 : 0,
    volumeLabel: share.name,
    deviceType: DeviceType.Disk,
    characteristics: DeviceCharacteristics.DeviceIsMounted,
    fileSystemAttributes: abilities.reduce((sum, [feature, bit]) => (has(feature) ? sum | bit : sum), attributes | readOnly),
    maximumComponentNameLength: 255,
    fileSystemName: 'NTFS',
    objectId,
    extendedInfo: new Uint8Array(48),
  };
}
