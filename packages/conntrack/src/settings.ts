/** The namespace's settings of the tracker: `net.netfilter.nf_conntrack_*` without the prefix, as numbers (0 and 1 for switches). Documentation/networking/nf_conntrack-sysctl. */
export interface Settings {
  /** Count packets and bytes of new flows. */
  acct: number;
  /** Verify checksums of what is tracked; a wrong one is INVALID. */
  checksum: number;
  /** Make events: 0 none, 1 of all flows, 2 of flows that begin while somebody listens. */
  events: number;
  /** Expectations that may wait in all. */
  expectMax: number;
  /** Reassembly: milliseconds until an incomplete set is dropped. */
  fragTimeoutMs: number;
  /** Reassembly: bytes held in all. */
  fragHighThreshold: number;
  /** Flows; a new one beyond it makes room by early drop, or is refused. */
  max: number;
  tcpBeLiberal: number;
  tcpIgnoreInvalidRst: number;
  /** Pick up connections whose opening was not seen. */
  tcpLoose: number;
  tcpMaxRetrans: number;
  /** Record when new flows started. */
  timestamp: number;
  /** Verify the IPv4 header checksum; a wrong one never reaches the tracker. Not a sysctl: captures of offloading hosts need it off. */
  ipChecksum: number;
  /** Track packets that a capture cut short by what is there. Not a sysctl. */
  snapped: number;
}

/** A fresh namespace's settings, as the kernel's; `max` is that of a machine with much memory. */
export const defaultSettings = (): Settings => ({
  acct: 0,
  checksum: 1,
  events: 2,
  expectMax: 4096,
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
