import { constant, message, reserved, struct, type TypeOf, u16 } from '@ring3/wire';

/** SMB2 TREE_DISCONNECT Request, MS-SMB2 2.2.11. */
export const TreeDisconnectRequest = message(
  'TreeDisconnectRequest',
  struct('TreeDisconnectRequest.fixed', { structureSize: constant(u16, 4), reserved: reserved(u16) }),
  {},
  { before: 64 },
);
export type TreeDisconnectRequest = TypeOf<typeof TreeDisconnectRequest>;

/** SMB2 TREE_DISCONNECT Response, MS-SMB2 2.2.12. */
export const TreeDisconnectResponse = message(
  'TreeDisconnectResponse',
  struct('TreeDisconnectResponse.fixed', { structureSize: constant(u16, 4), reserved: reserved(u16) }),
  {},
  { before: 64 },
);
export type TreeDisconnectResponse = TypeOf<typeof TreeDisconnectResponse>;
