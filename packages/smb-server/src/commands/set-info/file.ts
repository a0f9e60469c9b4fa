import type { Steps } from '@ring3/kit';
import {
  FileInformationClass,
  FilePipeInformation,
  fileInformation,
  type InformationRow,
  NtStatus,
  type SetInfoRequest,
} from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import type { ContextOf } from '../../request/command.ts';
import { setAllocation, setBasic, setEndOfFile, setMode, setPosition } from './basic.ts';
import { setDisposition, setDispositionEx } from './disposition.ts';
import { setEas } from './eas.ts';
import { setLink, setRename, setRenameEx } from './rename.ts';
import type { Setter } from './setter.ts';
import { setValidDataLength } from './valid-data-length.ts';

const setters: Readonly<Record<number, Setter>> = {
  [FileInformationClass.Basic]: setBasic,
  [FileInformationClass.Rename]: setRename,
  [FileInformationClass.RenameEx]: setRenameEx,
  [FileInformationClass.Link]: setLink,
  [FileInformationClass.Disposition]: setDisposition,
  [FileInformationClass.DispositionEx]: setDispositionEx,
  [FileInformationClass.Position]: setPosition,
  [FileInformationClass.FullEa]: setEas,
  [FileInformationClass.Mode]: setMode,
  [FileInformationClass.Allocation]: setAllocation,
  [FileInformationClass.EndOfFile]: setEndOfFile,
  [FileInformationClass.ValidDataLength]: setValidDataLength,
};

/** File information, MS-SMB2 3.3.5.21.1. A buffer that is too short for its class is a mismatch. */
export function* setFile(ctx: ContextOf<'open'>, { fileInfoClass, buffer }: SetInfoRequest): Steps<NtStatus> {
  const { open } = ctx;
  const row = fileInformation[fileInfoClass];
  const status = checkSet(row, buffer.length);
  if (status !== NtStatus.Success) return status;
  if (row?.set !== 0 && !open.mayAny(row?.set ?? 0)) return NtStatus.AccessDenied;
  const { handle } = open;
  if (handle === undefined) return setPipe(fileInfoClass, buffer);
  const setter = setters[fileInfoClass];
  return setter === undefined ? NtStatus.NotSupported : yield* setter(ctx, handle, new Frame(buffer));
}

/** Of a named pipe, the modes of reading and completion can be set; the server has only one of each. MS-FSCC 2.4.37. */
function setPipe(fileInfoClass: number, buffer: Uint8Array): NtStatus {
  if (fileInfoClass !== FileInformationClass.Pipe) return NtStatus.InvalidParameter;
  const { readMode, completionMode } = FilePipeInformation.read(new Frame(buffer), 0);
  return readMode > 1 || completionMode > 1 ? NtStatus.InvalidParameter : NtStatus.Success;
}

/** Whether a class can be set, and the buffer holds its fixed part. */
export function checkSet(row: InformationRow | undefined, length: number): NtStatus {
  if (row?.set === undefined) return row?.setOffWire === true ? NtStatus.NotSupported : NtStatus.InvalidInfoClass;
  const { declaration } = row as { declaration?: { byteLength?: number; fixed?: { byteLength: number } } };
  return length < (declaration?.byteLength ?? declaration?.fixed?.byteLength ?? 0) ? NtStatus.InfoLengthMismatch : NtStatus.Success;
}
