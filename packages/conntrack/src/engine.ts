/**
 * The interface between the tracker engine and the namespace that owns it.
 * A namespace implements `EngineContext`; the engine depends neither on netlink nor on the code that edits the tables.
 */

/** The timeouts of one protocol in ticks of the namespace; index = attribute type − 1 (`enum ctattr_timeout_*`, nfnetlink_cttimeout.h). */
export type Timeouts = Uint32Array;

/**
 * The namespace's default timeouts, one table per protocol; UDP and UDP-Lite share one. Edited in place; the engine reads them for each
 * packet.
 */
export interface TimeoutTables {
  /** 1: [timeout] */
  readonly icmp: Timeouts;
  /** 6: [synSent, synRecv, established, finWait, closeWait, lastAck, timeWait, close, synSent2, retrans, unack] */
  readonly tcp: Timeouts;
  /** 17 and 136: [unreplied, replied] */
  readonly udp: Timeouts;
  /** 47: [unreplied, replied] */
  readonly gre: Timeouts;
  /** 58: [timeout] */
  readonly icmpv6: Timeouts;
  /** 132: [closed, cookieWait, cookieEchoed, established, shutdownSent, shutdownRecd, shutdownAckSent, heartbeatSent, heartbeatAcked] */
  readonly sctp: Timeouts;
  /** every other protocol: [timeout] */
  readonly generic: Timeouts;
}

/**
 * A named timeout policy as the engine sees it. REPLACE edits `timeouts` in place; the engine reads it for each packet of the flows that
 * use it. Rules hold references to it; flows do not.
 */
export interface TimeoutPolicyRef {
  readonly name: string;
  /** AF_INET 2, AF_INET6 10; a policy with another value cannot be attached to a flow. */
  readonly l3num: number;
  readonly l4: number;
  readonly timeouts: Timeouts;
  /** Adds a reference. @returns false if the policy was deleted */
  hold(): boolean;
  release(): void;
}

/** A conntrack helper as the engine sees it. A rule assigns it to new flows. */
export interface HelperRef {
  readonly name: string;
  readonly l3num: number;
  readonly l4: number;
  /** One to four expectation classes: the maximum number of pending expectations per master, and their lifetime. */
  readonly classes: readonly { readonly name: string; readonly max: number; readonly timeoutSeconds: number }[];
  /** Bytes of private data of each flow, 0..32. */
  readonly privateLength: number;
  /** Whether packets are queued for a user-space program. */
  readonly enabled: boolean;
  /** NFQUEUE number, 0..65535; -1: the helper runs in the process and no packet is queued. */
  readonly queue: number;
  hold(): boolean;
  release(): void;
  /** Inspects a packet of a flow with this helper; defined if the helper runs in the process. @returns false to drop the packet */
  inspect?(packet: HelperPacket): boolean;
  /** Called when a flow has ended. @param owner the tracker @param serial the flow's number */
  forget?(owner: object, serial: number): void;
}

/** A packet as passed to a helper in the process. */
export interface HelperPacket {
  /** The tracker, and the flow's number in it: together they name the flow. */
  readonly owner: object;
  readonly serial: number;
  /** 0 original, 1 reply. */
  readonly direction: number;
  /** Whether a reply has been seen: class ESTABLISHED. */
  readonly established: boolean;
  /** Addresses and ports of this direction. */
  readonly tuple: { readonly source: Uint8Array; readonly destination: Uint8Array };
  /** TCP's sequence number, signed; 0 for other protocols. */
  readonly sequence: number;
  /** The bytes after the transport header: a view. */
  readonly payload: Uint8Array;
  /** Creates an expectation for a flow with any source port. */
  expect(wanted: {
    readonly source: Uint8Array;
    readonly destination: Uint8Array;
    readonly destinationPort: number;
    readonly classIndex: number;
  }): void;
}

/** Thirty-two random bits. */
export type Random32 = () => number;

/** The parts of a namespace that the engine uses. */
export interface EngineContext {
  /** Ticks per second; default 250. */
  readonly hz: number;
  readonly random32: Random32;
  readonly timeouts: TimeoutTables;
  /** Packets of flows whose helper was deleted are dropped, as by old kernels. */
  readonly profile: { readonly dropOrphans: boolean };
  findPolicy(name: string): TimeoutPolicyRef | undefined;
  findHelper(name: string, l3num: number, l4: number): HelperRef | undefined;
}

/** AF_INET and AF_INET6, socket.h. */
export const Family = { Ipv4: 2, Ipv6: 10 } as const;

/** IP protocol numbers (IANA) that have their own tracker. */
export const Protocol = { Icmp: 1, Tcp: 6, Udp: 17, Gre: 47, Icmpv6: 58, Sctp: 132, UdpLite: 136 } as const;
