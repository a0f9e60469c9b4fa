import { constant, message, reserved, struct, type TypeOf, u16 } from '@ring3/wire';

/** SMB2 LOGOFF Request, MS-SMB2 2.2.7. */
export const LogoffRequest = message(
  'LogoffRequest',
  struct('LogoffRequest.fixed', { structureSize: constant(u16, 4), reserved: reserved(u16) }),
  {},
  { before: 64 },
);
export type LogoffRequest = TypeOf<typeof LogoffRequest>;

/** SMB2 LOGOFF Response, MS-SMB2 2.2.8. */
export const LogoffResponse = message(
  'LogoffResponse',
  struct('LogoffResponse.fixed', { structureSize: constant(u16, 4), reserved: reserved(u16) }),
  {},
  { before: 64 },
);
export type LogoffResponse = TypeOf<typeof LogoffResponse>;
