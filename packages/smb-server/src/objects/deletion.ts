import { type Steps, wait } from '@ring3/kit';
import { FileAttributes, NtStatus } from '@ring3/smb-proto';
import { type Handle, isCode, type VfsCode } from '@ring3/vfs';
import { statusOf } from '../values/status-map.ts';
import type { TreeConnect } from './tree-connect.ts';

/**
 * Whether an entry can be deleted, checked when a client marks it for deletion: its last close has no response that could report a failure.
 * MS-FSA 2.1.5.15.3 for the attribute and for directories that are not empty; and the rules of the store.
 * @param attributes FileAttributes of the entry
 */
export function* mayDelete(tree: TreeConnect, handle: Handle, attributes: number, ignoreReadOnly = false): Steps<NtStatus> {
  const status = yield* mayUnlink(tree, handle, attributes, ignoreReadOnly);
  return status === NtStatus.Success && handle.kind === 'folder' ? yield* empty(handle) : status;
}

/** The same for FILE_DELETE_ON_CLOSE: an empty directory is checked for at the close, as by Windows and Samba. */
export function* mayUnlink(tree: TreeConnect, handle: Handle, attributes: number, ignoreReadOnly = false): Steps<NtStatus> {
  if (handle.fileId === tree.root?.fileId) return NtStatus.CannotDelete;
  if ((attributes & FileAttributes.ReadOnly) !== 0 && !ignoreReadOnly) return NtStatus.CannotDelete;
  return refusal((yield* wait(handle.checkUnlink?.())) ?? undefined);
}

/** Whether an entry that is created in a directory can be deleted, for a CREATE with FILE_DELETE_ON_CLOSE. */
export function* mayUnlinkNew(parent: Handle): Steps<NtStatus> {
  return refusal((yield* wait(parent.checkUnlink?.('newEntry'))) ?? undefined);
}

function refusal(answer: undefined | VfsCode): NtStatus {
  if (answer === undefined) return NtStatus.Success;
  return answer === 'EBUSY' ? NtStatus.CannotDelete : statusOf(answer);
}

/** Only an empty directory can be deleted. The open may lack the right to list it, so the check opens it again. */
function* empty(handle: Handle): Steps<NtStatus> {
  const able = yield* wait(handle.reopen?.('read'));
  if (isCode(able)) return statusOf(able);
  const listing = yield* wait(handle.list(undefined, { limit: 1, stat: false }));
  if (isCode(listing)) return statusOf(listing);
  return listing.entries.length === 0 ? NtStatus.Success : NtStatus.DirectoryNotEmpty;
}
