import { constant, guid, items, message, optional, part, raw, reserved, struct, u8, u16, u32 } from '@ring3/wire';

/** PDU types, C706 12.6.4 and MS-RPCE 2.2.2. */
export const PduType = {
  Request: 0,
  Response: 2,
  Fault: 3,
  Bind: 11,
  BindAck: 12,
  BindNak: 13,
  AlterContext: 14,
  AlterContextResponse: 15,
  Orphaned: 19,
} as const;

/** PFC_* flags, C706 12.6.3.1. */
export const PduFlags = { FirstFragment: 0x01, LastFragment: 0x02, ObjectUuid: 0x80 } as const;

/** Fault and reject codes, C706 appendix E and MS-RPCE 2.2.2.x. */
export const RpcStatus = {
  OperationRange: 0x1c010002,
  UnknownInterface: 0x1c010003,
  ProtocolError: 0x1c01000b,
  ContextMismatch: 0x1c00001a,
  BadStubData: 0x000006f7,
} as const;

/** The common header of a connection-oriented PDU, C706 12.6.3.1. 16 bytes; the data representation is little-endian, ASCII, IEEE. */
export const PduHeader = struct('PduHeader', {
  version: constant(u8, 5),
  minorVersion: optional(u8, 0),
  type: u8,
  flags: u8,
  dataRepresentation: optional(u32, 0x00000010),
  fragmentLength: u16,
  authLength: optional(u16, 0),
  callId: u32,
});

/** A presentation syntax: interface and version, C706 12.6.3.1 p_syntax_id_t. */
export const Syntax = struct('Syntax', { uuid: guid, version: u32 });

/** One proposed context, C706 12.6.3.1 p_cont_elem_t. */
export const ContextElement = message(
  'ContextElement',
  struct('ContextElement.fixed', { contextId: u16, count: u8, reserved: reserved(u8), uuid: guid, version: u32 }),
  { transferSyntaxes: items({ count: 'count' }, Syntax) },
);

/** BIND and ALTER_CONTEXT, C706 12.6.4.3. */
export const Bind = message(
  'Bind',
  struct('Bind.fixed', {
    maxTransmit: u16,
    maxReceive: u16,
    associationGroup: u32,
    count: u8,
    reserved: reserved(u8),
    reserved2: reserved(u16),
  }),
  { contexts: items({ count: 'count' }, ContextElement) },
  { before: PduHeader.byteLength },
);

/** The result of one proposed context, C706 12.6.3.1 p_result_t. */
export const ContextResult = struct('ContextResult', { result: u16, reason: u16, uuid: guid, version: u32 });

const Results = message('Results', struct('Results.fixed', { count: u8, reserved: reserved(u8), reserved2: reserved(u16) }), {
  results: items({ count: 'count' }, ContextResult),
});

/** BIND_ACK and ALTER_CONTEXT_RESP, C706 12.6.4.4. The secondary address is text with its NUL. */
export const BindAck = message(
  'BindAck',
  struct('BindAck.fixed', { maxTransmit: u16, maxReceive: u16, associationGroup: u32, addressLength: u16 }),
  { address: part({ length: 'addressLength' }, raw), list: part({}, Results, { align: 4 }) },
  { before: PduHeader.byteLength },
);

/** BIND_NAK, C706 12.6.4.5: no version list. */
export const BindNak = struct('BindNak', { reason: u16, versions: optional(u8, 0) });

/** The part of a REQUEST before its stub data (an object UUID may follow), C706 12.6.4.9. */
export const RequestHead = struct('RequestHead', { allocationHint: u32, contextId: u16, operation: u16 });

/** The part of a RESPONSE before its stub data, C706 12.6.4.10. */
export const ResponseHead = struct('ResponseHead', {
  allocationHint: u32,
  contextId: u16,
  cancelCount: reserved(u8),
  reserved: reserved(u8),
});

/** FAULT, C706 12.6.4.7. */
export const Fault = struct('Fault', {
  allocationHint: u32,
  contextId: u16,
  cancelCount: reserved(u8),
  reserved: reserved(u8),
  status: u32,
  reserved2: reserved(u32),
});
