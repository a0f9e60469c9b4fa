import { buffer, constant, flags, id53, message, named, payload, reserved, struct, type TypeOf, u8, u16, u32 } from '@ring3/wire';

/** InfoType, MS-SMB2 2.2.37 and 2.2.39. */
export const InfoType = { File: 1, FileSystem: 2, Security: 3, Quota: 4 } as const;
/** Flags of QUERY_INFO for extended attributes, MS-SMB2 2.2.37. */
export const QueryInfoFlags = { RestartScan: 1, ReturnSingleEntry: 2, IndexSpecified: 4 } as const;

/** SMB2 QUERY_INFO Request, MS-SMB2 2.2.37. */
export const QueryInfoRequest = message(
  'QueryInfoRequest',
  struct('QueryInfoRequest.fixed', {
    structureSize: constant(u16, 41),
    infoType: named(u8, InfoType),
    fileInfoClass: u8,
    outputBufferLength: u32,
    inputBufferOffset: u16,
    reserved: reserved(u16),
    inputBufferLength: u32,
    /** For security: the requested parts of the descriptor; for EAs: an index. */
    additionalInformation: u32,
    flags: flags(u32, QueryInfoFlags),
    persistentFileId: id53,
    volatileFileId: id53,
  }),
  { input: buffer('inputBufferOffset', 'inputBufferLength') },
  { before: 64 },
);
export type QueryInfoRequest = TypeOf<typeof QueryInfoRequest>;

/** SMB2 QUERY_INFO Response, MS-SMB2 2.2.38. */
export const QueryInfoResponse = message(
  'QueryInfoResponse',
  struct('QueryInfoResponse.fixed', { structureSize: constant(u16, 9), outputBufferOffset: u16, outputBufferLength: u32 }),
  { buffer: payload('outputBufferOffset', 'outputBufferLength') },
  { before: 64 },
);
export type QueryInfoResponse = TypeOf<typeof QueryInfoResponse>;
