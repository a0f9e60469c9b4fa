/** The decision of a protocol's tracker about a packet of a flow. */
export const Action = {
  /** Valid: the packet is counted and the flow's timer is set. */
  Count: 1,
  /** The packet keeps the flow's class and changes neither counters nor timer. */
  Ignore: 2,
  Invalid: 3,
  /** The packet is counted and ends the flow at once. */
  Remove: 4,
  /** The flow has ended; the packet starts a new flow with the same tuple. */
  Restart: 5,
} as const;
export type Action = (typeof Action)[keyof typeof Action];

/** Events of a flow: `enum ip_conntrack_events` as bits. */
export const EventBit = {
  New: 1 << 0,
  Related: 1 << 1,
  Destroy: 1 << 2,
  Reply: 1 << 3,
  Assured: 1 << 4,
  ProtoInfo: 1 << 5,
  Helper: 1 << 6,
  Mark: 1 << 7,
  SeqAdj: 1 << 8,
  SecMark: 1 << 9,
  Label: 1 << 10,
  SynProxy: 1 << 11,
} as const;
