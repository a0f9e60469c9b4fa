import { NtStatus, SrvSnapshotArray } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import type { IoctlRow } from './row.ts';

/** FSCTL_SRV_ENUMERATE_SNAPSHOTS, MS-SMB2 3.3.5.15.1: snapshots are not supported, so the list is empty. */
export const srvEnumerateSnapshots: IoctlRow = {
  needs: 'entry',
  handle(_ctx, { maxOutputResponse }) {
    if (maxOutputResponse < SrvSnapshotArray.byteLength) return NtStatus.InvalidParameter;
    const frame = Frame.alloc(SrvSnapshotArray.byteLength);
    SrvSnapshotArray.write(frame, 0, { numberOfSnapshots: 0, numberOfSnapshotsReturned: 0, snapshotArraySize: 0 });
    return frame.bytes;
  },
};
