import { Dialect, ErrorContext, ErrorId, ErrorResponse, Header, HeaderFlags, headerLength, NtStatus } from '@ring3/smb-proto';
import type { ResponseCodec } from '../request/command.ts';
import type { Request } from '../request/request.ts';

/** Bytes for one vectored write, and the callbacks to run when they are sent. */
export interface Outgoing {
  readonly chunks: readonly Uint8Array[];
  readonly sent?: (() => void) | undefined;
}

/** Bytes in front of each element: space for the framing of the first. */
export const headroom = 4;

/** One element of a response: its header and body, with headroom in front, and the bulk part that follows. */
export interface Reply {
  readonly request: Request;
  /** Headroom, header, body. */
  bytes: Uint8Array;
  view: DataView;
  rest: readonly Uint8Array[];
  /** Bytes of header, body and bulk. */
  length: number;
  readonly status: number;
}

const { offset } = Header;
const bulkNames = new WeakMap<object, string | undefined>();

function bulkOf<T>(codec: ResponseCodec<T>, value: T): readonly Uint8Array[] {
  let name = bulkNames.get(codec);
  if (name === undefined && !bulkNames.has(codec)) {
    name = Object.entries(codec.parts).find(([, { bulk }]) => bulk)?.[0];
    bulkNames.set(codec, name);
  }
  return name === undefined ? [] : ((value as Record<string, unknown>)[name] as readonly Uint8Array[]);
}

/** The response header: the bytes of the request header, with the changed fields written over them. MS-SMB2 3.3.4.1. */
function writeHeader(view: DataView, bytes: Uint8Array, request: Request, status: number): void {
  const { header, frame, at } = request;
  bytes.set(frame.bytes.subarray(at, at + headerLength), headroom);
  bytes.fill(0, headroom + offset.signature, headroom + headerLength);
  const keep = header.flags & (HeaderFlags.RelatedOperations | HeaderFlags.PriorityMask);
  let flags = keep | HeaderFlags.ServerToRedir;
  view.setUint32(headroom + offset.status, status, true);
  view.setUint16(headroom + offset.credits, 0, true);
  view.setUint32(headroom + offset.nextCommand, 0, true);
  if (request.interim) {
    flags |= HeaderFlags.AsyncCommand;
    view.setUint32(headroom + offset.processId, request.asyncId, true);
    view.setUint32(headroom + offset.treeId, Math.floor(request.asyncId / 4294967296), true);
  } else if (request.tree !== undefined) {
    view.setUint32(headroom + offset.treeId, request.tree.treeId, true);
  }
  // The key of an ended session is released; clients that require signing do not verify this status, but expect the flag.
  if (status === NtStatus.UserSessionDeleted && request.signed) flags |= HeaderFlags.Signed;
  view.setUint32(headroom + offset.flags, flags, true);
  if (request.session !== undefined) {
    const { sessionId } = request.session;
    view.setUint32(headroom + offset.sessionId, sessionId >>> 0, true);
    view.setUint32(headroom + offset.sessionId + 4, Math.floor(sessionId / 4294967296), true);
  }
}

/** A bulk part up to this size is copied after its header: one plain write costs less than a vectored one. Bytes. */
const joinedBulk = 16 * 1024;
const none: readonly Uint8Array[] = [];

/** A response with a body. */
export function bodyReply<T>(request: Request, codec: ResponseCodec<T>, value: T): Reply {
  const size = codec.size(value);
  let rest = bulkOf(codec, value);
  let bulk = 0;
  for (const chunk of rest) bulk += chunk.length;
  const joins = bulk <= joinedBulk;
  const frame = request.connection.responses.alloc(headroom + size + (joins ? bulk : 0));
  codec.write(frame, headroom, value);
  if (joins && bulk > 0) {
    let at = headroom + size;
    for (const chunk of rest) {
      frame.bytes.set(chunk, at);
      at += chunk.length;
    }
    request.sent?.();
    request.sent = undefined;
  }
  if (joins) rest = none;
  writeHeader(frame.view, frame.bytes, request, request.status);
  return { request, bytes: frame.bytes, view: frame.view, rest, length: size + bulk, status: request.status };
}

const noData = new Uint8Array(0);

/** A response without one: SMB2 ERROR Response, MS-SMB2 2.2.2. At 3.1.1 its data is in an error context, 2.2.2.1. */
export function statusReply(request: Request, status: number): Reply {
  const data = request.errorData;
  const inContext = data !== undefined && request.connection.negotiated.dialect === Dialect.Smb311;
  const errorData = inContext ? ErrorContext.encode({ errorId: ErrorId.Default, errorContextData: data }).head : (data ?? noData);
  const value = { errorData, errorContextCount: inContext ? 1 : 0 };
  const frame = request.connection.responses.alloc(headroom + ErrorResponse.size(value));
  ErrorResponse.write(frame, headroom, value);
  writeHeader(frame.view, frame.bytes, request, status);
  return { request, bytes: frame.bytes, view: frame.view, rest: [], length: frame.bytes.length - headroom, status };
}

/** The interim response, MS-SMB2 3.3.4.2. */
export const interimReply = (request: Request): Reply => statusReply(request, NtStatus.Pending);
