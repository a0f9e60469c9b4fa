import { constant, flags, id53, message, reserved, struct, type TypeOf, u16, u32, u64 } from '@ring3/wire';

/** CLOSE Flags, MS-SMB2 2.2.15. */
export const CloseFlags = { PostqueryAttrib: 1 } as const;

/** SMB2 CLOSE Request, MS-SMB2 2.2.15. */
export const CloseRequest = message(
  'CloseRequest',
  struct('CloseRequest.fixed', {
    structureSize: constant(u16, 24),
    flags: flags(u16, CloseFlags),
    reserved: reserved(u32),
    persistentFileId: id53,
    volatileFileId: id53,
  }),
  {},
  { before: 64 },
);
export type CloseRequest = TypeOf<typeof CloseRequest>;

/** SMB2 CLOSE Response, MS-SMB2 2.2.16. Times are FILETIMEs; all zero unless requested. */
export const CloseResponse = message(
  'CloseResponse',
  struct('CloseResponse.fixed', {
    structureSize: constant(u16, 60),
    flags: flags(u16, CloseFlags),
    reserved: reserved(u32),
    creationTime: u64,
    lastAccessTime: u64,
    lastWriteTime: u64,
    changeTime: u64,
    allocationSize: u64,
    endOfFile: u64,
    fileAttributes: u32,
  }),
  {},
  { before: 64 },
);
export type CloseResponse = TypeOf<typeof CloseResponse>;
