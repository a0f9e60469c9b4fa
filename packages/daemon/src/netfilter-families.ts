import type { Statistics, Tracker } from '@ring3/conntrack';
import { counterOf, type Family, gaugeOf, type Sample } from '@ring3/kit';
import type { NetlinkNumbers } from '@ring3/netlink';
import type { NamedNamespace, Namespaces } from './namespaces.ts';

type Read = (of: NamedNamespace) => number | undefined;

/** The counters of the tracker, `conntrack -S`, without `found`, which only address translation counts. */
const counted: readonly (readonly [name: string, help: string, field: keyof Statistics])[] = [
  ['conntrack_inserts_total', 'Flows that were inserted into the table.', 'entered'],
  ['conntrack_insert_failures_total', 'Flows that were not inserted because one of their tuples was in use.', 'insertFailed'],
  ['conntrack_drops_total', 'Packets that were dropped: the table was full, or a tuple was in use.', 'drop'],
  ['conntrack_early_drops_total', 'Flows that were deleted from a full table to insert others.', 'earlyDrop'],
  ['conntrack_invalid_packets_total', 'Packets that are not tracked, except ICMP errors.', 'invalid'],
  ['conntrack_icmp_errors_total', 'ICMP messages that are not tracked: wrong checksum, too short, or about no known flow.', 'error'],
  ['conntrack_clashes_resolved_total', 'First packets that were assigned to the flow of another first packet.', 'clashResolve'],
  ['conntrack_expectations_created_total', 'Expectations that were created.', 'expectCreate'],
  ['conntrack_expectations_deleted_total', 'Expectations that were deleted, with or without a flow.', 'expectDelete'],
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
    gauge('conntrack_flows_limit', 'Maximum number of flows, nf_conntrack_max.', ({ namespace }) => namespace.settings.max),
    gauge(
      'conntrack_flows_most',
      'Highest number of flows so far.',
      ofTracker(({ flows }) => flows.table.highest),
    ),
    gauge(
      'conntrack_table_bytes',
      'Virtual bytes of the table; the system commits a page on first use.',
      ofTracker(({ flows }) => flows.table.bytes),
    ),
    ...counted.map(([name, help, field]) =>
      counter(
        name,
        help,
        ofTracker(({ flows }) => flows.statistics[field]),
      ),
    ),
    gauge(
      'conntrack_expectations',
      'Expectations that wait for their flow.',
      ofTracker(({ expectations }) => expectations.size),
    ),
    gauge(
      'conntrack_queued_packets',
      'Packets that wait for the verdict of a user-space helper.',
      ofTracker(({ held }) => held.size),
    ),
    gauge('conntrack_timeout_policies', 'Named timeout policies.', ({ namespace }) => namespace.timeoutPolicies.size),
    gauge('conntrack_rules', 'Rules.', ({ namespace }) => namespace.rules.size),
    gauge('netlink_ports', 'Netlink sockets of programs.', ofNetlink('ports')),
    counter('netlink_requests_total', 'Netlink requests.', ofNetlink('requests')),
    counter('netlink_requests_refused_total', 'Netlink requests that failed with an error.', ofNetlink('refused')),
    counter('netlink_internal_errors_total', 'Netlink requests that failed inside ring3.', ofNetlink('faults')),
    counter('netlink_events_total', 'Events, counted once for each socket that received them.', ofNetlink('events')),
    counter(
      'netlink_events_lost_total',
      'Events that were lost because the buffer of a socket was full (ENOBUFS).',
      ofNetlink('eventsLost'),
    ),
  ];
}
