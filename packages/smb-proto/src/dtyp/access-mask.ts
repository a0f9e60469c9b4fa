/**
 * Access rights of files and directories, MS-DTYP 2.4.3 and MS-SMB2 2.2.13.1. The low 16 bits differ in meaning for files and directories, so some
 * have two names.
 */
export const AccessMask = {
  FileReadData: 0x00000001,
  FileWriteData: 0x00000002,
  FileAppendData: 0x00000004,
  FileReadEa: 0x00000008,
  FileWriteEa: 0x00000010,
  FileExecute: 0x00000020,
  FileDeleteChild: 0x00000040,
  FileReadAttributes: 0x00000080,
  FileWriteAttributes: 0x00000100,
  Delete: 0x00010000,
  ReadControl: 0x00020000,
  WriteDac: 0x00040000,
  WriteOwner: 0x00080000,
  Synchronize: 0x00100000,
  AccessSystemSecurity: 0x01000000,
  MaximumAllowed: 0x02000000,
  GenericAll: 0x10000000,
  GenericExecute: 0x20000000,
  GenericWrite: 0x40000000,
  GenericRead: 0x80000000,
  // The same bits on a directory:
  FileListDirectory: 0x00000001,
  FileAddFile: 0x00000002,
  FileAddSubdirectory: 0x00000004,
  FileTraverse: 0x00000020,
} as const;

/** FILE_ALL_ACCESS: every right that a file can grant. */
export const fileAllAccess = 0x001f01ff;
/** FILE_GENERIC_READ, the meaning of GENERIC_READ for files and directories. */
export const fileGenericRead = 0x00120089;
/** FILE_GENERIC_WRITE. */
export const fileGenericWrite = 0x00120116;
/** FILE_GENERIC_EXECUTE. */
export const fileGenericExecute = 0x001200a0;

/** Replaces generic rights by their meaning for files and directories, MS-DTYP 2.4.3 and MS-SMB2 3.3.5.9. */
export function mapGeneric(mask: number): number {
  let mapped = mask & 0x0fffffff;
  if ((mask & AccessMask.GenericAll) !== 0) mapped |= fileAllAccess;
  if ((mask & AccessMask.GenericRead) !== 0) mapped |= fileGenericRead;
  if ((mask & AccessMask.GenericWrite) !== 0) mapped |= fileGenericWrite;
  if ((mask & AccessMask.GenericExecute) !== 0) mapped |= fileGenericExecute;
  return mapped >>> 0;
}
