import { AccessMask, ShareAccess } from '@ring3/smb-proto';
import { readDataRights, sharedRights, writeDataRights } from '../access.ts';

/** What one open may do and lets others do. */
export interface ShareMode {
  readonly access: number;
  readonly shareAccess: number;
}

/** Which sharing each right needs of the others, MS-FSA 2.1.5.1.2.2. */
const needed = [
  [readDataRights, ShareAccess.Read],
  [writeDataRights, ShareAccess.Write],
  [AccessMask.Delete, ShareAccess.Delete],
] as const;

/** Whether two opens exclude each other. An open for attributes alone excludes nobody. */
export function shareConflict(a: ShareMode, b: ShareMode): boolean {
  if ((a.access & sharedRights) === 0 || (b.access & sharedRights) === 0) return false;
  return needed.some(
    ([rights, share]) =>
      ((a.access & rights) !== 0 && (b.shareAccess & share) === 0) || ((b.access & rights) !== 0 && (a.shareAccess & share) === 0),
  );
}
