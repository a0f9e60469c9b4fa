import { andThen } from '@ring3/kit';
import { NtStatus, SrvSnapshotArray } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import type { IoctlRow } from './row.ts';

/** The tokens begin in the place of the padding of an empty array. */
const textAt = SrvSnapshotArray.byteLength - 4;

/**
 * FSCTL_SRV_ENUMERATE_SNAPSHOTS, MS-SMB2 3.3.5.15.1: the tokens of the share's snapshots, the youngest first. If they do not fit, only
 * their number and size are returned (2.2.32.2).
 */
export const srvEnumerateSnapshots: IoctlRow = {
  needs: 'entry',
  handle({ tree }, { maxOutputResponse }) {
    if (maxOutputResponse < SrvSnapshotArray.byteLength) return NtStatus.InvalidParameter;
    return andThen(tree.share.options?.snapshots?.list() ?? [], (tokens) => {
      const text = Buffer.from(tokens.length === 0 ? '' : `${tokens.toSorted().reverse().join('\0')}\0\0`, 'utf16le');
      const fits = textAt + text.length <= maxOutputResponse;
      const frame = Frame.alloc(Math.max(SrvSnapshotArray.byteLength, fits ? textAt + text.length : 0));
      SrvSnapshotArray.write(frame, 0, {
        numberOfSnapshots: tokens.length,
        numberOfSnapshotsReturned: fits ? tokens.length : 0,
        snapshotArraySize: text.length,
      });
      if (fits) frame.bytes.set(text, textAt);
      return frame.bytes;
    });
  },
};
