/** Counters of a whole tracker, `conntrack -S`. */
export class Statistics {
  /** Tuples that were found taken when another one was wanted for a flow; only address translation looks for one. */
  found = 0;
  /** Packets that are not tracked, ICMP's errors aside. */
  invalid = 0;
  /** Flows that requests put into the table; those of packets are not counted. */
  insert = 0;
  /** Flows that entered the table, whoever began them; the kernel does not count them. */
  entered = 0;
  /** Flows that did not, because one of their tuples was taken. */
  insertFailed = 0;
  /** Packets that were dropped: the table was full, or another flow had taken a tuple of their flow meanwhile. */
  drop = 0;
  /** Flows given up for others in a full table. */
  earlyDrop = 0;
  /** ICMP messages that are not tracked: wrong checksum, too short, or about no known flow. */
  error = 0;
  /** First packets that joined the flow of another first packet. */
  clashResolve = 0;
  /** Flows that were expected. */
  expectNew = 0;
  expectCreate = 0;
  expectDelete = 0;
}
