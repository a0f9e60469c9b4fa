import { AccessMask, ShareAccess } from '@ring3/smb-proto';
import { readDataRights, sharedRights, writeDataRights } from '../values/access.ts';

/** The access of one open, and what it allows others. */
export interface ShareMode {
  readonly access: number;
  readonly shareAccess: number;
  /** It represents an open of one of the file's streams: it only affects the deletion of the file. */
  readonly ofStream?: boolean;
}

/** The share mode that each right requires of the others, MS-FSA 2.1.5.1.2.2. */
const needed = [
  [readDataRights, ShareAccess.Read],
  [writeDataRights, ShareAccess.Write],
  [AccessMask.Delete, ShareAccess.Delete],
] as const;

/** Whether one could delete the file while the other has a stream open and does not share deletion. */
const deletesShared = (file: ShareMode, stream: ShareMode): boolean =>
  file.ofStream !== true && (file.access & AccessMask.Delete) !== 0 && (stream.shareAccess & ShareAccess.Delete) === 0;

/** Whether two opens exclude each other. An open for attributes only excludes no other. */
export function shareConflict(a: ShareMode, b: ShareMode): boolean {
  if (a.ofStream === true || b.ofStream === true) return deletesShared(a, b) || deletesShared(b, a);
  if ((a.access & sharedRights) === 0 || (b.access & sharedRights) === 0) return false;
  return needed.some(
    ([rights, share]) =>
      ((a.access & rights) !== 0 && (b.shareAccess & share) === 0) || ((b.access & rights) !== 0 && (a.shareAccess & share) === 0),
  );
}
