import { constant, message, reserved, struct, type TypeOf, u16 } from '@ring3/wire';

/** SMB2 ECHO Request, MS-SMB2 2.2.28. */
export const EchoRequest = message(
  'EchoRequest',
  struct('EchoRequest.fixed', { structureSize: constant(u16, 4), reserved: reserved(u16) }),
  {},
  { before: 64 },
);
export type EchoRequest = TypeOf<typeof EchoRequest>;

/** SMB2 ECHO Response, MS-SMB2 2.2.29. */
export const EchoResponse = message(
  'EchoResponse',
  struct('EchoResponse.fixed', { structureSize: constant(u16, 4), reserved: reserved(u16) }),
  {},
  { before: 64 },
);
export type EchoResponse = TypeOf<typeof EchoResponse>;
