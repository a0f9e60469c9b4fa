import { CancelRequest, EchoResponse } from '@ring3/smb-proto';
import { command } from '../request/command.ts';
import { noResponse } from '../values/no-response.ts';

/** CANCEL, MS-SMB2 3.3.5.16: it has no response, whether or not a request was cancelled. */
export const cancel = command({
  needs: 'none',
  request: CancelRequest,
  response: EchoResponse,
  handle(ctx) {
    ctx.connection.async.cancel(ctx.header);
    return noResponse;
  },
});
