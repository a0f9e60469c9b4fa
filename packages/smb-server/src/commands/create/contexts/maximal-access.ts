import { CreateContextName, MaximalAccessResponse, NtStatus } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import type { ContextRow } from './row.ts';

/** SMB2_CREATE_QUERY_MAXIMAL_ACCESS_REQUEST, MS-SMB2 3.3.5.9.5. */
export const maximalAccess: ContextRow = {
  name: CreateContextName.QueryMaximalAccess,
  ask(plan, data) {
    if (data.length !== 0 && data.length !== 8) return NtStatus.InvalidParameter;
    plan.wantsMaximalAccess = true;
    return NtStatus.Success;
  },
  answer(plan) {
    const answer = Frame.alloc(MaximalAccessResponse.byteLength);
    MaximalAccessResponse.write(answer, 0, { queryStatus: NtStatus.Success, maximalAccess: plan.maximalAccess });
    return answer.bytes;
  },
};
