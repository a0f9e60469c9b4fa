import { AccessMask } from '../dtyp/access-mask.ts';
import * as file from './file-information.ts';
import * as fs from './fs-information.ts';
import { FileInformationClass, FsInformationClass } from './information-class.ts';
import { FileStreamInformation } from './stream-information.ts';

/**
 * An information class that MS-FSCC 2.4 or 2.5 documents. `query` and `set` are the access rights that the open must hold (one of their bits is enough), 0 for
 * none; absent if SMB2 does not carry the operation (MS-SMB2 2.2.37, 2.2.39). Rights: MS-FSA 2.1.5.12 and 2.1.5.15.
 */
export interface InformationRow {
  readonly name: string;
  readonly query?: number;
  readonly set?: number;
  /** MS-FSCC documents setting it (of a file system: or local use), and MS-SMB2 2.2.39 does not list it. */
  readonly setOffWire?: true;
  /** Absent if the class has a codec of its own or is not declared. */
  readonly declaration?: object;
}

const { FileReadAttributes, FileWriteAttributes, FileReadEa, FileWriteEa, FileReadData, FileWriteData, Delete } = AccessMask;

/** The file information classes of MS-FSCC 2.4, by number. */
export const fileInformation: Readonly<Record<number, InformationRow>> = {
  [FileInformationClass.Basic]: {
    name: 'Basic',
    query: FileReadAttributes,
    set: FileWriteAttributes,
    declaration: file.FileBasicInformation,
  },
  [FileInformationClass.Standard]: { name: 'Standard', query: 0, declaration: file.FileStandardInformation },
  [FileInformationClass.Internal]: { name: 'Internal', query: 0, declaration: file.FileInternalInformation },
  [FileInformationClass.Ea]: { name: 'Ea', query: 0, declaration: file.FileEaInformation },
  [FileInformationClass.Access]: { name: 'Access', query: 0, declaration: file.FileAccessInformation },
  [FileInformationClass.Rename]: { name: 'Rename', set: Delete, declaration: file.FileRenameInformation },
  [FileInformationClass.RenameEx]: { name: 'RenameEx', set: Delete, declaration: file.FileRenameInformationEx },
  [FileInformationClass.Link]: { name: 'Link', set: 0, declaration: file.FileLinkInformation },
  [FileInformationClass.Disposition]: { name: 'Disposition', set: Delete, declaration: file.FileDispositionInformation },
  [FileInformationClass.DispositionEx]: { name: 'DispositionEx', set: Delete, declaration: file.FileDispositionInformationEx },
  [FileInformationClass.Position]: {
    name: 'Position',
    query: 0,
    set: FileReadData | FileWriteData,
    declaration: file.FilePositionInformation,
  },
  [FileInformationClass.FullEa]: { name: 'FullEa', query: FileReadEa, set: FileWriteEa },
  [FileInformationClass.Mode]: { name: 'Mode', query: 0, set: 0, declaration: file.FileModeInformation },
  [FileInformationClass.Alignment]: { name: 'Alignment', query: 0, declaration: file.FileAlignmentInformation },
  [FileInformationClass.All]: { name: 'All', query: FileReadAttributes, declaration: file.FileAllInformation },
  [FileInformationClass.Allocation]: { name: 'Allocation', set: FileWriteData, declaration: file.FileAllocationInformation },
  [FileInformationClass.EndOfFile]: { name: 'EndOfFile', set: FileWriteData, declaration: file.FileEndOfFileInformation },
  [FileInformationClass.AlternateName]: { name: 'AlternateName', query: 0, declaration: file.FileNameInformation },
  [FileInformationClass.Stream]: { name: 'Stream', query: 0, declaration: FileStreamInformation },
  [FileInformationClass.Pipe]: { name: 'Pipe', query: FileReadAttributes, set: FileWriteAttributes, declaration: file.FilePipeInformation },
  [FileInformationClass.PipeLocal]: { name: 'PipeLocal', query: FileReadAttributes, declaration: file.FilePipeLocalInformation },
  [FileInformationClass.PipeRemote]: { name: 'PipeRemote', query: FileReadAttributes },
  [FileInformationClass.Compression]: { name: 'Compression', query: 0, declaration: file.FileCompressionInformation },
  [FileInformationClass.NetworkOpen]: { name: 'NetworkOpen', query: FileReadAttributes, declaration: file.FileNetworkOpenInformation },
  [FileInformationClass.AttributeTag]: { name: 'AttributeTag', query: FileReadAttributes, declaration: file.FileAttributeTagInformation },
  [FileInformationClass.ValidDataLength]: { name: 'ValidDataLength', set: FileWriteData, declaration: file.FileValidDataLengthInformation },
  [FileInformationClass.ShortName]: { name: 'ShortName', set: Delete, declaration: file.FileNameInformation },
  [FileInformationClass.NormalizedName]: { name: 'NormalizedName', query: 0, declaration: file.FileNameInformation },
  [FileInformationClass.Id]: { name: 'Id', query: 0, declaration: file.FileIdInformation },
  // For QUERY_DIRECTORY or for local use only:
  [FileInformationClass.Directory]: { name: 'Directory' },
  [FileInformationClass.FullDirectory]: { name: 'FullDirectory' },
  [FileInformationClass.BothDirectory]: { name: 'BothDirectory' },
  [FileInformationClass.Name]: { name: 'Name' },
  [FileInformationClass.Names]: { name: 'Names' },
  [FileInformationClass.MailslotQuery]: { name: 'MailslotQuery' },
  [FileInformationClass.MailslotSet]: { name: 'MailslotSet' },
  [FileInformationClass.ObjectId]: { name: 'ObjectId' },
  [FileInformationClass.MoveCluster]: { name: 'MoveCluster' },
  [FileInformationClass.Quota]: { name: 'Quota', setOffWire: true },
  [FileInformationClass.ReparsePoint]: { name: 'ReparsePoint' },
  [FileInformationClass.Tracking]: { name: 'Tracking' },
  [FileInformationClass.IdBothDirectory]: { name: 'IdBothDirectory' },
  [FileInformationClass.IdFullDirectory]: { name: 'IdFullDirectory' },
  [FileInformationClass.SfioReserve]: { name: 'SfioReserve' },
  [FileInformationClass.SfioVolume]: { name: 'SfioVolume' },
  [FileInformationClass.HardLink]: { name: 'HardLink' },
  [FileInformationClass.IdGlobalTxDirectory]: { name: 'IdGlobalTxDirectory' },
  [FileInformationClass.StandardLink]: { name: 'StandardLink' },
  [FileInformationClass.IdExtdDirectory]: { name: 'IdExtdDirectory' },
  [FileInformationClass.Id64ExtdDirectory]: { name: 'Id64ExtdDirectory' },
  [FileInformationClass.Id64ExtdBothDirectory]: { name: 'Id64ExtdBothDirectory' },
  [FileInformationClass.IdAllExtdDirectory]: { name: 'IdAllExtdDirectory' },
  [FileInformationClass.IdAllExtdBothDirectory]: { name: 'IdAllExtdBothDirectory' },
};

/** The file system information classes of MS-FSCC 2.5, by number; MS-FSA 2.1.5.13 and 2.1.5.16. No query needs an access right. */
export const fsInformation: Readonly<Record<number, InformationRow>> = {
  [FsInformationClass.Volume]: { name: 'Volume', query: 0, declaration: fs.FileFsVolumeInformation },
  [FsInformationClass.Label]: { name: 'Label', setOffWire: true, declaration: fs.FileFsLabelInformation },
  [FsInformationClass.Size]: { name: 'Size', query: 0, declaration: fs.FileFsSizeInformation },
  [FsInformationClass.Device]: { name: 'Device', query: 0, declaration: fs.FileFsDeviceInformation },
  [FsInformationClass.Attribute]: { name: 'Attribute', query: 0, declaration: fs.FileFsAttributeInformation },
  [FsInformationClass.Control]: { name: 'Control', query: 0, set: FileWriteData, declaration: fs.FileFsControlInformation },
  [FsInformationClass.FullSize]: { name: 'FullSize', query: 0, declaration: fs.FileFsFullSizeInformation },
  [FsInformationClass.ObjectId]: { name: 'ObjectId', query: 0, set: FileWriteData, declaration: fs.FileFsObjectIdInformation },
  [FsInformationClass.DriverPath]: { name: 'DriverPath', setOffWire: true, declaration: fs.FileFsDriverPathInformation },
  [FsInformationClass.VolumeFlags]: { name: 'VolumeFlags', setOffWire: true },
  [FsInformationClass.SectorSize]: { name: 'SectorSize', query: 0, declaration: fs.FileFsSectorSizeInformation },
};
