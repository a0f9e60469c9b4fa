/**
 * The seam between the tracker engine and the namespace that owns it: what the engine needs from outside, and nothing else.
 * A namespace implements `EngineContext`; the engine neither knows netlink nor who edits the tables.
 */

/** The timeouts of one protocol in ticks of the namespace; index = attribute type − 1 (`enum ctattr_timeout_*`, nfnetlink_cttimeout.h). */
export type Timeouts = Uint32Array;

/** The namespace's default timeouts, one table a protocol. UDP and UDP-Lite share one. They are edited in place; the engine reads them at each packet. */
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
 * A named timeout policy as the engine sees it. `timeouts` is edited in place by REPLACE, and read at each packet of the flows that carry it.
 * Rules hold it; flows do not count.
 */
export interface TimeoutPolicyRef {
  readonly name: string;
  /** AF_INET 2, AF_INET6 10; other values attach to nothing. */
  readonly l3num: number;
  readonly l4: number;
  readonly timeouts: Timeouts;
  /** One more user. @returns false when the policy is gone. */
  hold(): boolean;
  release(): void;
}

/** A conntrack helper as the engine sees it: what a rule gives to new flows. */
export interface HelperRef {
  readonly name: string;
  readonly l3num: number;
  readonly l4: number;
  /** Expectation classes, 1..4: how many may wait for one master, and how long. */
  readonly classes: readonly { readonly name: string; readonly max: number; readonly timeoutSeconds: number }[];
  /** Bytes of private data of each flow, 0..32. */
  readonly privateLength: number;
  /** Whether packets are handed to the queue. */
  readonly enabled: boolean;
  /** NFQUEUE number, 0..65535; -1: the helper runs in the process and no packet is queued. */
  readonly queue: number;
  hold(): boolean;
  release(): void;
  /** Looks into a packet of a flow that carries it, where the helper runs in the process. @returns false to drop it */
  inspect?(packet: HelperPacket): boolean;
  /** Tells that a flow has ended. @param owner the tracker @param serial the flow */
  forget?(owner: object, serial: number): void;
}

/** A packet as a helper in the process sees it. */
export interface HelperPacket {
  /** The tracker, and the flow's number in it: together they name the flow. */
  readonly owner: object;
  readonly serial: number;
  /** 0 original, 1 reply. */
  readonly direction: number;
  /** Whether a reply has been seen: class ESTABLISHED. */
  readonly established: boolean;
  /** What this direction carries. */
  readonly tuple: { readonly source: Uint8Array; readonly destination: Uint8Array };
  /** TCP's sequence number, signed; 0 for other protocols. */
  readonly sequence: number;
  /** Behind the transport header: a view. */
  readonly payload: Uint8Array;
  /** Expects a flow with any source port. */
  expect(wanted: {
    readonly source: Uint8Array;
    readonly destination: Uint8Array;
    readonly destinationPort: number;
    readonly classIndex: number;
  }): void;
}

/** Thirty-two random bits. */
export type Random32 = () => number;

/** What a namespace gives to its engine. */
export interface EngineContext {
  /** Ticks a second, 250 unless said. */
  readonly hz: number;
  readonly random32: Random32;
  readonly timeouts: TimeoutTables;
  /** Flows whose helper is gone are dropped, as old kernels did. */
  readonly profile: { readonly dropOrphans: boolean };
  findPolicy(name: string): TimeoutPolicyRef | undefined;
  findHelper(name: string, l3num: number, l4: number): HelperRef | undefined;
}

/** AF_INET and AF_INET6, socket.h. */
export const Family = { Ipv4: 2, Ipv6: 10 } as const;

/** IP protocol numbers that have a tracker of their own (IANA). */
export const Protocol = { Icmp: 1, Tcp: 6, Udp: 17, Gre: 47, Icmpv6: 58, Sctp: 132, UdpLite: 136 } as const;
