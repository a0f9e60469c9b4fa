import { NtStatus } from '@ring3/smb-proto';
import type { VfsCode } from '@ring3/vfs';

/** The status for each expected failure of a store. No other code maps error codes to statuses. */
const statuses: Readonly<Record<VfsCode, NtStatus>> = {
  EACCES: NtStatus.AccessDenied,
  EPERM: NtStatus.AccessDenied,
  ENOENT: NtStatus.ObjectNameNotFound,
  EEXIST: NtStatus.ObjectNameCollision,
  ENOTDIR: NtStatus.NotADirectory,
  EISDIR: NtStatus.FileIsADirectory,
  ENOTEMPTY: NtStatus.DirectoryNotEmpty,
  EINVAL: NtStatus.InvalidParameter,
  ENAMETOOLONG: NtStatus.ObjectNameInvalid,
  ELOOP: NtStatus.ObjectPathNotFound,
  EXDEV: NtStatus.NotSameDevice,
  EMLINK: NtStatus.TooManyLinks,
  EFBIG: NtStatus.InvalidParameter, // beyond the largest file that the store allows: MS-FSA 2.1.5.4, 2.1.5.15.1, 2.1.5.15.4
  ENOSPC: NtStatus.DiskFull,
  EDQUOT: NtStatus.QuotaExceeded,
  EROFS: NtStatus.MediaWriteProtected,
  EBUSY: NtStatus.SharingViolation,
  ETXTBSY: NtStatus.SharingViolation,
  EMFILE: NtStatus.TooManyOpenedFiles,
  ENOMEM: NtStatus.InsufficientResources,
  ENODATA: NtStatus.NotFound,
  EOPNOTSUPP: NtStatus.NotSupported,
  ESTALE: NtStatus.FileClosed,
  ECANCELED: NtStatus.Cancelled,
  ETIMEDOUT: NtStatus.IoTimeout,
  EIO: NtStatus.UnexpectedIoError,
};

/** NTSTATUS of a store's result, MS-ERREF 2.3. */
export const statusOf = (code: VfsCode): NtStatus => statuses[code];
