import { EchoRequest, EchoResponse } from '@ring3/smb-proto';
import { command } from '../request/command.ts';

/** ECHO, MS-SMB2 3.3.5.17. */
export const echo = command({ needs: 'none', request: EchoRequest, response: EchoResponse, handle: () => ({}) });
