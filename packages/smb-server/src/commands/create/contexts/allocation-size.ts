import { AllocationSizeContext, CreateContextName, NtStatus } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import { largest, maxFileSize } from '../../../values/offsets.ts';
import type { ContextRow } from './row.ts';

/** SMB2_CREATE_ALLOCATION_SIZE, MS-SMB2 3.3.5.9.8: space for a new or overwritten file. */
export const allocationSize: ContextRow = {
  name: CreateContextName.AllocationSize,
  ask(plan, data) {
    const { allocationSize } = AllocationSizeContext.read(new Frame(data), 0);
    if (allocationSize > largest) return NtStatus.InvalidParameter;
    if (allocationSize > maxFileSize) return NtStatus.DiskFull;
    plan.allocationSize = Number(allocationSize);
    return NtStatus.Success;
  },
};
