import { wait } from '@ring3/kit';
import { FileAttributes, FileValidDataLengthInformation, NtStatus } from '@ring3/smb-proto';
import { isCode } from '@ring3/vfs';
import { askAccess } from '../../request/pending.ts';
import { statusOf } from '../../values/status-map.ts';
import type { Setter } from './setter.ts';

/**
 * FileValidDataLengthInformation, MS-FSA 2.1.5.15.15, for administrators of the share (SeManageVolumePrivilege). The length must be within the file (MS-FSCC
 * 2.4.50), and not before data that was written. Then there is nothing to do: bytes that were never written read as zeros here, and never as what the disk had.
 */
export const setValidDataLength: Setter = function* (ctx, handle, frame) {
  const { validDataLength } = FileValidDataLengthInformation.read(frame, 0);
  if (ctx.tree.identity.admin !== true) return NtStatus.PrivilegeNotHeld;
  if (handle.kind !== 'file') return NtStatus.InvalidParameter;
  const stat = yield* wait(handle.stat());
  if (isCode(stat)) return statusOf(stat);
  if (validDataLength > BigInt(stat.size) || ((stat.attributes ?? 0) & FileAttributes.SparseFile) !== 0) return NtStatus.InvalidParameter;
  const from = Number(validDataLength);
  const beyond = from === stat.size ? [] : yield* wait(handle.ranges?.(from, stat.size - from, 1));
  if (isCode(beyond)) return statusOf(beyond);
  if (beyond === undefined || beyond.length > 0) return NtStatus.InvalidParameter;
  return yield* wait(askAccess(ctx, 'size'));
};
