import { buffer, constant, flags, id53, message, payload, reserved, struct, type TypeOf, u16, u32 } from '@ring3/wire';

/** WRITE Request Flags, MS-SMB2 2.2.21. */
export const WriteFlags = { WriteThrough: 1, WriteUnbuffered: 2 } as const;

/** SMB2 WRITE Request, MS-SMB2 2.2.21. An `offset` of all ones (append) reads as -1. The data are views of the frame. */
export const WriteRequest = message(
  'WriteRequest',
  struct('WriteRequest.fixed', {
    structureSize: constant(u16, 49),
    dataOffset: u16,
    length: u32,
    offset: id53,
    persistentFileId: id53,
    volatileFileId: id53,
    channel: u32,
    remainingBytes: u32,
    writeChannelInfoOffset: u16,
    writeChannelInfoLength: u16,
    flags: flags(u32, WriteFlags),
  }),
  {
    writeChannelInfo: buffer('writeChannelInfoOffset', 'writeChannelInfoLength', { zeroWhenEmpty: true }),
    data: payload('dataOffset', 'length'),
  },
  { before: 64 },
);
export type WriteRequest = TypeOf<typeof WriteRequest>;

/** SMB2 WRITE Response, MS-SMB2 2.2.22. */
export const WriteResponse = message(
  'WriteResponse',
  struct('WriteResponse.fixed', {
    structureSize: constant(u16, 17),
    reserved: reserved(u16),
    count: u32,
    remaining: reserved(u32),
    writeChannelInfoOffset: reserved(u16),
    writeChannelInfoLength: reserved(u16),
  }),
  {},
  { before: 64 },
);
export type WriteResponse = TypeOf<typeof WriteResponse>;
