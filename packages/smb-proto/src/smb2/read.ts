import { buffer, constant, flags, id53, message, optional, payload, reserved, struct, type TypeOf, u8, u16, u32 } from '@ring3/wire';

/** READ Request Flags, MS-SMB2 2.2.19. */
export const ReadFlags = { ReadUnbuffered: 1, RequestCompressed: 2 } as const;

/** SMB2 READ Request, MS-SMB2 2.2.19. An `offset` of all ones reads as -1; at or above 2^53 it is rounded and stays there. */
export const ReadRequest = message(
  'ReadRequest',
  struct('ReadRequest.fixed', {
    structureSize: constant(u16, 49),
    padding: optional(u8, 0),
    flags: flags(u8, ReadFlags),
    length: u32,
    offset: id53,
    persistentFileId: id53,
    volatileFileId: id53,
    minimumCount: u32,
    channel: u32,
    remainingBytes: u32,
    readChannelInfoOffset: u16,
    readChannelInfoLength: u16,
  }),
  { readChannelInfo: buffer('readChannelInfoOffset', 'readChannelInfoLength', { zeroWhenEmpty: true }) },
  { before: 64 },
);
export type ReadRequest = TypeOf<typeof ReadRequest>;

/** SMB2 READ Response, MS-SMB2 2.2.20. */
export const ReadResponse = message(
  'ReadResponse',
  struct('ReadResponse.fixed', {
    structureSize: constant(u16, 17),
    dataOffset: u8,
    reserved: reserved(u8),
    dataLength: u32,
    dataRemaining: u32,
    reserved2: reserved(u32),
  }),
  { data: payload('dataOffset', 'dataLength') },
  { before: 64 },
);
export type ReadResponse = TypeOf<typeof ReadResponse>;
