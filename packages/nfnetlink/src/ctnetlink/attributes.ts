import {
  type Attrs,
  type AttrTable,
  attr,
  attrs,
  be16,
  be32,
  be64,
  binary,
  bytes,
  inline,
  named,
  ne32,
  nest,
  nulString,
  struct,
  u8,
} from '@ring3/wire';
import { IpProtocol } from '../protocol.ts';

/** IPCTNL_MSG_CT_*, uapi/linux/netfilter/nfnetlink_conntrack.h: the commands of subsystem 1. */
export const ConntrackCommand = {
  New: 0,
  Get: 1,
  Delete: 2,
  GetCtrZero: 3,
  GetStatsCpu: 4,
  GetStats: 5,
  GetDying: 6,
  GetUnconfirmed: 7,
} as const;

/** CTA_IP_*: addresses of one direction, as raw bytes. */
export const TupleIp = attrs('CTA_IP', {
  v4Source: attr(1, bytes(4)), // CTA_IP_V4_SRC
  v4Destination: attr(2, bytes(4)), // CTA_IP_V4_DST
  v6Source: attr(3, bytes(16)), // CTA_IP_V6_SRC
  v6Destination: attr(4, bytes(16)), // CTA_IP_V6_DST
});

/** CTA_PROTO_*: the protocol's part of a tuple. */
export const TupleProto = attrs('CTA_PROTO', {
  number: attr(1, named(u8, IpProtocol)), // CTA_PROTO_NUM
  sourcePort: attr(2, be16), // CTA_PROTO_SRC_PORT
  destinationPort: attr(3, be16), // CTA_PROTO_DST_PORT
  icmpId: attr(4, be16), // CTA_PROTO_ICMP_ID
  icmpType: attr(5, u8), // CTA_PROTO_ICMP_TYPE
  icmpCode: attr(6, u8), // CTA_PROTO_ICMP_CODE
  icmpv6Id: attr(7, be16), // CTA_PROTO_ICMPV6_ID
  icmpv6Type: attr(8, u8), // CTA_PROTO_ICMPV6_TYPE
  icmpv6Code: attr(9, u8), // CTA_PROTO_ICMPV6_CODE
});

/** CTA_TUPLE_*: one direction of a flow. */
export const TupleAttributes = attrs('CTA_TUPLE', {
  ip: nest(1, TupleIp), // CTA_TUPLE_IP
  proto: nest(2, TupleProto), // CTA_TUPLE_PROTO
  zone: attr(3, be16), // CTA_TUPLE_ZONE
});

/** `struct nf_ct_tcp_flags`, uapi/linux/netfilter/nf_conntrack_tcp.h: flags and their mask. */
export const TcpFlagsAndMask = struct('nf_ct_tcp_flags', { flags: u8, mask: u8 });

/** CTA_PROTOINFO_TCP_*. */
export const TcpInformation = attrs('CTA_PROTOINFO_TCP', {
  state: attr(1, u8), // CTA_PROTOINFO_TCP_STATE, `enum tcp_conntrack`
  scaleOriginal: attr(2, u8), // CTA_PROTOINFO_TCP_WSCALE_ORIGINAL
  scaleReply: attr(3, u8), // CTA_PROTOINFO_TCP_WSCALE_REPLY
  flagsOriginal: attr(4, inline(TcpFlagsAndMask)), // CTA_PROTOINFO_TCP_FLAGS_ORIGINAL
  flagsReply: attr(5, inline(TcpFlagsAndMask)), // CTA_PROTOINFO_TCP_FLAGS_REPLY
});

/** CTA_PROTOINFO_DCCP_*; kernels before 6.17. */
export const DccpInformation = attrs('CTA_PROTOINFO_DCCP', {
  state: attr(1, u8), // CTA_PROTOINFO_DCCP_STATE
  role: attr(2, u8), // CTA_PROTOINFO_DCCP_ROLE
  handshakeSequence: attr(3, be64), // CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ
});

/** CTA_PROTOINFO_SCTP_*. */
export const SctpInformation = attrs('CTA_PROTOINFO_SCTP', {
  state: attr(1, u8), // CTA_PROTOINFO_SCTP_STATE, `enum sctp_conntrack`
  tagOriginal: attr(2, be32), // CTA_PROTOINFO_SCTP_VTAG_ORIGINAL
  tagReply: attr(3, be32), // CTA_PROTOINFO_SCTP_VTAG_REPLY
});

/** CTA_PROTOINFO_*. */
export const ProtocolInformation = attrs('CTA_PROTOINFO', {
  tcp: nest(1, TcpInformation), // CTA_PROTOINFO_TCP
  dccp: nest(2, DccpInformation), // CTA_PROTOINFO_DCCP
  sctp: nest(3, SctpInformation), // CTA_PROTOINFO_SCTP
});

/** CTA_COUNTERS_*: counters of one direction. */
export const CounterAttributes = attrs('CTA_COUNTERS', {
  packets: attr(1, be64), // CTA_COUNTERS_PACKETS
  bytes: attr(2, be64), // CTA_COUNTERS_BYTES: of IP packets
});

/** CTA_TIMESTAMP_*: nanoseconds since 1970. */
export const TimestampAttributes = attrs('CTA_TIMESTAMP', {
  start: attr(1, be64), // CTA_TIMESTAMP_START
  stop: attr(2, be64), // CTA_TIMESTAMP_STOP
});

/** CTA_HELP_*. */
export const HelpAttributes = attrs('CTA_HELP', {
  name: nulString(1, 15), // CTA_HELP_NAME
  info: binary(2), // CTA_HELP_INFO: private data
});

/** CTA_SEQADJ_*: adjustment of one direction. */
export const SequenceAdjustment = attrs('CTA_SEQADJ', {
  correctionPosition: attr(1, be32), // CTA_SEQADJ_CORRECTION_POS
  offsetBefore: attr(2, be32), // CTA_SEQADJ_OFFSET_BEFORE
  offsetAfter: attr(3, be32), // CTA_SEQADJ_OFFSET_AFTER
});

/** CTA_SYNPROXY_*. */
export const SynproxyAttributes = attrs('CTA_SYNPROXY', {
  initialSequence: attr(1, be32), // CTA_SYNPROXY_ISN
  initialTimestamp: attr(2, be32), // CTA_SYNPROXY_ITS
  timestampOffset: attr(3, be32), // CTA_SYNPROXY_TSOFF
});

/** CTA_FILTER_*: the parts of the tuples that filter a dump, bits of `FilterBit`. */
export const FilterAttributes = attrs('CTA_FILTER', {
  originalFlags: attr(1, ne32), // CTA_FILTER_ORIG_FLAGS
  replyFlags: attr(2, ne32), // CTA_FILTER_REPLY_FLAGS
});

/** CTA_PROTONAT_*: ports, or ids of ICMP, to translate to. */
export const NatPorts = attrs('CTA_PROTONAT', {
  first: attr(1, be16), // CTA_PROTONAT_PORT_MIN
  last: attr(2, be16), // CTA_PROTONAT_PORT_MAX
});

/** CTA_NAT_*: addresses and ports to translate to. */
export const NatAttributes = attrs('CTA_NAT', {
  v4First: attr(1, bytes(4)), // CTA_NAT_V4_MINIP
  v4Last: attr(2, bytes(4)), // CTA_NAT_V4_MAXIP
  ports: nest(3, NatPorts), // CTA_NAT_PROTO
  v6First: attr(4, bytes(16)), // CTA_NAT_V6_MINIP
  v6Last: attr(5, bytes(16)), // CTA_NAT_V6_MAXIP
});

/** CTA_*, nfnetlink_conntrack.h `enum ctattr_type`. */
const rows = {
  tupleOrig: nest(1, TupleAttributes), // CTA_TUPLE_ORIG
  tupleReply: nest(2, TupleAttributes), // CTA_TUPLE_REPLY
  status: attr(3, be32), // CTA_STATUS: IPS_* bits
  protoinfo: nest(4, ProtocolInformation), // CTA_PROTOINFO
  help: nest(5, HelpAttributes), // CTA_HELP
  natSrc: nest(6, NatAttributes), // CTA_NAT_SRC
  timeout: attr(7, be32), // CTA_TIMEOUT: remaining seconds
  mark: attr(8, be32), // CTA_MARK
  countersOrig: nest(9, CounterAttributes), // CTA_COUNTERS_ORIG
  countersReply: nest(10, CounterAttributes), // CTA_COUNTERS_REPLY
  use: attr(11, be32), // CTA_USE
  id: attr(12, be32), // CTA_ID
  natDst: nest(13, NatAttributes), // CTA_NAT_DST
  tupleMaster: nest(14, TupleAttributes), // CTA_TUPLE_MASTER
  seqAdjOrig: nest(15, SequenceAdjustment), // CTA_SEQ_ADJ_ORIG
  seqAdjReply: nest(16, SequenceAdjustment), // CTA_SEQ_ADJ_REPLY
  zone: attr(18, be16), // CTA_ZONE
  timestamp: nest(20, TimestampAttributes), // CTA_TIMESTAMP
  markMask: attr(21, be32), // CTA_MARK_MASK
  labels: binary(22, 16), // CTA_LABELS
  labelsMask: binary(23, 16), // CTA_LABELS_MASK
  synproxy: nest(24, SynproxyAttributes), // CTA_SYNPROXY
  filter: nest(25, FilterAttributes), // CTA_FILTER
  statusMask: attr(26, be32), // CTA_STATUS_MASK
  timestampEvent: attr(27, be64), // CTA_TIMESTAMP_EVENT: nanoseconds since 1970, in events
} as const;

/** The rows in another order; rows that are not named follow last. */
function inOrder<A extends AttrTable>(name: string, table: A, first: readonly (keyof A & string)[]): Attrs<A> {
  const names = [...first, ...Object.keys(table).filter((field) => !first.includes(field))];
  return attrs(name, Object.fromEntries(names.map((field) => [field, table[field]])) as unknown as A);
}

/** CTA_* in the order of the kernel's responses. */
export const ConntrackMessage = inOrder('CTA', rows, [
  'tupleOrig',
  'tupleReply',
  'zone',
  'status',
  'mark',
  'labels',
  'id',
  'use',
  'tupleMaster',
  'timeout',
  'protoinfo',
  'countersOrig',
  'countersReply',
  'timestamp',
  'help',
  'seqAdjOrig',
  'seqAdjReply',
]);

/** CTA_* in the order of NEW and UPDATE events. */
export const ConntrackEvent = inOrder('CTA', rows, [
  'tupleOrig',
  'tupleReply',
  'zone',
  'id',
  'status',
  'timeout',
  'protoinfo',
  'help',
  'tupleMaster',
  'labels',
  'seqAdjOrig',
  'seqAdjReply',
  'synproxy',
  'mark',
  'timestampEvent',
]);

/** CTA_* in the order of DESTROY events. */
export const ConntrackDestroyEvent = inOrder('CTA', rows, [
  'tupleOrig',
  'tupleReply',
  'zone',
  'id',
  'status',
  'timeout',
  'countersOrig',
  'countersReply',
  'timestamp',
  'protoinfo',
  'mark',
  'timestampEvent',
]);

/** CTA_STATS_GLOBAL_*. */
export const ConntrackStats = attrs('CTA_STATS_GLOBAL', {
  entries: attr(1, be32), // CTA_STATS_GLOBAL_ENTRIES
  maxEntries: attr(2, be32), // CTA_STATS_GLOBAL_MAX_ENTRIES
});

/** CTA_STATS_*: counters of one processor, whose number is `res_id`. */
export const ConntrackStatsCpu = attrs('CTA_STATS', {
  found: attr(2, be32), // CTA_STATS_FOUND
  invalid: attr(4, be32), // CTA_STATS_INVALID
  insert: attr(8, be32), // CTA_STATS_INSERT
  insertFailed: attr(9, be32), // CTA_STATS_INSERT_FAILED
  drop: attr(10, be32), // CTA_STATS_DROP
  earlyDrop: attr(11, be32), // CTA_STATS_EARLY_DROP
  error: attr(12, be32), // CTA_STATS_ERROR
  searchRestart: attr(13, be32), // CTA_STATS_SEARCH_RESTART
  clashResolve: attr(14, be32), // CTA_STATS_CLASH_RESOLVE
  chainTooLong: attr(15, be32), // CTA_STATS_CHAIN_TOOLONG
});
