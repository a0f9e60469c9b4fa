/** What the tracker does with a packet, in the words of `ct state`. */
export const PacketClass = {
  /** No reply has been seen. */
  New: 1,
  Established: 2,
  /** An ICMP error about a flow, or the first packets of an expected flow. */
  Related: 3,
  /** Not tracked, counted nowhere. Forwarded: only rules drop it. */
  Invalid: 4,
  Untracked: 5,
  /** It never gets to the tracker: a broken IP header, or no room in the table. */
  Dropped: 6,
  /** A fragment that waits for the others. */
  Fragment: 7,
} as const;
export type PacketClass = (typeof PacketClass)[keyof typeof PacketClass];

/**
 * The headers of one packet, read into a reused object: no allocation. All numbers are signed 32-bit, so that they stay small integers;
 * `>>> 0` gives the unsigned value.
 */
export class Packet {
  /** The capture or frame that holds it. */
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Where its IP header starts. */
  at = 0;
  /** AF_INET or AF_INET6. */
  family = 0;
  /** The protocol behind all extension headers. */
  protocol = 0;
  /** Where the transport header starts, and how long header and payload are. */
  l4At = 0;
  l4Length = 0;
  /** Bytes that are there from `l4At`; fewer than `l4Length` only in captures that cut packets short. */
  l4There = 0;
  /** IP bytes, as counted. */
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
  /** Protocol, family and zone: the rest of the key. */
  meta = 0;
  /** Where the fragment header starts and the datagram's identification, when it is a fragment. */
  fragmentAt = 0;
  /** Hop limit or time to live. */
  hopLimit = 0;
  /** What `readPacket` answered. */
  read = 0;
  /** The key's hash, where it was worked out ahead. */
  hash = 0;
  hashed = false;
}
