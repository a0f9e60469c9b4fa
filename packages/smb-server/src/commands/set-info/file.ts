import type { Steps } from '@ring3/kit';
import { FileInformationClass, fileInformation, NtStatus, type SetInfoRequest } from '@ring3/smb-proto';
import type { Handle } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import type { ContextOf } from '../../command.ts';
import { setAllocation, setBasic, setEndOfFile, setMode, setPosition } from './basic.ts';
import { setDisposition, setDispositionEx } from './disposition.ts';
import { setEas } from './eas.ts';
import { setLink, setRename, setRenameEx } from './rename.ts';

/** A class that can be set. The frame holds the buffer alone. */
export type Setter = (ctx: ContextOf<'open'>, handle: Handle, frame: Frame) => Steps<NtStatus>;

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
};

/** File information, MS-SMB2 3.3.5.21.1. A buffer that is too short for its class is a mismatch. */
export function* setFile(ctx: ContextOf<'open'>, { fileInfoClass, buffer }: SetInfoRequest): Steps<NtStatus> {
  const { open } = ctx;
  const setter = setters[fileInfoClass];
  const row = fileInformation[fileInfoClass];
  if (setter === undefined || row?.set === undefined) return row?.set === undefined ? NtStatus.InvalidInfoClass : NtStatus.NotSupported;
  const { declaration } = row as { declaration?: { byteLength?: number; fixed?: { byteLength: number } } };
  if (buffer.length < (declaration?.byteLength ?? declaration?.fixed?.byteLength ?? 0)) return NtStatus.InfoLengthMismatch;
  if (row.set !== 0 && !open.mayAny(row.set)) return NtStatus.AccessDenied;
  return yield* setter(ctx, open.handle as Handle, new Frame(buffer));
}
