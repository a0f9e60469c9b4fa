import { LockRequest, LockResponse, NtStatus } from '@ring3/smb-proto';
import { command } from '../command.ts';

/** LOCK, MS-SMB2 3.3.5.14. */
export const lock = command({
  needs: 'open',
  request: LockRequest,
  response: LockResponse,
  handle: () => NtStatus.NotImplemented,
});
