import { attr, attrs, be16, be32, named, nest, nulString, u8 } from '@ring3/wire';
import { IpProtocol } from '../protocol.ts';

/** NFNL_MSG_CTHELPER_*, uapi/linux/netfilter/nfnetlink_cthelper.h: the commands of subsystem 9. */
export const HelperCommand = { New: 0, Get: 1, Delete: 2 } as const;

/** NFCT_HELPER_STATUS_*. */
export const HelperStatusCode = { Disabled: 0, Enabled: 1 } as const;

/** NF_CT_HELPER_NAME_LEN without the NUL: names of helpers and of their classes. */
export const helperNameMax = 15;

/** NFCTH_TUPLE_*: the protocols of a helper. */
export const HelperTupleAttributes = attrs('NFCTH_TUPLE', {
  l3proto: attr(1, be16), // NFCTH_TUPLE_L3PROTONUM
  l4proto: attr(2, named(u8, IpProtocol)), // NFCTH_TUPLE_L4PROTONUM
});

/** NFCTH_POLICY_*: one class of expectations. */
export const HelperClassAttributes = attrs('NFCTH_POLICY', {
  name: nulString(1, helperNameMax), // NFCTH_POLICY_NAME
  expectMax: attr(2, be32), // NFCTH_POLICY_EXPECT_MAX
  expectTimeout: attr(3, be32), // NFCTH_POLICY_EXPECT_TIMEOUT, seconds
});

/** NFCTH_POLICY_SET_*: the classes of a helper, at most four. */
export const HelperPolicySet = attrs('NFCTH_POLICY_SET', {
  count: attr(1, be32), // NFCTH_POLICY_SET_NUM
  class1: nest(2, HelperClassAttributes), // NFCTH_POLICY_SET1
  class2: nest(3, HelperClassAttributes),
  class3: nest(4, HelperClassAttributes),
  class4: nest(5, HelperClassAttributes),
});
/** The fields of the classes, in order. */
export const helperClassFields = ['class1', 'class2', 'class3', 'class4'] as const;

/** NFCTH_*, nfnetlink_cthelper.h `enum nfnl_cthelper_type`, in the order of the kernel's responses. */
export const HelperMessage = attrs('NFCTH', {
  name: nulString(1, helperNameMax), // NFCTH_NAME
  queueNumber: attr(3, be32), // NFCTH_QUEUE_NUM
  tuple: nest(2, HelperTupleAttributes), // NFCTH_TUPLE
  policy: nest(4, HelperPolicySet), // NFCTH_POLICY
  privateLength: attr(5, be32), // NFCTH_PRIV_DATA_LEN
  status: attr(6, named(be32, HelperStatusCode)), // NFCTH_STATUS
});
