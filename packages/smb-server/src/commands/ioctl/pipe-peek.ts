import { NtStatus, PipePeekHead } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import type { IoctlRow } from './row.ts';

/** FILE_PIPE_CONNECTED_STATE, MS-FSCC 2.3. */
const connected = 3;

/** FSCTL_PIPE_PEEK, MS-SMB2 3.3.5.15.3: returns what can be read, without removing it from the pipe. */
export const pipePeek: IoctlRow = {
  needs: 'open',
  handle(ctx, { maxOutputResponse }) {
    const { pipe } = ctx.open;
    if (pipe === undefined) return NtStatus.InvalidDeviceRequest;
    if (maxOutputResponse < PipePeekHead.byteLength) return ctx.tooSmall(PipePeekHead.byteLength);
    const { waiting } = pipe;
    const [first = new Uint8Array(0)] = waiting;
    const data = first.subarray(0, maxOutputResponse - PipePeekHead.byteLength);
    const frame = Frame.alloc(PipePeekHead.byteLength + data.length);
    PipePeekHead.write(frame, 0, {
      namedPipeState: connected,
      readDataAvailable: waiting.reduce((sum, { length }) => sum + length, 0),
      numberOfMessages: waiting.length,
      messageLength: first.length,
    });
    frame.bytes.set(data, PipePeekHead.byteLength);
    if (data.length < first.length) ctx.status = NtStatus.BufferOverflow;
    return frame.bytes;
  },
};
