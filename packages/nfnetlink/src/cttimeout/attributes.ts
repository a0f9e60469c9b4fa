import { type Attrs, type AttrTable, attr, attrs, be16, be32, named, nest, nulString, u8 } from '@ring3/wire';
import { IpProtocol } from '../protocol.ts';

/** IPCTNL_MSG_TIMEOUT_*, uapi/linux/netfilter/nfnetlink_cttimeout.h: the commands of subsystem 8. */
export const TimeoutCommand = { New: 0, Get: 1, Delete: 2, DefaultSet: 3, DefaultGet: 4 } as const;

/** CTNL_TIMEOUT_NAME_MAX without the NUL. */
export const timeoutNameMax = 31;

const seconds = (type: number) => attr(type, be32);

/** CTA_TIMEOUT_TCP_*, nfnetlink_cttimeout.h `enum ctattr_timeout_tcp`. Seconds. */
export const TcpTimeouts = attrs('CTA_TIMEOUT_TCP', {
  synSent: seconds(1),
  synRecv: seconds(2),
  established: seconds(3),
  finWait: seconds(4),
  closeWait: seconds(5),
  lastAck: seconds(6),
  timeWait: seconds(7),
  close: seconds(8),
  synSent2: seconds(9),
  retrans: seconds(10),
  unack: seconds(11),
});

/** CTA_TIMEOUT_UDP_*, also of UDP-Lite (`enum ctattr_timeout_udp`, `…_udplite`). */
export const UdpTimeouts = attrs('CTA_TIMEOUT_UDP', { unreplied: seconds(1), replied: seconds(2) });

/** CTA_TIMEOUT_GRE_* (`enum ctattr_timeout_gre`). */
export const GreTimeouts = attrs('CTA_TIMEOUT_GRE', { unreplied: seconds(1), replied: seconds(2) });

/** CTA_TIMEOUT_ICMP_* (`enum ctattr_timeout_icmp`). */
export const IcmpTimeouts = attrs('CTA_TIMEOUT_ICMP', { timeout: seconds(1) });

/** CTA_TIMEOUT_ICMPV6_* (`enum ctattr_timeout_icmpv6`). */
export const Icmpv6Timeouts = attrs('CTA_TIMEOUT_ICMPV6', { timeout: seconds(1) });

/** CTA_TIMEOUT_GENERIC_* (`enum ctattr_timeout_generic`). */
export const GenericTimeouts = attrs('CTA_TIMEOUT_GENERIC', { timeout: seconds(1) });

/** CTA_TIMEOUT_SCTP_* (`enum ctattr_timeout_sctp`). HEARTBEAT_ACKED is stored but not used by the kernel. */
export const SctpTimeouts = attrs('CTA_TIMEOUT_SCTP', {
  closed: seconds(1),
  cookieWait: seconds(2),
  cookieEchoed: seconds(3),
  established: seconds(4),
  shutdownSent: seconds(5),
  shutdownRecd: seconds(6),
  shutdownAckSent: seconds(7),
  heartbeatSent: seconds(8),
  heartbeatAcked: seconds(9),
});

/** CTA_TIMEOUT_DCCP_* (`enum ctattr_timeout_dccp`); kernels before 6.17. */
export const DccpTimeouts = attrs('CTA_TIMEOUT_DCCP', {
  request: seconds(1),
  respond: seconds(2),
  partopen: seconds(3),
  open: seconds(4),
  closereq: seconds(5),
  closing: seconds(6),
  timewait: seconds(7),
});

/** The timeouts of each protocol: the attributes in CTA_TIMEOUT_DATA. */
export const TimeoutTables = {
  [IpProtocol.Icmp]: IcmpTimeouts,
  [IpProtocol.Tcp]: TcpTimeouts,
  [IpProtocol.Udp]: UdpTimeouts,
  [IpProtocol.Dccp]: DccpTimeouts,
  [IpProtocol.Gre]: GreTimeouts,
  [IpProtocol.Icmpv6]: Icmpv6Timeouts,
  [IpProtocol.Sctp]: SctpTimeouts,
  [IpProtocol.UdpLite]: UdpTimeouts,
  [IpProtocol.Generic]: GenericTimeouts,
} as const;

/** The content of CTA_TIMEOUT_DATA if the protocol is not known: the attributes as received. */
export const AnyTimeouts = attrs('CTA_TIMEOUT_DATA', {});

const messageOf = <A extends AttrTable>(name: string, data: Attrs<A>) =>
  attrs(name, {
    name: nulString(1, timeoutNameMax), // CTA_TIMEOUT_NAME
    l3proto: attr(2, be16), // CTA_TIMEOUT_L3PROTO
    l4proto: attr(3, named(u8, IpProtocol)), // CTA_TIMEOUT_L4PROTO
    use: attr(5, be32), // CTA_TIMEOUT_USE, in responses
    data: nest(4, data), // CTA_TIMEOUT_DATA
  });

/** CTA_TIMEOUT_*, nfnetlink_cttimeout.h `enum ctattr_timeout`, in the order of the kernel's responses; the timeouts are not decoded. */
export const TimeoutMessage = messageOf('CTA_TIMEOUT', AnyTimeouts);

/** The same messages with the timeouts of one protocol in DATA. */
export const TimeoutMessages = Object.fromEntries(
  Object.entries(TimeoutTables).map(([l4, table]) => [Number(l4), messageOf('CTA_TIMEOUT', table as unknown as Attrs<AttrTable>)]),
) as unknown as Readonly<Record<number, Attrs<TimeoutMessageTable> | undefined>>;
/** The rows of a timeout message whose protocol is determined at run time. */
export type TimeoutMessageTable = Omit<(typeof TimeoutMessage)['table'], 'data'> & { readonly data: ReturnType<typeof nest<AttrTable>> };
