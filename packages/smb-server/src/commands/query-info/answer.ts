import { NtStatus } from '@ring3/smb-proto';
import { Frame, type Message, type Struct } from '@ring3/wire';
import type { Request } from '../../request/request.ts';

// biome-ignore lint/suspicious/noExplicitAny: declarations of any fields
type Declaration = Struct<any> | Message<any, any>;

/** A value in the encoding of its declaration. */
export function encodeInformation(declaration: object, value: object): Uint8Array {
  const of = declaration as Declaration;
  if (of.kind === 'message') return of.encode(value as never).head;
  const frame = Frame.alloc(of.byteLength);
  of.write(frame, 0, value as never);
  return frame.bytes;
}

/** Minimum size of the buffer: the fixed part, and of a name its first letter, rounded up as structures in memory are. */
export function least(declaration: object): number {
  const of = declaration as Declaration;
  return of.kind === 'message' ? (of.fixed.byteLength + 2 + 7) & ~7 : of.byteLength;
}

/**
 * Cuts a response to the buffer of the client, MS-SMB2 3.3.5.20.1: too little space for the fixed part is a mismatch; a variable part may
 * be cut off, with a warning.
 */
export function fitted(request: Request, bytes: Uint8Array, fixed: number, room: number): { buffer: Uint8Array[] } | NtStatus {
  if (room < fixed) return NtStatus.InfoLengthMismatch;
  if (bytes.length <= room) return { buffer: [bytes] };
  request.status = NtStatus.BufferOverflow;
  return { buffer: [bytes.subarray(0, room)] };
}
