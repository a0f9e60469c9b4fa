import { AccessMask, ChangeNotifyRequest, ChangeNotifyResponse, NtStatus } from '@ring3/smb-proto';
import { command } from '../command.ts';

/** CHANGE_NOTIFY, MS-SMB2 3.3.5.19: waits until it is cancelled, or its open ends. */
export const changeNotify = command({
  needs: 'open',
  request: ChangeNotifyRequest,
  response: ChangeNotifyResponse,
  payload: ({ outputBufferLength }) => outputBufferLength,
  handle(ctx, { outputBufferLength }) {
    const { open, connection } = ctx;
    if (outputBufferLength > connection.maxTransact) return NtStatus.InvalidParameter;
    if (open.handle?.kind !== 'folder') return NtStatus.InvalidParameter;
    if (!open.may(AccessMask.FileListDirectory)) return NtStatus.AccessDenied;
    return new Promise((resolve) => {
      const cancel = (): void => resolve(open.closed ? NtStatus.NotifyCleanup : NtStatus.Cancelled);
      if (!ctx.pend(cancel)) resolve(NtStatus.InsufficientResources);
    });
  },
});
