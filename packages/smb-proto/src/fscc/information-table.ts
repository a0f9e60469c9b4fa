import { AccessMask } from '../dtyp/access-mask.ts';
import * as file from './file-information.ts';
import * as fs from './fs-information.ts';
import { FileInformationClass, FsInformationClass } from './information-class.ts';
import { FileStreamInformation } from './stream-information.ts';

/**
 * The requirements and the codec of an information class. `query` and `set` are the access rights that the open must have (one of the bits is enough),
 * 0 for none, undefined if the operation does not exist; MS-FSA 2.1.5.12 and 2.1.5.15.
 */
export interface InformationRow {
  readonly name: string;
  readonly query?: number;
  readonly set?: number;
  /** Undefined if the class has a special codec or is not declared. */
  readonly declaration?: object;
}

const { FileReadAttributes, FileWriteAttributes, FileReadEa, FileWriteEa, FileReadData, FileWriteData, Delete } = AccessMask;

/** File information classes of QUERY_INFO and SET_INFO, by number. */
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
  [FileInformationClass.Name]: { name: 'Name', query: 0, declaration: file.FileNameInformation },
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
  [FileInformationClass.StandardLink]: { name: 'StandardLink', query: 0, declaration: file.FileStandardLinkInformation },
  [FileInformationClass.Id]: { name: 'Id', query: 0, declaration: file.FileIdInformation },
};

/** File system information classes, by number; MS-FSA 2.1.5.13 and 2.1.5.16. Queries need no access right. */
export const fsInformation: Readonly<Record<number, InformationRow>> = {
  [FsInformationClass.Volume]: { name: 'Volume', query: 0, declaration: fs.FileFsVolumeInformation },
  [FsInformationClass.Label]: { name: 'Label', set: FileWriteData, declaration: fs.FileFsLabelInformation },
  [FsInformationClass.Size]: { name: 'Size', query: 0, declaration: fs.FileFsSizeInformation },
  [FsInformationClass.Device]: { name: 'Device', query: 0, declaration: fs.FileFsDeviceInformation },
  [FsInformationClass.Attribute]: { name: 'Attribute', query: 0, declaration: fs.FileFsAttributeInformation },
  [FsInformationClass.Control]: { name: 'Control', query: 0, set: FileWriteData, declaration: fs.FileFsControlInformation },
  [FsInformationClass.FullSize]: { name: 'FullSize', query: 0, declaration: fs.FileFsFullSizeInformation },
  [FsInformationClass.ObjectId]: { name: 'ObjectId', query: 0, set: FileWriteData, declaration: fs.FileFsObjectIdInformation },
  [FsInformationClass.SectorSize]: { name: 'SectorSize', query: 0, declaration: fs.FileFsSectorSizeInformation },
};
