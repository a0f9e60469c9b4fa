/** Which kernel's rules a namespace follows where they differ. */
export type ProfileName = 'current' | 'v5-dccp' | 'v4.8';

/** What differs between the kernels, one switch a difference. */
export interface Profile {
  readonly name: ProfileName;
  /** DCCP has timeouts of its own. */
  readonly dccp: boolean;
  /** Timeout policies: whether a protocol is known depends on the address family too. */
  readonly protocolPerFamily: boolean;
  /** Timeout policies: an unknown protocol is refused before an existing policy of that name is looked at. */
  readonly protocolBeforeName: boolean;
  /** Setting default timeouts wants the address family. */
  readonly defaultSetNeedsFamily: boolean;
  /** Answers with default timeouts tell the protocol's own address family rather than the one that was asked for. */
  readonly defaultGetOwnFamily: boolean;
  /** Helpers: a change may replace number and names of the classes, and never names the length of private data. */
  readonly looseHelperUpdate: boolean;
  /** Flows whose helper is gone are dropped. */
  readonly dropOrphans: boolean;
}

/** The profiles by name. `current` is what kernels do today; `v5-dccp` stands for those before DCCP tracking was removed, `v4.8` for the oldest. */
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
  },
};
