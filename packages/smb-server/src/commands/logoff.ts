import { andThen } from '@ring3/kit';
import { LogoffRequest, LogoffResponse } from '@ring3/smb-proto';
import { endSession } from '../objects/close.ts';
import { command } from '../request/command.ts';

/** LOGOFF, MS-SMB2 3.3.5.6. */
export const logoff = command({
  needs: 'session',
  request: LogoffRequest,
  response: LogoffResponse,
  handle: (ctx) => andThen(endSession(ctx.session), () => ({})),
});
