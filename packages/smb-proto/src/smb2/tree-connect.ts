import { constant, flags, message, named, reserved, struct, type TypeOf, u8, u16, u32, utf16 } from '@ring3/wire';

/** TREE_CONNECT Request Flags, MS-SMB2 2.2.9 (3.1.1 only). */
export const TreeConnectFlags = { ClusterReconnect: 1, RedirectToOwner: 2, ExtensionPresent: 4 } as const;
/** ShareType, MS-SMB2 2.2.10. */
export const ShareType = { Disk: 1, Pipe: 2, Print: 3 } as const;
/** ShareFlags, MS-SMB2 2.2.10. */
export const ShareFlags = {
  ManualCaching: 0x00000000,
  Dfs: 0x00000001,
  DfsRoot: 0x00000002,
  AutoCaching: 0x00000010,
  VdoCaching: 0x00000020,
  NoCaching: 0x00000030,
  RestrictExclusiveOpens: 0x00000100,
  ForceSharedDelete: 0x00000200,
  AllowNamespaceCaching: 0x00000400,
  AccessBasedDirectoryEnum: 0x00000800,
  ForceLevelIiOplock: 0x00001000,
  EnableHashV1: 0x00002000,
  EnableHashV2: 0x00004000,
  EncryptData: 0x00008000,
  IdentityRemoting: 0x00040000,
  CompressData: 0x00100000,
  IsolatedTransport: 0x00200000,
} as const;
/** Capabilities of a share, MS-SMB2 2.2.10. */
export const ShareCapabilities = { Dfs: 0x08, ContinuousAvailability: 0x10, Scaleout: 0x20, Cluster: 0x40, Asymmetric: 0x80 } as const;

/** SMB2 TREE_CONNECT Request, MS-SMB2 2.2.9. Offsets count from the SMB2 header. */
export const TreeConnectRequest = message(
  'TreeConnectRequest',
  struct('TreeConnectRequest.fixed', {
    structureSize: constant(u16, 9),
    flags: flags(u16, TreeConnectFlags),
    pathOffset: u16,
    pathLength: u16,
  }),
  { path: utf16('pathOffset', 'pathLength') },
  { before: 64 },
);
export type TreeConnectRequest = TypeOf<typeof TreeConnectRequest>;

/** SMB2 TREE_CONNECT Response, MS-SMB2 2.2.10. */
export const TreeConnectResponse = message(
  'TreeConnectResponse',
  struct('TreeConnectResponse.fixed', {
    structureSize: constant(u16, 16),
    shareType: named(u8, ShareType),
    reserved: reserved(u8),
    shareFlags: flags(u32, ShareFlags),
    capabilities: flags(u32, ShareCapabilities),
    maximalAccess: u32,
  }),
  {},
  { before: 64 },
);
export type TreeConnectResponse = TypeOf<typeof TreeConnectResponse>;
