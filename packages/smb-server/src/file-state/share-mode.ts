import { AccessMask, ShareAccess } from '@ring3/smb-proto';
import { readDataRights, sharedRights, writeDataRights } from '../access.ts';

/** What one open may do and lets others do. */
export interface ShareMode {
  readonly access: number;
  readonly shareAccess: number;
  /** Stands for an open of one of the file's streams: it has a say in the file's deletion alone. */
  readonly ofStream?: boolean;
}

/** Which sharing each right needs of the others, MS-FSA 2.1.5.1.2.2. */
const needed = [
  [readDataRights, ShareAccess.Read],
  [writeDataRights, ShareAccess.Write],
  [AccessMask.Delete, ShareAccess.Delete],
] as const;

/** Whether one may delete the file under the other's stream, which does not share that. */
const deletesShared = (file: ShareMode, stream: ShareMode): boolean =>
  file.ofStream !== true && (file.access & AccessMask.Delete) !== 0 && (stream.shareAccess & ShareAccess.Delete) === 0;

/** Whether two opens exclude each other. An open for attributes alone excludes nobody. */
export function shareConflict(a: ShareMode, b: ShareMode): boolean {
  if (a.ofStream === true || b.ofStream === true) return deletesShared(a, b) || deletesShared(b, a);
  if ((a.access & sharedRights) === 0 || (b.access & sharedRights) === 0) return false;
  return needed.some(
    ([rights, share]) =>
      ((a.access & rights) !== 0 && (b.shareAccess & share) === 0) || ((b.access & rights) !== 0 && (a.shareAccess & share) === 0),
  );
}
