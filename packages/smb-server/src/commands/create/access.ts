import { AccessMask, CreateOptions, type CreateRequest, FileAttributes, mapGeneric, NtStatus } from '@ring3/smb-proto';
import { writeDataRights } from '../../access.ts';
import type { Tree } from '../../tree.ts';

/** What is known about the file that access is asked to. */
export interface AccessSubject {
  /** FileAttributes; undefined for one that is to be created. */
  readonly attributes: number | undefined;
  readonly folder: boolean;
}

/** The most that may be granted: what the share gives, less what a read-only file forbids. MS-SMB2 3.3.5.9, MS-FSA 2.1.5.1.2.1. */
export function maximalAccess(tree: Tree, { attributes, folder }: AccessSubject): number {
  const readOnly = !folder && attributes !== undefined && (attributes & FileAttributes.ReadOnly) !== 0;
  return readOnly ? tree.maximalAccess & ~writeDataRights : tree.maximalAccess;
}

/** @returns the granted access, or why it is refused */
export function grant(tree: Tree, request: CreateRequest, subject: AccessSubject): { granted: number } | NtStatus {
  const most = maximalAccess(tree, subject);
  const wanted = mapGeneric(request.desiredAccess) & ~AccessMask.MaximumAllowed;
  if ((wanted & AccessMask.AccessSystemSecurity) !== 0) return NtStatus.PrivilegeNotHeld;
  const refused = wanted & ~most;
  if (refused !== 0) return NtStatus.AccessDenied;
  const granted = (request.desiredAccess & AccessMask.MaximumAllowed) === 0 ? wanted : wanted | most;
  if ((request.createOptions & CreateOptions.DeleteOnClose) !== 0) {
    if ((granted & AccessMask.Delete) === 0) return NtStatus.AccessDenied;
    const attributes = subject.attributes ?? request.fileAttributes;
    if (!subject.folder && (attributes & FileAttributes.ReadOnly) !== 0) return NtStatus.CannotDelete;
  }
  return { granted: granted >>> 0 };
}
