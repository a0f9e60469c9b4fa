import { type CompressedMessage, type Compression, MessageCompressor, maxSegment, readCompressed } from '@ring3/smb-proto';
import type { Negotiated } from '../values/negotiated.ts';
import { headroom, type Reply } from './reply.ts';

/**
 * Reads the header of a compressed frame, MS-SMB2 3.3.5.2.1.2.
 * @param negotiated undefined before NEGOTIATE
 * @param largest the maximum of a frame before logon, which a plain message does not exceed either; undefined after logon
 * @returns the message, or why the connection must be closed
 */
export function openCompressed(
  bytes: Uint8Array,
  negotiated: Negotiated | undefined,
  largest: number | undefined,
): CompressedMessage | string {
  if (negotiated?.compression === undefined) return 'a compressed frame where no compression was agreed on';
  const { maxRead, maxWrite, maxTransact, compression } = negotiated;
  return readCompressed(bytes, compression, largest ?? maxSegment(Math.max(maxRead, maxWrite, maxTransact)));
}

/** Bytes of a READ response in front of its data, MS-SMB2 2.2.20. */
const readHead = 64 + 16;

/** Whether one of the responses is to be compressed, MS-SMB2 3.3.4.1.5. */
export const wantsCompression = (replies: readonly Reply[]): boolean => replies.some(({ request }) => request.compressReply);

/**
 * Begins to compress finished elements, MS-SMB2 3.1.4.4: signed already, and not encrypted yet. The beginning of the first element stays
 * plain.
 * @param take gives a buffer of at least so many bytes
 */
export function compressorOf(
  replies: readonly Reply[],
  compression: Compression,
  take: (length: number) => Uint8Array,
): { readonly coder: MessageCompressor; readonly target: Uint8Array } {
  const [head, data] = split(replies);
  const target = take(head.length + data.length);
  return { coder: new MessageCompressor(head, data, target, compression), target };
}

/** The message as two pieces: of a large READ response its header and its data, as they are. */
function split(replies: readonly Reply[]): readonly [Uint8Array, Uint8Array] {
  const [first] = replies as readonly [Reply];
  if (replies.length === 1 && first.rest.length === 1) return [first.bytes.subarray(headroom), first.rest[0] as Uint8Array];
  const only = replies.length === 1 && first.rest.length === 0;
  const whole = only
    ? first.bytes.subarray(headroom)
    : Buffer.concat(replies.flatMap(({ bytes, rest }) => [bytes.subarray(headroom), ...rest]));
  return [whole.subarray(0, readHead), whole.subarray(readHead)];
}
