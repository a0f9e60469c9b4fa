/** IP protocol numbers in netfilter's messages (IANA); 255 means every protocol without its own tracker. */
export const IpProtocol = {
  Icmp: 1,
  Tcp: 6,
  Udp: 17,
  Dccp: 33,
  Gre: 47,
  Icmpv6: 58,
  Sctp: 132,
  UdpLite: 136,
  Generic: 255,
} as const;
export type IpProtocol = (typeof IpProtocol)[keyof typeof IpProtocol];

/** AF_INET and AF_INET6, the families of L3PROTO attributes. */
export const AddressFamily = { Unspec: 0, Inet: 2, Inet6: 10 } as const;
