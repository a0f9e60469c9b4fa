import { NtStatus, SrvRequestResumeKeyResponse } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import type { Open } from '../../objects/open.ts';
import type { Session } from '../../objects/session.ts';
import type { IoctlRow } from './row.ts';

const keyLength = 24;

/** The key that names an open as the source of a copy: its ids. Only the session that owns the open can use it. */
export function resumeKeyOf(open: Open): Uint8Array {
  const key = new Uint8Array(keyLength);
  const view = new DataView(key.buffer);
  view.setBigUint64(0, BigInt(open.persistentFileId), true);
  view.setBigUint64(8, BigInt(open.volatileFileId), true);
  return key;
}

/** The open of a key, if it belongs to the session. */
export function openOfKey(session: Session, key: Uint8Array): Open | undefined {
  const view = new DataView(key.buffer, key.byteOffset, keyLength);
  const open = session.opens.get(Number(view.getBigUint64(8, true)));
  return open !== undefined && Buffer.compare(key, resumeKeyOf(open)) === 0 ? open : undefined;
}

/** FSCTL_SRV_REQUEST_RESUME_KEY, MS-SMB2 3.3.5.15.5. */
export const srvRequestResumeKey: IoctlRow = {
  needs: 'entry',
  handle(ctx, { maxOutputResponse }) {
    if (maxOutputResponse < SrvRequestResumeKeyResponse.byteLength) return NtStatus.InvalidParameter;
    const frame = Frame.alloc(SrvRequestResumeKeyResponse.byteLength);
    SrvRequestResumeKeyResponse.write(frame, 0, { resumeKey: resumeKeyOf(ctx.open) });
    return frame.bytes;
  },
};
