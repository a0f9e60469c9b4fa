import { NtStatus, OplockBreak } from '@ring3/smb-proto';
import { command } from '../command.ts';

/** OPLOCK_BREAK Acknowledgment, MS-SMB2 3.3.5.22.1: nothing was broken that could be acknowledged. */
export const oplockBreak = command({
  needs: 'open',
  request: OplockBreak,
  response: OplockBreak,
  handle: () => NtStatus.InvalidOplockProtocol,
});
