import { CreateContextName, decodeSecurityDescriptor, NtStatus } from '@ring3/smb-proto';
import type { ContextRow } from './row.ts';

/** SMB2_CREATE_SD_BUFFER, MS-SMB2 3.3.5.9.2: the descriptor of a new file. */
export const securityDescriptor: ContextRow = {
  name: CreateContextName.SdBuffer,
  ask(plan, data) {
    plan.descriptor = decodeSecurityDescriptor(data);
    return NtStatus.Success;
  },
};
