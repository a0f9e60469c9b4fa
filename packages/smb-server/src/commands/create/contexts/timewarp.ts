import { CreateContextName, NtStatus, TimewarpToken } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import type { ContextRow } from './row.ts';

/** SMB2_CREATE_TIMEWARP_TOKEN, MS-SMB2 3.3.5.9.7: snapshots are not supported, so no earlier version of a file exists. */
export const timewarp: ContextRow = {
  name: CreateContextName.TimewarpToken,
  ask(_plan, data) {
    const { timestamp } = TimewarpToken.read(new Frame(data), 0);
    return timestamp === 0n ? NtStatus.Success : NtStatus.ObjectNameNotFound;
  },
};
