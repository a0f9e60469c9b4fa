import { IpProtocol } from '@ring3/nfnetlink';

/** The names of protocols in `conntrack`; others are `unknown`. */
export const protocolNames: Readonly<Record<number, string>> = {
  [IpProtocol.Icmp]: 'icmp',
  [IpProtocol.Tcp]: 'tcp',
  [IpProtocol.Udp]: 'udp',
  [IpProtocol.Dccp]: 'dccp',
  [IpProtocol.Gre]: 'gre',
  [IpProtocol.Icmpv6]: 'icmpv6',
  [IpProtocol.Sctp]: 'sctp',
  [IpProtocol.UdpLite]: 'udplite',
};

/** The names of states, by protocol; the index is the number on the wire: `enum tcp_conntrack`, `sctp_conntrack`, `ct_dccp_states`. */
export const stateNames = {
  tcp: ['NONE', 'SYN_SENT', 'SYN_RECV', 'ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK', 'TIME_WAIT', 'CLOSE', 'SYN_SENT2'],
  sctp: [
    'NONE',
    'CLOSED',
    'COOKIE_WAIT',
    'COOKIE_ECHOED',
    'ESTABLISHED',
    'SHUTDOWN_SENT',
    'SHUTDOWN_RECD',
    'SHUTDOWN_ACK_SENT',
    'HEARTBEAT_SENT',
    'HEARTBEAT_ACKED',
  ],
  dccp: ['NONE', 'REQUEST', 'RESPOND', 'PARTOPEN', 'OPEN', 'CLOSEREQ', 'CLOSING', 'TIMEWAIT', 'IGNORE', 'INVALID'],
} as const;

/** IPS_* bits, nf_conntrack_common.h `enum ip_conntrack_status`. */
export const StatusBit = {
  Expected: 1 << 0,
  SeenReply: 1 << 1,
  Assured: 1 << 2,
  Confirmed: 1 << 3,
  SrcNat: 1 << 4,
  DstNat: 1 << 5,
  SeqAdjust: 1 << 6,
  SrcNatDone: 1 << 7,
  DstNatDone: 1 << 8,
  Dying: 1 << 9,
  FixedTimeout: 1 << 10,
  Template: 1 << 11,
  NatClash: 1 << 12,
  Helper: 1 << 13,
  Offload: 1 << 14,
  HwOffload: 1 << 15,
} as const;

/** `SEEN_REPLY` of `SeenReply`. */
export const statusWord = (name: string): string => name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();
