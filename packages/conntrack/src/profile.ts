/** The kernel version whose behaviour a namespace follows. */
export type ProfileName = 'current' | 'v5-dccp' | 'v4.8';

/** The differences between kernel versions, one flag each. */
export interface Profile {
  readonly name: ProfileName;
  /** DCCP has its own timeouts. */
  readonly dccp: boolean;
  /** Timeout policies: whether a protocol is known also depends on the address family. */
  readonly protocolPerFamily: boolean;
  /** Timeout policies: an unknown protocol is rejected before the name is looked up. */
  readonly protocolBeforeName: boolean;
  /** Setting default timeouts requires the address family. */
  readonly defaultSetNeedsFamily: boolean;
  /** Responses with default timeouts contain the protocol's own address family rather than that of the request. */
  readonly defaultGetOwnFamily: boolean;
  /** Helpers: an update may replace the number and names of the classes, and must not contain the length of private data. */
  readonly looseHelperUpdate: boolean;
  /** Packets of flows whose helper was deleted are dropped. */
  readonly dropOrphans: boolean;
  /** IPCTNL_MSG_CT_GET_UNCONFIRMED lists the flows of waiting packets; since Linux 5.19 it lists nothing. */
  readonly listsUnconfirmed: boolean;
}

/** The profiles by name. `current`: today's kernels; `v5-dccp`: kernels before DCCP tracking was removed; `v4.8`: the oldest. */
export const profiles: Readonly<Record<ProfileName, Profile>> = {
  current: {
    name: 'current',
    dccp: false,
    protocolPerFamily: false,
    protocolBeforeName: false,
    defaultSetNeedsFamily: false,
    defaultGetOwnFamily: false,
    looseHelperUpdate: false,
    dropOrphans: false,
    listsUnconfirmed: false,
  },
  'v5-dccp': {
    name: 'v5-dccp',
    dccp: true,
    protocolPerFamily: false,
    protocolBeforeName: false,
    defaultSetNeedsFamily: true,
    defaultGetOwnFamily: false,
    looseHelperUpdate: false,
    dropOrphans: false,
    listsUnconfirmed: false,
  },
  'v4.8': {
    name: 'v4.8',
    dccp: true,
    protocolPerFamily: true,
    protocolBeforeName: true,
    defaultSetNeedsFamily: true,
    defaultGetOwnFamily: true,
    looseHelperUpdate: true,
    dropOrphans: true,
    listsUnconfirmed: true,
  },
};
