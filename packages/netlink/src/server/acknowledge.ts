import { encode, Frame } from '@ring3/wire';
import { AckFlags, align, ExtendedAck, headerLength, MessageFlags, MessageHeader, MessageType } from '../message.ts';

/** The extended part of an acknowledgement; omitted if the port did not request it. */
export interface AckDetails {
  readonly message?: string | undefined;
  /** Offset from the start of the request. */
  readonly offset?: number | undefined;
  /** The content of NLMSGERR_ATTR_POLICY. */
  readonly policy?: Uint8Array | undefined;
}

const NLMSGERR_ATTR_POLICY = 4;
const NLA_F_NESTED = 0x8000;

function extended(details: AckDetails): Uint8Array {
  return encode(
    ExtendedAck,
    {
      message: details.message,
      offset: details.offset,
      unknown: details.policy === undefined ? undefined : [{ type: NLMSGERR_ATTR_POLICY | NLA_F_NESTED, bytes: details.policy }],
    },
    (length) => Frame.alloc(length),
  );
}

/**
 * NLMSG_ERROR: `struct nlmsgerr` with the request echoed. A success echoes only the request's header, an error the whole request, padded, unless
 * the port has NETLINK_CAP_ACK. uapi/linux/netlink.h.
 * @param request the datagram that holds the request, at `at`
 * @param errno 0 or positive
 * @param portId the requester's
 */
export function acknowledge(
  request: Frame,
  at: number,
  header: MessageHeader,
  errno: number,
  portId: number,
  capped: boolean,
  details: AckDetails | undefined,
): Uint8Array {
  const headOnly = errno === 0 || capped;
  const echoed = headOnly ? headerLength : align(header.length);
  const tlvs = details === undefined ? undefined : extended(details);
  const length = headerLength + 4 + echoed + (tlvs?.length ?? 0);
  const frame = Frame.alloc(length);
  const flags = (headOnly ? AckFlags.Capped : 0) | (tlvs === undefined ? 0 : AckFlags.AckTlvs);
  MessageHeader.write(frame, 0, { length, type: MessageType.Error, flags, sequence: header.sequence, portId });
  const body = headerLength + 4;
  frame.bytes.set(request.bytes.subarray(at, at + (headOnly ? headerLength : header.length)), body);
  writeErrno(frame, errno);
  if (tlvs !== undefined) frame.bytes.set(tlvs, body + echoed);
  return frame.bytes;
}

/** NLMSG_DONE, the end of a dump: 20 bytes with the status. @param errno 0 or positive */
export function done(sequence: number, portId: number, errno: number, flags = 0): Uint8Array {
  const frame = Frame.alloc(headerLength + 4);
  MessageHeader.write(frame, 0, {
    length: frame.bytes.length,
    type: MessageType.Done,
    flags: MessageFlags.Multi | flags,
    sequence,
    portId,
  });
  writeErrno(frame, errno);
  return frame.bytes;
}

/** The `int error` after a header: negative errno in the host's order. */
function writeErrno(frame: Frame, errno: number): void {
  new Int32Array(frame.bytes.buffer, frame.bytes.byteOffset + headerLength, 1)[0] = -errno;
}
