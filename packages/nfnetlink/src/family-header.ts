import { be16, struct, type TypeOf, u8 } from '@ring3/wire';

/** `struct nfgenmsg`, uapi/linux/netfilter/nfnetlink.h: 4 bytes after the netlink header. */
export const FamilyHeader = struct('nfgenmsg', {
  family: u8, // nfgen_family: AF_INET, AF_INET6, …
  version: u8, // NFNETLINK_V0
  resourceId: be16, // res_id
});
export type FamilyHeader = TypeOf<typeof FamilyHeader>;
