import {
  AccessMask,
  CreateDisposition,
  CreateOptions,
  type CreateRequest,
  ImpersonationLevel,
  mapGeneric,
  NtStatus,
  ShareAccess,
  validFileAttributes,
} from '@ring3/smb-proto';

const unsupportedOptions = CreateOptions.ReserveOpfilter | CreateOptions.OpenByFileId | 0x80;
/** Bits of an access mask that no client may set, MS-SMB2 3.3.5.9. */
const reservedRights = 0x0ce0fe00;

const has = (value: number, bits: number): boolean => (value & bits) !== 0;

/**
 * FILE_DELETE_ON_CLOSE needs DELETE among the requested rights, or GENERIC_ALL: MS-FSA 2.1.5.1 phase 1, MS-SMB2 3.3.5.9. MAXIMUM_ALLOWED does not request
 * it.
 */
const asksToDelete = (desiredAccess: number): boolean => has(mapGeneric(desiredAccess), AccessMask.Delete);

/** ValidDirectoryCreateOptions, MS-FSA 2.1.5.1 phase 1. */
const directoryOptions =
  CreateOptions.DirectoryFile |
  CreateOptions.SynchronousIoAlert |
  CreateOptions.SynchronousIoNonalert |
  CreateOptions.WriteThrough |
  CreateOptions.OpenRemoteInstance |
  CreateOptions.CompleteIfOplocked |
  CreateOptions.OpenForBackupIntent |
  CreateOptions.DeleteOnClose |
  CreateOptions.OpenForFreeSpaceQuery |
  CreateOptions.OpenByFileId |
  CreateOptions.NoCompression |
  CreateOptions.OpenReparsePoint |
  CreateOptions.OpenRequiringOplock;

/** The rules of a CREATE that only need the request, MS-SMB2 3.3.5.9 and MS-FSA 2.1.5.1. Each row: its condition, the status. */
const rules: readonly (readonly [(request: CreateRequest) => boolean, NtStatus])[] = [
  [({ impersonationLevel }) => impersonationLevel > ImpersonationLevel.Delegate, NtStatus.BadImpersonationLevel],
  [({ desiredAccess }) => desiredAccess === 0 || has(desiredAccess, reservedRights), NtStatus.AccessDenied],
  [({ createOptions }) => has(createOptions, 0xff000000), NtStatus.InvalidParameter],
  [({ createOptions }) => has(createOptions, unsupportedOptions), NtStatus.NotSupported],
  [({ createDisposition }) => createDisposition > CreateDisposition.OverwriteIf, NtStatus.InvalidParameter],
  [({ shareAccess }) => has(shareAccess, ~(ShareAccess.Read | ShareAccess.Write | ShareAccess.Delete)), NtStatus.InvalidParameter],
  [({ fileAttributes }) => has(fileAttributes, ~validFileAttributes), NtStatus.InvalidParameter],
  [
    ({ createOptions }) => has(createOptions, CreateOptions.DirectoryFile) && has(createOptions, CreateOptions.NonDirectoryFile),
    NtStatus.InvalidParameter,
  ],
  [
    ({ createOptions }) => has(createOptions, CreateOptions.DirectoryFile) && has(createOptions, ~directoryOptions),
    NtStatus.InvalidParameter,
  ],
  [
    ({ createOptions, createDisposition }) =>
      has(createOptions, CreateOptions.DirectoryFile) &&
      (createDisposition === CreateDisposition.Supersede ||
        createDisposition === CreateDisposition.Overwrite ||
        createDisposition === CreateDisposition.OverwriteIf),
    NtStatus.InvalidParameter,
  ],
  [
    ({ createOptions, desiredAccess }) => has(createOptions, CreateOptions.DeleteOnClose) && !asksToDelete(desiredAccess),
    NtStatus.InvalidParameter,
  ],
  [
    ({ createOptions, desiredAccess }) =>
      has(createOptions, CreateOptions.NoIntermediateBuffering) && desiredAccess >>> 0 === AccessMask.FileAppendData,
    NtStatus.InvalidParameter,
  ],
];

/** @returns the status of the first rule that a request breaks */
export function validate(request: CreateRequest): NtStatus {
  for (const [breaks, status] of rules) if (breaks(request)) return status;
  return NtStatus.Success;
}
