/** The class of a packet, named as in `ct state`. */
export const PacketClass = {
  /** No reply has been seen. */
  New: 1,
  Established: 2,
  /** An ICMP error about a flow, or the first packets of an expected flow. */
  Related: 3,
  /** Neither tracked nor counted. It is forwarded: only rules drop it. */
  Invalid: 4,
  Untracked: 5,
  /** Dropped before the tracker: an invalid IP header, or a full table. */
  Dropped: 6,
  /** A fragment of an incomplete datagram. */
  Fragment: 7,
} as const;
export type PacketClass = (typeof PacketClass)[keyof typeof PacketClass];

/**
 * The headers of one packet, read into a reused object: no allocation. All numbers are signed 32-bit, so that they stay small integers;
 * `>>> 0` gives the unsigned value.
 */
export class Packet {
  /** The capture or frame that contains it. */
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Offset of its IP header. */
  at = 0;
  /** AF_INET or AF_INET6. */
  family = 0;
  /** The protocol after all extension headers. */
  protocol = 0;
  /** Offset of the transport header, of the fragment header of an IPv6 fragment; length of header and payload. */
  l4At = 0;
  l4Length = 0;
  /** Available bytes from `l4At` on; fewer than `l4Length` only in captures with truncated packets. */
  l4There = 0;
  /** Counted IP bytes. */
  length = 0;
  /** Addresses; IPv4 in the first word. */
  source0 = 0;
  source1 = 0;
  source2 = 0;
  source3 = 0;
  destination0 = 0;
  destination1 = 0;
  destination2 = 0;
  destination3 = 0;
  /** The protocol's key: source and destination port, or id, type and code. */
  ports = 0;
  /** The rest of the key: protocol, family and zone. */
  meta = 0;
  /** Offset of the fragment header if it is a fragment. */
  fragmentAt = 0;
  /** Hop limit or TTL. */
  hopLimit = 0;
  /** The result of `readPacket`. */
  read = 0;
  /** The key's hash, if it was computed in advance. */
  hash = 0;
  hashed = false;
}
