import { attr, attrs, be16, be32, nest, nulString } from '@ring3/wire';
import { TupleAttributes } from '../ctnetlink/attributes.ts';

/** IPCTNL_MSG_EXP_*, uapi/linux/netfilter/nfnetlink_conntrack.h: the commands of subsystem 2. */
export const ExpectCommand = { New: 0, Get: 1, Delete: 2, GetStatsCpu: 3 } as const;

/** CTA_EXPECT_NAT_*. */
export const ExpectNat = attrs('CTA_EXPECT_NAT', {
  direction: attr(1, be32), // CTA_EXPECT_NAT_DIR
  tuple: nest(2, TupleAttributes), // CTA_EXPECT_NAT_TUPLE
});

/** CTA_EXPECT_*, nfnetlink_conntrack.h `enum ctattr_expect`, in the order of the kernel's responses. */
export const ExpectMessage = attrs('CTA_EXPECT', {
  tuple: nest(2, TupleAttributes), // CTA_EXPECT_TUPLE
  mask: nest(3, TupleAttributes), // CTA_EXPECT_MASK
  master: nest(1, TupleAttributes), // CTA_EXPECT_MASTER
  nat: nest(10, ExpectNat), // CTA_EXPECT_NAT
  timeout: attr(4, be32), // CTA_EXPECT_TIMEOUT: remaining seconds
  id: attr(5, be32), // CTA_EXPECT_ID
  flags: { ...attr(8, be32), kind: 'fixed' }, // CTA_EXPECT_FLAGS: NF_CT_EXPECT_* bits
  classIndex: attr(9, be32), // CTA_EXPECT_CLASS
  helpName: nulString(6, 15), // CTA_EXPECT_HELP_NAME
  zone: attr(7, be16), // CTA_EXPECT_ZONE
  callback: nulString(11, 0xffff), // CTA_EXPECT_FN
});

/** CTA_STATS_EXP_*: counters of one processor, whose number is `res_id`. */
export const ExpectStatsCpu = attrs('CTA_STATS_EXP', {
  added: attr(1, be32), // CTA_STATS_EXP_NEW
  created: attr(2, be32), // CTA_STATS_EXP_CREATE
  deleted: attr(3, be32), // CTA_STATS_EXP_DELETE
});
