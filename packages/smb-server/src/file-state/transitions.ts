import { NtStatus } from '@ring3/smb-proto';
import type { CloseInput, ConflictInput, DispositionInput, OpenInput, WithdrawInput } from './file-state.ts';
import type { FileRecord } from './record.ts';
import { shareConflict } from './share-mode.ts';

/** MS-FSA 2.1.5.1.2: a file that waits for its deletion takes no opens, then the share modes decide. */
export function open(record: FileRecord, input: OpenInput): NtStatus {
  if (record.deletePending) return NtStatus.DeletePending;
  const asked = { access: input.checkedAccess, shareAccess: input.shareAccess };
  for (const other of record.opens.values()) if (shareConflict(asked, other)) return NtStatus.SharingViolation;
  record.opens.set(input.openId, input);
  return NtStatus.Success;
}

/** MS-FSA 2.1.5.5. */
export function close(record: FileRecord, { openId }: CloseInput): { unlink: boolean } {
  const entry = record.opens.get(openId);
  if (entry === undefined) return { unlink: false };
  record.opens.delete(openId);
  if (entry.deleteOnClose) record.deletePending = true;
  return { unlink: record.deletePending && record.opens.size === 0 };
}

/** An open that came to nothing. */
export function withdraw(record: FileRecord, { openId }: WithdrawInput): NtStatus {
  record.opens.delete(openId);
  return NtStatus.Success;
}

/** MS-FSA 2.1.5.15.3. */
export function disposition(record: FileRecord, { openId, deletePending }: DispositionInput): NtStatus {
  if (!record.opens.has(openId)) return NtStatus.FileClosed;
  record.deletePending = deletePending;
  return NtStatus.Success;
}

/** Whether the others share what is about to be done. */
export function conflict(record: FileRecord, { openId, access }: ConflictInput): NtStatus {
  const asked = { access, shareAccess: 7 };
  for (const other of record.opens.values()) {
    if (other.openId !== openId && shareConflict(asked, other)) return NtStatus.SharingViolation;
  }
  return NtStatus.Success;
}

export const query = (record: FileRecord): { deletePending: boolean; opens: number } => ({
  deletePending: record.deletePending,
  opens: record.opens.size,
});
