/** Counters of a whole tracker, `conntrack -S`. */
export class Statistics {
  /** Tuples that were already in use when a tuple for a translated flow was searched. */
  found = 0;
  /** Packets that are not tracked, except ICMP errors. */
  invalid = 0;
  /** Flows that requests added; flows of packets are not counted. */
  insert = 0;
  /** Flows that were added by packets and requests; the kernel has no such counter. */
  entered = 0;
  /** Flows that were not added because one of their tuples was in use. */
  insertFailed = 0;
  /** Dropped packets: the table was full, or another flow had taken a tuple of their flow. */
  drop = 0;
  /** Flows that were evicted from a full table. */
  earlyDrop = 0;
  /** ICMP messages that are not tracked: wrong checksum, too short, or about no known flow. */
  error = 0;
  /** First packets that joined the flow of another waiting first packet. */
  clashResolve = 0;
  /** Flows that were expected. */
  expectNew = 0;
  expectCreate = 0;
  expectDelete = 0;
}
