import {
  type Attr,
  attr,
  attrs,
  be16,
  be32,
  binary,
  type Fields,
  inline,
  named,
  nest,
  type ReadOf,
  reserved,
  type Struct,
  struct,
  u8,
  unprinted,
  type WriteOf,
} from '@ring3/wire';
import { ConntrackMessage } from '../ctnetlink/attributes.ts';

/** NFQNL_MSG_*, uapi/linux/netfilter/nfnetlink_queue.h: the messages of subsystem 3. The queue's number is `res_id`. */
export const QueueCommand = { Packet: 0, Verdict: 1, Config: 2, VerdictBatch: 3 } as const;

/** NFQNL_CFG_CMD_*. */
export const QueueConfigCommand = { None: 0, Bind: 1, Unbind: 2, PfBind: 3, PfUnbind: 4 } as const;

/** NFQNL_COPY_*: how much of a packet is copied to the listener. */
export const QueueCopyMode = { None: 0, Meta: 1, Packet: 2 } as const;

/** NFQA_CFG_F_*. */
export const QueueFlags = { FailOpen: 1, Conntrack: 2, Gso: 4, UidGid: 8, SecurityContext: 16 } as const;

/** NF_*, uapi/linux/netfilter.h: the verdicts on a packet. */
export const Verdict = { Drop: 0, Accept: 1, Stolen: 2, Queue: 3, Repeat: 4, Stop: 5 } as const;

/** A structure of fixed size as an attribute, even if it is as long as an integer. */
const structure = <F extends Fields>(type: number, declared: Struct<F>): Attr<ReadOf<F>, WriteOf<F>> => ({
  ...(attr(type, inline(declared)) as unknown as Attr<ReadOf<F>, WriteOf<F>>),
  kind: 'fixed',
});

/** `struct nfqnl_msg_config_cmd`. */
export const QueueConfigCommandHeader = struct('nfqnl_msg_config_cmd', {
  command: named(u8, QueueConfigCommand),
  pad: reserved(u8),
  family: be16,
});
/** `struct nfqnl_msg_config_params`, packed. */
export const QueueParameters = struct('nfqnl_msg_config_params', { copyRange: be32, copyMode: named(u8, QueueCopyMode) });
/** `struct nfqnl_msg_packet_hdr`, packed. */
export const QueuePacketHeader = struct('nfqnl_msg_packet_hdr', { id: be32, protocol: be16, hook: u8 });
/** `struct nfqnl_msg_verdict_hdr`: the verdict in the low 8 bits, a queue's number in the upper 16. */
export const QueueVerdictHeader = struct('nfqnl_msg_verdict_hdr', { verdict: be32, id: be32 });

/** NFQA_CFG_*, nfnetlink_queue.h `enum nfqnl_attr_config`. */
export const QueueConfig = attrs('NFQA_CFG', {
  command: structure(1, QueueConfigCommandHeader), // NFQA_CFG_CMD
  parameters: structure(2, QueueParameters), // NFQA_CFG_PARAMS
  maxLength: attr(3, be32), // NFQA_CFG_QUEUE_MAXLEN: packets
  mask: attr(4, be32), // NFQA_CFG_MASK: the flags to change
  flags: attr(5, be32), // NFQA_CFG_FLAGS
});

/** NFQA_*, nfnetlink_queue.h `enum nfqnl_attr_type`, in the order of the kernel's packet messages. */
export const QueueMessage = attrs('NFQA', {
  packet: structure(1, QueuePacketHeader), // NFQA_PACKET_HDR
  verdict: structure(2, QueueVerdictHeader), // NFQA_VERDICT_HDR
  inputInterface: attr(5, be32), // NFQA_IFINDEX_INDEV
  outputInterface: attr(6, be32), // NFQA_IFINDEX_OUTDEV
  mark: attr(3, be32), // NFQA_MARK
  conntrack: nest(11, ConntrackMessage), // NFQA_CT
  conntrackInfo: attr(12, be32), // NFQA_CT_INFO: enum ip_conntrack_info
  capturedLength: attr(13, be32), // NFQA_CAP_LEN: length of the whole packet, if the payload is truncated
  payload: unprinted(binary(10)), // NFQA_PAYLOAD: from the IP header on
});
