/**
 * One flow: 192 bytes of the arena, three cache lines. The first holds the words that every packet reads, the second the counters,
 * the third the protocol's own words. Offsets are in 32-bit words; those of doubles are even and are halved for the view of doubles.
 */
export const FlowWords = 48;
export const FlowDoubles = FlowWords / 2;

// tuple of the original direction: source, destination (IPv6: their last words), ports, meta; then that of the reply
export const OrigTuple = 0;
export const ReplyTuple = 4;
export const TupleWords = 4;
/** Double: time of expiry in milliseconds. */
export const Expiry = 8 >> 1;
/** IPS_* bits, nf_conntrack_common.h. */
export const StatusWord = 10;
export const HashOrig = 11;
export const HashReply = 12;
/** Index of the policy's timeouts in the low half, of the helper in the high half; 0: not set. */
export const Attached = 13;
export const WheelNext = 14;
/** The flow before it, or −1 − bucket. */
export const WheelPrevious = 15;
/** Double: milliseconds when the flow ended. It uses the two words of the wheel, which the flow has left then. */
export const Ended = 14 >> 1;

/** Doubles: packets and bytes of the original direction, then of the reply. */
export const PacketsOrig = 16 >> 1;
export const BytesOrig = 18 >> 1;
export const PacketsReply = 20 >> 1;
export const BytesReply = 22 >> 1;
/** Double: time of creation in milliseconds. */
export const Created = 24 >> 1;
export const Mark = 26;
export const Id = 27;
/** `FlowFlag` bits in the high half, with the wheel's level in bits 28 and 29; the zone's number in the low. */
export const ZoneAndFlags = 28;
/** The master's index + 1; 0: no master. */
export const Master = 29;
/** Events that the flow emits: IPCT_* bits in the low half, IPEXP_* in the high. */
export const EventMask = 30;
/** The wheel's tick at which it is visited. */
export const WheelTick = 31;

/** Words 32 to 47: the protocol's own. The low four bits of `ProtocolState` are its state, in the order of the UAPI. */
export const ProtocolState = 45;
/** Number of its pending expectations, in the low half; the low half of its master's serial number in the high. */
export const Expectations = 46;
/** The flow's position in the order of creation. */
export const Serial = 47;

/** The tracker's internal flags of a flow, in addition to its status. */
export const FlowFlag = {
  /** In the arena and in use. */
  Used: 0x1_0000,
  /** Packets and bytes are counted. */
  Counted: 0x2_0000,
  /** Its time of creation is stored. */
  Stamped: 0x4_0000,
  /** The zone is part of the key of this direction. */
  ZoneOrig: 0x8_0000,
  ZoneReply: 0x10_0000,
  /** Created by a request, not by a packet. */
  ByHand: 0x20_0000,
  /** It has had a helper. */
  Helped: 0x40_0000,
} as const;

/** `enum ip_conntrack_status`, nf_conntrack_common.h. */
export const Status = {
  Expected: 0x1,
  SeenReply: 0x2,
  Assured: 0x4,
  Confirmed: 0x8,
  SrcNat: 0x10,
  DstNat: 0x20,
  SeqAdjust: 0x40,
  SrcNatDone: 0x80,
  DstNatDone: 0x100,
  Dying: 0x200,
  FixedTimeout: 0x400,
  Template: 0x800,
  NatClash: 0x1000,
  Helper: 0x2000,
  Offload: 0x4000,
  HwOffload: 0x8000,
} as const;
