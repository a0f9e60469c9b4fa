/**
 * The namespace's settings of the tracker: `net.netfilter.nf_conntrack_*` without the prefix, as numbers (0 and 1 for switches).
 * Documentation/networking/nf_conntrack-sysctl.
 */
export interface Settings {
  /** Count packets and bytes of new flows. */
  acct: number;
  /** Verify checksums of tracked packets; a packet with a wrong one is INVALID. */
  checksum: number;
  /** Emit events: 0 none, 1 for all flows, 2 for flows that begin while a program listens. */
  events: number;
  /** Maximum number of expectations. */
  expectMax: number;
  /** Reassembly: milliseconds until an incomplete set is dropped. */
  fragTimeoutMs: number;
  /** Reassembly: maximum distance of an IPv4 set's fragments among all fragments of its source (net.ipv4.ipfrag_max_dist); 0: none. */
  fragMaxDistance: number;
  /** Reassembly: maximum of held bytes. */
  fragHighThreshold: number;
  /** Maximum number of flows; if it is reached, a new flow evicts one by early drop, or its packet is dropped. */
  max: number;
  tcpBeLiberal: number;
  tcpIgnoreInvalidRst: number;
  /** Pick up connections whose opening was not seen. */
  tcpLoose: number;
  tcpMaxRetrans: number;
  /** Record when new flows started. */
  timestamp: number;
  /**
   * Verify the IPv4 header checksum; a packet with a wrong one is dropped before the tracker. Not a sysctl: captures of offloading hosts
   * need it off.
   */
  ipChecksum: number;
  /** Track packets that a capture truncated, by their available bytes. Not a sysctl. */
  snapped: number;
}

/**
 * The settings of a new namespace: the kernel's defaults, except `max` and `expectMax`, which the kernel derives from the machine's memory.
 */
export const defaultSettings = (): Settings => ({
  acct: 0,
  checksum: 1,
  events: 2,
  expectMax: 4096,
  fragMaxDistance: 64,
  fragTimeoutMs: 30_000,
  fragHighThreshold: 4 << 20,
  max: 262_144,
  tcpBeLiberal: 0,
  tcpIgnoreInvalidRst: 0,
  tcpLoose: 1,
  tcpMaxRetrans: 3,
  timestamp: 0,
  ipChecksum: 1,
  snapped: 0,
});
