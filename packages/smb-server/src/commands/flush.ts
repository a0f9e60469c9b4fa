import { andThen, type MaybePromise } from '@ring3/kit';
import { FlushRequest, FlushResponse, NtStatus } from '@ring3/smb-proto';
import { isCode, type VfsCode } from '@ring3/vfs';
import { command } from '../request/command.ts';
import { writeDataRights } from '../values/access.ts';
import { statusOf } from '../values/status-map.ts';

/** FLUSH, MS-SMB2 3.3.5.11: responds when the data is on the medium. */
export const flush = command({
  needs: 'open',
  request: FlushRequest,
  response: FlushResponse,
  handle({ open }) {
    if (open.handle === undefined) return {};
    if (!open.mayAny(writeDataRights)) return NtStatus.AccessDenied;
    return andThen(open.handle.flush?.() as MaybePromise<undefined | VfsCode>, (answer) => (isCode(answer) ? statusOf(answer) : {}));
  },
});
