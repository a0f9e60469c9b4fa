import { Protocol, type Timeouts, type TimeoutTables } from './engine.ts';
import type { Profile } from './profile.ts';

/** Protocols with timeouts but without a tracker: DCCP in older kernels, and the generic protocol. */
export const TimeoutProtocol = { ...Protocol, Dccp: 33, Generic: 255 } as const;

/**
 * The timeouts of a new namespace in seconds, in the order of the attributes (uapi nfnetlink_cttimeout.h); the last of SCTP is no longer
 * used.
 */
const seconds = {
  icmp: [30],
  tcp: [120, 60, 432_000, 120, 60, 30, 120, 10, 120, 300, 300],
  udp: [30, 120],
  dccp: [240, 480, 480, 43_200, 64, 64, 240],
  gre: [30, 180],
  icmpv6: [30],
  sctp: [10, 3, 3, 210, 3, 3, 3, 30, 0],
  generic: [600],
} as const;

/** Converts seconds to ticks. Ticks are 32-bit numbers: larger values wrap. @param hz ticks per second */
export const ticksOf = (value: number, hz: number): number => (value * hz) % 4294967296;
/** Whole seconds of ticks. */
export const secondsOf = (ticks: number, hz: number): number => Math.floor(ticks / hz);

/** The default timeouts of a namespace, in ticks. They are edited in place. */
export class DefaultTimeouts implements TimeoutTables {
  readonly icmp: Timeouts;
  readonly tcp: Timeouts;
  readonly udp: Timeouts;
  readonly dccp: Timeouts;
  readonly gre: Timeouts;
  readonly icmpv6: Timeouts;
  readonly sctp: Timeouts;
  readonly generic: Timeouts;

  constructor(hz: number) {
    const ticks = (values: readonly number[]): Timeouts => Uint32Array.from(values, (value) => ticksOf(value, hz));
    this.icmp = ticks(seconds.icmp);
    this.tcp = ticks(seconds.tcp);
    this.udp = ticks(seconds.udp);
    this.dccp = ticks(seconds.dccp);
    this.gre = ticks(seconds.gre);
    this.icmpv6 = ticks(seconds.icmpv6);
    this.sctp = ticks(seconds.sctp);
    this.generic = ticks(seconds.generic);
  }

  /**
   * The table of a protocol, by the rules of a profile. UDP and UDP-Lite share one.
   * @param l4 IP protocol number; 255: all without a tracker
   * @returns undefined if the protocol has no configurable timeouts
   */
  table(l3num: number, l4: number, profile: Profile): Timeouts | undefined {
    if (profile.protocolPerFamily && l4 !== TimeoutProtocol.Generic && !familyProtocols[l3num]?.has(l4)) return undefined;
    switch (l4) {
      case TimeoutProtocol.Icmp:
        return this.icmp;
      case TimeoutProtocol.Tcp:
        return this.tcp;
      case TimeoutProtocol.Udp:
      case TimeoutProtocol.UdpLite:
        return this.udp;
      case TimeoutProtocol.Dccp:
        return profile.dccp ? this.dccp : undefined;
      case TimeoutProtocol.Gre:
        return this.gre;
      case TimeoutProtocol.Icmpv6:
        return this.icmpv6;
      case TimeoutProtocol.Sctp:
        return this.sctp;
      case TimeoutProtocol.Generic:
        return this.generic;
      default:
        return undefined;
    }
  }
}

/** The protocols of each address family (AF_INET 2, AF_INET6 10), for profiles in which protocols belong to families. */
const familyProtocols: Readonly<Record<number, ReadonlySet<number> | undefined>> = {
  2: new Set([1, 6, 17, 33, 47, 132, 136]),
  10: new Set([6, 17, 33, 58, 132, 136]),
};
