import { constant, message, optional, part, raw, reserved, struct, type TypeOf, u8, u16, u32 } from '@ring3/wire';

/** SMB2 ERROR Response, MS-SMB2 2.2.2. At 3.1.1 the data is `errorContextCount` error contexts. */
export const ErrorResponse = message(
  'ErrorResponse',
  struct('ErrorResponse.fixed', {
    structureSize: constant(u16, 9),
    errorContextCount: optional(u8, 0),
    reserved: reserved(u8),
    byteCount: u32,
  }),
  { errorData: part({ length: 'byteCount' }, raw) },
  { before: 64 },
);
export type ErrorResponse = TypeOf<typeof ErrorResponse>;

/** ErrorId of an error context, MS-SMB2 2.2.2.1. */
export const ErrorId = { Default: 0, ShareRedirect: 0x72645253 } as const;

/** SMB2 ERROR Context Response, MS-SMB2 2.2.2.1. */
export const ErrorContext = message('ErrorContext', struct('ErrorContext.fixed', { errorDataLength: u32, errorId: u32 }), {
  errorContextData: part({ length: 'errorDataLength' }, raw),
});
export type ErrorContext = TypeOf<typeof ErrorContext>;

/** Symbolic Link Error Response, MS-SMB2 2.2.2.2.1, for STATUS_STOPPED_ON_SYMLINK. Offsets of the names count from the end of the fixed part. */
export const SymbolicLinkErrorResponse = message(
  'SymbolicLinkErrorResponse',
  struct('SymbolicLinkErrorResponse.fixed', {
    symLinkLength: u32,
    symLinkErrorTag: constant(u32, 0x4c4d5953),
    reparseTag: constant(u32, 0xa000000c),
    reparseDataLength: u16,
    unparsedPathLength: u16,
    substituteNameOffset: u16,
    substituteNameLength: u16,
    printNameOffset: u16,
    printNameLength: u16,
    flags: u32,
  }),
  { pathBuffer: part({}, raw) },
);
export type SymbolicLinkErrorResponse = TypeOf<typeof SymbolicLinkErrorResponse>;
