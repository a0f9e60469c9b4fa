import { CreateContextName, filetimeToMs, NtStatus, TimewarpToken } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import { snapshotToken } from '../../../objects/snapshots.ts';
import type { ContextRow } from './row.ts';

/**
 * SMB2_CREATE_TIMEWARP_TOKEN, MS-SMB2 3.3.5.9.7: the file is opened in the snapshot of that time. The path of the open begins with the
 * token of the snapshot.
 */
export const timewarp: ContextRow = {
  name: CreateContextName.TimewarpToken,
  ask(plan, data) {
    const { timestamp } = TimewarpToken.read(new Frame(data), 0);
    if (timestamp === 0n) return NtStatus.Success;
    if (plan.ctx.tree.share.options?.snapshots === undefined) return NtStatus.ObjectNameNotFound;
    plan.path = { ...plan.path, components: [snapshotToken(new Date(filetimeToMs(timestamp))), ...plan.path.components] };
    return NtStatus.Success;
  },
};
