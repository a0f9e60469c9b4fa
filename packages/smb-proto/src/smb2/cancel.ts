import { constant, message, reserved, struct, type TypeOf, u16 } from '@ring3/wire';

/** SMB2 CANCEL Request, MS-SMB2 2.2.30. */
export const CancelRequest = message(
  'CancelRequest',
  struct('CancelRequest.fixed', { structureSize: constant(u16, 4), reserved: reserved(u16) }),
  {},
  { before: 64 },
);
export type CancelRequest = TypeOf<typeof CancelRequest>;
