import { CreateContextName, NtStatus, OnDiskId } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import type { ContextRow } from './row.ts';

/** SMB2_CREATE_QUERY_ON_DISK_ID, MS-SMB2 3.3.5.9.9. */
export const queryOnDiskId: ContextRow = {
  name: CreateContextName.QueryOnDiskId,
  ask(plan) {
    plan.wantsOnDiskId = true;
    return NtStatus.Success;
  },
  answer(plan, _open, stat) {
    const answer = Frame.alloc(OnDiskId.byteLength);
    OnDiskId.write(answer, 0, { diskFileId: stat.id64, volumeId: BigInt(plan.ctx.server.volumeSerialNumber) });
    return answer.bytes;
  },
};
