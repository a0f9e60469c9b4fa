import { constant, flags, id53, message, payload, struct, type TypeOf, u8, u16, u32, utf16 } from '@ring3/wire';

/** QUERY_DIRECTORY Flags, MS-SMB2 2.2.33. */
export const QueryDirectoryFlags = { RestartScans: 0x01, ReturnSingleEntry: 0x02, IndexSpecified: 0x04, Reopen: 0x10 } as const;

/** SMB2 QUERY_DIRECTORY Request, MS-SMB2 2.2.33. */
export const QueryDirectoryRequest = message(
  'QueryDirectoryRequest',
  struct('QueryDirectoryRequest.fixed', {
    structureSize: constant(u16, 33),
    fileInformationClass: u8,
    flags: flags(u8, QueryDirectoryFlags),
    fileIndex: u32,
    persistentFileId: id53,
    volatileFileId: id53,
    fileNameOffset: u16,
    fileNameLength: u16,
    outputBufferLength: u32,
  }),
  { fileName: utf16('fileNameOffset', 'fileNameLength') },
  { before: 64 },
);
export type QueryDirectoryRequest = TypeOf<typeof QueryDirectoryRequest>;

/** SMB2 QUERY_DIRECTORY Response, MS-SMB2 2.2.34. */
export const QueryDirectoryResponse = message(
  'QueryDirectoryResponse',
  struct('QueryDirectoryResponse.fixed', { structureSize: constant(u16, 9), outputBufferOffset: u16, outputBufferLength: u32 }),
  { buffer: payload('outputBufferOffset', 'outputBufferLength') },
  { before: 64 },
);
export type QueryDirectoryResponse = TypeOf<typeof QueryDirectoryResponse>;
