import type { Statistics, Tracker } from '@ring3/conntrack';
import { counterOf, type Family, gaugeOf, type Sample } from '@ring3/kit';
import type { NetlinkNumbers } from '@ring3/netlink';
import type { NamedNamespace, Namespaces } from './namespaces.ts';

type Read = (of: NamedNamespace) => number | undefined;

/** The counters of the tracker, `conntrack -S`, without `found`, which only address translation counts. */
const counted: readonly (readonly [name: string, help: string, field: keyof Statistics])[] = [
  ['conntrack_inserts_total', 'Flows that entered the table.', 'entered'],
  ['conntrack_insert_failures_total', 'Flows that did not, because one of their tuples was taken.', 'insertFailed'],
  ['conntrack_drops_total', 'Packets that were dropped: the table was full, or a tuple was taken.', 'drop'],
  ['conntrack_early_drops_total', 'Flows that were deleted for others in a full table.', 'earlyDrop'],
  ['conntrack_invalid_packets_total', 'Packets that are not tracked, those of ICMP errors aside.', 'invalid'],
  ['conntrack_icmp_errors_total', 'ICMP messages that are not tracked: wrong checksum, too short, or about no known flow.', 'error'],
  ['conntrack_clashes_resolved_total', 'First packets that joined the flow of another first packet.', 'clashResolve'],
  ['conntrack_expectations_created_total', 'Expectations made.', 'expectCreate'],
  ['conntrack_expectations_deleted_total', 'Expectations that ended, met or not.', 'expectDelete'],
  ['conntrack_expected_flows_total', 'Flows that were expected.', 'expectNew'],
];

const ofTracker =
  (read: (tracker: Tracker) => number): Read =>
  ({ namespace: { trackerIfMade } }) =>
    trackerIfMade === undefined ? undefined : read(trackerIfMade);

const ofNetlink =
  (field: keyof NetlinkNumbers): Read =>
  ({ server }) =>
    server.numbers[field];

/** The metrics of the netfilter half by namespace. Reading them creates no tracker: a namespace without one shows what is known of it. */
export function netfilterFamilies(namespaces: Namespaces): Family[] {
  const each = (read: Read) =>
    function* (): Iterable<Sample<number>> {
      for (const named of namespaces.list()) {
        const value = read(named);
        if (value !== undefined) yield [value, named.name];
      }
    };
  const gauge = (name: string, help: string, read: Read): Family => gaugeOf(name, help, ['namespace'], each(read));
  const counter = (name: string, help: string, read: Read): Family => counterOf(name, help, ['namespace'], each(read));
  return [
    gauge('conntrack_flows', 'Flows in the table.', ({ namespace }) => namespace.flowCount),
    gauge('conntrack_flows_limit', 'Flows that there may be, nf_conntrack_max.', ({ namespace }) => namespace.settings.max),
    gauge(
      'conntrack_flows_most',
      'Most flows at a time so far.',
      ofTracker(({ table }) => table.highest),
    ),
    gauge(
      'conntrack_table_bytes',
      'Bytes that the table is laid out in; the system commits a page when it is touched.',
      ofTracker(({ table }) => table.bytes),
    ),
    ...counted.map(([name, help, field]) =>
      counter(
        name,
        help,
        ofTracker(({ statistics }) => statistics[field]),
      ),
    ),
    gauge(
      'conntrack_expectations',
      'Expectations that wait for their flow.',
      ofTracker(({ expectations }) => expectations.size),
    ),
    gauge(
      'conntrack_queued_packets',
      "Packets that wait for a user-space helper's verdict.",
      ofTracker(({ held }) => held.size),
    ),
    gauge('conntrack_timeout_policies', 'Named timeout policies.', ({ namespace }) => namespace.timeoutPolicies.size),
    gauge('conntrack_rules', 'Rules.', ({ namespace }) => namespace.rules.size),
    gauge('netlink_ports', 'Netlink sockets of programs.', ofNetlink('ports')),
    counter('netlink_requests_total', 'Netlink messages that asked for something.', ofNetlink('requests')),
    counter('netlink_requests_refused_total', 'Netlink messages that were answered with an error.', ofNetlink('refused')),
    counter('netlink_internal_errors_total', 'Netlink requests that failed inside ring3.', ofNetlink('faults')),
    counter('netlink_events_total', 'Events, each counted once for every socket that got it.', ofNetlink('events')),
    counter('netlink_events_lost_total', 'Events that a socket had no room for (ENOBUFS).', ofNetlink('eventsLost')),
  ];
}
