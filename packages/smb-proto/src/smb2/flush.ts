import { constant, id53, message, reserved, struct, type TypeOf, u16, u32 } from '@ring3/wire';

/** SMB2 FLUSH Request, MS-SMB2 2.2.17. */
export const FlushRequest = message(
  'FlushRequest',
  struct('FlushRequest.fixed', {
    structureSize: constant(u16, 24),
    reserved1: reserved(u16),
    reserved2: reserved(u32),
    persistentFileId: id53,
    volatileFileId: id53,
  }),
  {},
  { before: 64 },
);
export type FlushRequest = TypeOf<typeof FlushRequest>;

/** SMB2 FLUSH Response, MS-SMB2 2.2.18. */
export const FlushResponse = message(
  'FlushResponse',
  struct('FlushResponse.fixed', { structureSize: constant(u16, 4), reserved: reserved(u16) }),
  {},
  { before: 64 },
);
export type FlushResponse = TypeOf<typeof FlushResponse>;
