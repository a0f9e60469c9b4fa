import { attr, attrs, binary, Frame, flags, named, ne16, ne32, nest, nulString, struct, type TypeOf } from '@ring3/wire';

/** Control messages, uapi/linux/netlink.h NLMSG_*. Numbers from `MinType` on belong to the protocol. */
export const MessageType = { Noop: 1, Error: 2, Done: 3, Overrun: 4, MinType: 0x10 } as const;

/** NLM_F_* of every message, uapi/linux/netlink.h. */
export const MessageFlags = {
  Request: 0x1,
  Multi: 0x2,
  Ack: 0x4,
  Echo: 0x8,
  DumpInterrupted: 0x10,
  DumpFiltered: 0x20,
} as const;

/** NLM_F_* of a request for data. */
export const GetFlags = { Root: 0x100, Match: 0x200, Atomic: 0x400, Dump: 0x300 } as const;

/** NLM_F_* of a request that creates an object. */
export const NewFlags = { Replace: 0x100, Excl: 0x200, Create: 0x400, Append: 0x800 } as const;

/** NLM_F_* of an acknowledgement. */
export const AckFlags = { Capped: 0x100, AckTlvs: 0x200 } as const;

/** `struct nlmsghdr`, uapi/linux/netlink.h: 16 bytes in the host's byte order. */
export const MessageHeader = struct('nlmsghdr', {
  length: ne32, // NLMSG_LENGTH: this header and its payload, without trailing padding
  type: ne16,
  flags: flags(ne16, MessageFlags),
  sequence: ne32,
  portId: ne32,
});
export type MessageHeader = TypeOf<typeof MessageHeader>;

/** NLMSG_HDRLEN. */
export const headerLength = 16;
/** NLMSG_ALIGN: messages in a datagram start at multiples of four bytes. */
export const align = (length: number): number => (length + 3) & ~3;

/** The attribute types of a policy, uapi/linux/netlink.h `enum netlink_attribute_type`. */
export const PolicyType = {
  Flag: 1,
  U8: 2,
  U16: 3,
  U32: 4,
  U64: 5,
  Binary: 10,
  String: 11,
  NulString: 12,
  Nested: 13,
} as const;

/** NL_POLICY_TYPE_ATTR_*, uapi/linux/netlink.h: the policy that the attribute violated. Rows in wire order. */
export const PolicyDescription = attrs('NL_POLICY_TYPE_ATTR', {
  minimum: binary(4, 8), // MIN_VALUE_U, u64 of the host
  maximum: binary(5, 8), // MAX_VALUE_U
  maximumLength: attr(7, ne32), // MAX_LENGTH
  type: attr(1, named(ne32, PolicyType)), // TYPE
});

/** NLMSGERR_ATTR_*, uapi/linux/netlink.h: the extended part of an acknowledgement. */
export const ExtendedAck = attrs('NLMSGERR_ATTR', {
  message: nulString(1, 4096), // MSG
  offset: attr(2, ne32), // OFFS: offset of the invalid attribute from the start of the request
  cookie: binary(3, 20), // COOKIE
  policy: nest(4, PolicyDescription), // POLICY
  missingType: attr(5, ne32), // MISS_TYPE
  missingNest: attr(6, ne32), // MISS_NEST
});
export type ExtendedAck = TypeOf<typeof ExtendedAck>;

/** One message inside a datagram. */
export interface Message {
  readonly header: MessageHeader;
  readonly frame: Frame;
  /** The position of the header in the frame. */
  readonly at: number;
}

/**
 * Visits the messages of a datagram in order, and stops at the first invalid header: less than 16 bytes left, a length below 16 or beyond the end.
 * @returns the number of bytes after the last message
 */
export function eachMessage(frame: Frame, visit: (header: MessageHeader, at: number) => void): number {
  let at = 0;
  const end = frame.bytes.length;
  while (end - at >= headerLength) {
    const header = MessageHeader.read(frame, at);
    if (header.length < headerLength || header.length > end - at) break;
    visit(header, at);
    at += Math.min(align(header.length), end - at);
  }
  return end - at;
}

/** The messages of a datagram as a list. */
export function messages(datagram: Uint8Array): Message[] {
  const frame = new Frame(datagram);
  const found: Message[] = [];
  eachMessage(frame, (header, at) => found.push({ header, frame, at }));
  return found;
}
