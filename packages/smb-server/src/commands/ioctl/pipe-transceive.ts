import { NtStatus } from '@ring3/smb-proto';
import type { IoctlRow } from './row.ts';

/** FSCTL_PIPE_TRANSCEIVE, MS-SMB2 3.3.5.15.10: a message to the pipe, and the response. */
export const pipeTransceive: IoctlRow = {
  needs: 'open',
  handle(ctx, { input, maxOutputResponse }) {
    const { pipe } = ctx.open;
    if (pipe === undefined) return NtStatus.InvalidDeviceRequest;
    const answer = pipe.transceive(input, maxOutputResponse);
    if (typeof answer === 'number') return answer;
    if (answer.more) ctx.status = NtStatus.BufferOverflow;
    return answer.bytes;
  },
};
