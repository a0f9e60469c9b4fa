/** Counters of a whole tracker, `conntrack -S`. */
export class Statistics {
  /** Tuples that were found taken when another one was wanted for a flow; only address translation looks for one. */
  found = 0;
  /** Packets that were refused. */
  invalid = 0;
  /** Flows that entered the table. */
  insert = 0;
  /** Flows that did not, because one of their tuples was taken. */
  insertFailed = 0;
  /** Packets without a place in a full table. */
  drop = 0;
  /** Flows given up for others in a full table. */
  earlyDrop = 0;
  /** ICMP errors about flows. */
  error = 0;
  /** First packets that joined the flow of another first packet. */
  clashResolve = 0;
  /** Flows that were expected. */
  expectNew = 0;
  expectCreate = 0;
  expectDelete = 0;
}
