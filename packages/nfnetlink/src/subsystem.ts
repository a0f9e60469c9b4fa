/** NFNL_SUBSYS_*, uapi/linux/netfilter/nfnetlink.h: the upper byte of `nlmsg_type`. */
export const Subsystem = {
  None: 0,
  Ctnetlink: 1,
  CtnetlinkExp: 2,
  Queue: 3,
  Ulog: 4,
  Osf: 5,
  Ipset: 6,
  Acct: 7,
  CtnetlinkTimeout: 8,
  Cthelper: 9,
  Nftables: 10,
  NftCompat: 11,
  Hook: 12,
} as const;
export type Subsystem = (typeof Subsystem)[keyof typeof Subsystem];

/** NFNLGRP_*, uapi/linux/netfilter/nfnetlink.h: multicast groups. */
export const Group = {
  ConntrackNew: 1,
  ConntrackUpdate: 2,
  ConntrackDestroy: 3,
  ConntrackExpNew: 4,
  ConntrackExpUpdate: 5,
  ConntrackExpDestroy: 6,
  Nftables: 7,
  AcctQuota: 8,
  Nftrace: 9,
} as const;

/** `nlmsg_type` of a command of a subsystem. */
export const messageType = (subsystem: number, command: number): number => (subsystem << 8) | command;
