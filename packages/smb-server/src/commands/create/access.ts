import { AccessMask, CreateOptions, FileAttributes, fileGenericRead, fileGenericWrite, mapGeneric, NtStatus } from '@ring3/smb-proto';
import type { Identity } from '@ring3/vfs';
import { writeDataRights } from '../../values/access.ts';
import type { CreatePlan } from './plan.ts';

/** What the granted access depends on. */
export interface AccessSubject {
  /** FileAttributes; those requested, if the file is to be created. */
  readonly attributes: number;
  readonly folder: boolean;
  /** Rights that its descriptor grants to the opener; all rights if the file is to be created. */
  readonly rights: number;
  /**
   * Rights that the directory grants to the opener: FILE_DELETE_CHILD allows DELETE regardless of the file's descriptor;
   * FILE_LIST_DIRECTORY allows to read attributes.
   */
  readonly parentRights: number;
  readonly isNew: boolean;
  /** The link that the name was resolved through: deleting and renaming apply to it. */
  readonly named?: Omit<AccessSubject, 'named'> | undefined;
}

/** Whether the read-only attribute forbids writing the data: only of an existing file. */
const protectsData = ({ attributes, folder, isNew }: AccessSubject): boolean =>
  !folder && !isNew && (attributes & FileAttributes.ReadOnly) !== 0;

const backupRights = AccessMask.ReadControl | fileGenericRead | AccessMask.FileTraverse;
const restoreRights =
  AccessMask.WriteDac |
  AccessMask.WriteOwner |
  fileGenericWrite |
  AccessMask.FileAddFile |
  AccessMask.FileAddSubdirectory |
  AccessMask.Delete;

/** Rights that the privileges for backup and restore grant, regardless of descriptors, to an open with that intent. MS-FSA 2.1.5.1. */
export const privileged = ({ admin }: Identity, createOptions: number): number =>
  admin === true && (createOptions & CreateOptions.OpenForBackupIntent) !== 0 ? backupRights | restoreRights : 0;

/**
 * The maximal access: the rights that descriptor, directory and share grant, less those that a read-only file forbids. MS-SMB2 3.3.5.9,
 * MS-FSA 2.1.5.1.2.1.
 */
export function maximalAccess({ ctx, request }: CreatePlan, subject: AccessSubject): number {
  const { rights, parentRights, named = subject } = subject;
  let given = (rights & ~AccessMask.Delete) | (named.rights & AccessMask.Delete);
  if ((named.parentRights & AccessMask.FileDeleteChild) !== 0) given |= AccessMask.Delete;
  if ((parentRights & AccessMask.FileListDirectory) !== 0) given |= AccessMask.FileReadAttributes;
  given |= privileged(ctx.tree.identity, request.createOptions);
  return given & ctx.tree.maximalAccess & (protectsData(subject) ? ~writeDataRights : -1);
}

/** @returns the granted access, or the status that denies it */
export function grant(plan: CreatePlan, subject: AccessSubject): { readonly granted: number } | NtStatus {
  const { desiredAccess, createOptions } = plan.request;
  const most = maximalAccess(plan, subject);
  plan.maximalAccess = most;
  const mapped = mapGeneric(desiredAccess);
  const wanted = mapped & ~AccessMask.MaximumAllowed;
  const deleteOnClose = (createOptions & CreateOptions.DeleteOnClose) !== 0;
  // The order of MS-FSA 2.1.5.1.2.1: data of a read-only file, then its deletion, then the descriptor.
  if (protectsData(subject) && (wanted & writeDataRights) !== 0) return NtStatus.AccessDenied;
  if (deleteOnClose && ((subject.named ?? subject).attributes & FileAttributes.ReadOnly) !== 0) return NtStatus.CannotDelete;
  const { admin = false } = plan.ctx.tree.identity;
  if ((wanted & AccessMask.AccessSystemSecurity) !== 0 && !admin) return NtStatus.PrivilegeNotHeld;
  if ((wanted & ~most & ~AccessMask.AccessSystemSecurity) !== 0) return NtStatus.AccessDenied;
  const granted = (mapped & AccessMask.MaximumAllowed) === 0 ? wanted : wanted | most;
  if (deleteOnClose && (granted & AccessMask.Delete) === 0) return NtStatus.AccessDenied;
  return { granted: granted >>> 0 };
}
