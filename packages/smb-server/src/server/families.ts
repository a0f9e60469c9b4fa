import { counterOf, type Family, gaugeOf, histogramOf, type Sample } from '@ring3/kit';
import { Command, NtStatus } from '@ring3/smb-proto';
import { nameOf } from '@ring3/wire';
import { latencyBounds, nothingName, refusingLimits } from '../objects/numbers.ts';
import { breakLevels } from '../state/index.ts';
import type { Nothing } from '../values/no-response.ts';
import type { RunningServer } from './running-server.ts';

const commandName = (command: number): string =>
  Object.values(Command).includes(command as Command) ? nameOf(Command, command) : 'unknown';
const outcomeName = (outcome: number | Nothing): string => (typeof outcome === 'number' ? nameOf(NtStatus, outcome) : nothingName(outcome));

function* map<T, R>(items: Iterable<T>, to: (item: T) => R): Iterable<R> {
  for (const item of items) yield to(item);
}

function sum<T>(items: Iterable<T>, of: (item: T) => number): number {
  let all = 0;
  for (const item of items) all += of(item);
  return all;
}

/** Trees or opens by share: zero for an unused share. */
function byShare(server: RunningServer, used: Iterable<{ readonly share: { readonly name: string } }>): Iterable<Sample<number>> {
  const counts = new Map(server.shares.all().map(({ name }) => [name, 0]));
  for (const { share } of used) counts.set(share.name, (counts.get(share.name) ?? 0) + 1);
  return map(counts, ([name, count]) => [count, name] as const);
}

function* treesOf(server: RunningServer) {
  for (const { trees } of server.sessions.values()) yield* trees.values();
}

/** The numbers of a server, as metrics: all are read at the time of a scrape. */
export const familiesOf = (server: RunningServer): Family[] => [
  ...requestFamilies(server),
  ...connectionFamilies(server),
  ...useFamilies(server),
];

function requestFamilies({ numbers: { requests }, connections }: RunningServer): Family[] {
  const seconds = latencyBounds.map((ms) => ms / 1000);
  return [
    counterOf('smb_requests_total', 'Requests by command and the status of their response.', ['command', 'status'], () =>
      map(requests.answers(), ([command, outcome, count]) => [count, commandName(command), outcomeName(outcome)] as const),
    ),
    histogramOf(
      'smb_request_seconds',
      'Time from the arrival of a frame until the response is passed to the link; without requests that waited for something else.',
      ['command'],
      seconds,
      () => map(requests.latencies(), ([command, counts, time]) => [{ counts, sum: time }, commandName(command)] as const),
    ),
    counterOf(
      'smb_requests_waited_total',
      'Requests that waited for something other than the server: a lock, a change, the end of an oplock break, data of a pipe, the delay after a failed logon.',
      ['command'],
      () => map(requests.waits(), ([command, count]) => [count, commandName(command)] as const),
    ),
    gaugeOf('smb_requests_in_flight', 'Frames in progress, including those that wait.', [], () => [
      [sum(connections.values(), ({ inFlight }) => inFlight)],
    ]),
    gaugeOf('smb_requests_waiting', 'Requests that wait for a lock, a change, the end of an oplock break or data of a pipe.', [], () => [
      [sum(connections.values(), ({ async }) => async.size)],
    ]),
    counterOf('smb_read_bytes_total', 'Payload bytes of READ responses.', [], () => [[requests.payload(Command.Read)]]),
    counterOf('smb_written_bytes_total', 'Payload bytes of successful WRITE requests.', [], () => [[requests.payload(Command.Write)]]),
  ];
}

function connectionFamilies({ numbers, connections, budget }: RunningServer): Family[] {
  return [
    gaugeOf('smb_connections', 'Open connections.', [], () => [[connections.size]]),
    counterOf('smb_connections_total', 'Connections accepted.', [], () => [[numbers.connections]]),
    counterOf('smb_received_bytes_total', 'Bytes received, including framing, on all connections since the start.', [], () => [
      [numbers.bytesIn + sum(connections.values(), ({ bytesIn }) => bytesIn)],
    ]),
    counterOf('smb_sent_bytes_total', 'Bytes sent, including framing, on all connections since the start.', [], () => [
      [numbers.bytesOut + sum(connections.values(), ({ bytesOut }) => bytesOut)],
    ]),
    gaugeOf('smb_held_bytes', 'Bytes that all connections hold: received and unfinished, or unsent.', [], () => [[budget.held]]),
    counterOf('smb_refused_total', 'Times that a limit rejected a client or request, or ended a connection.', ['limit'], () =>
      refusingLimits.map((limit) => [numbers.refused.of(limit), limit] as const),
    ),
    counterOf('smb_deletions_failed_total', 'Files whose deletion at the last close failed, by the error of the store.', ['error'], () =>
      map(numbers.notDeleted, ([code, count]) => [count, code] as const),
    ),
    counterOf('smb_held_turns_total', 'Turns of the event loop that one request blocked for more than 50 ms.', ['command'], () =>
      map(numbers.heldTurns, ([command, count]) => [count, nameOf(Command, command)] as const),
    ),
    counterOf('smb_internal_errors_total', 'Requests that failed because of a fault of the server or a store.', [], () => [
      [numbers.errors],
    ]),
  ];
}

function useFamilies(server: RunningServer): Family[] {
  const { numbers, sessions } = server;
  return [
    gaugeOf('smb_sessions', 'Sessions, including those whose logon is not complete.', [], () => [[sessions.size]]),
    gaugeOf('smb_channels', 'Channels: connections of sessions, the first ones included.', [], () => [
      [sum(sessions.values(), ({ channels }) => sum(channels, ({ state }) => (state === 'valid' ? 1 : 0)))],
    ]),
    counterOf('smb_channels_added_total', 'Channels that were added to sessions.', [], () => [[numbers.channels]]),
    gaugeOf('smb_trees', 'Tree connects by share.', ['share'], () => byShare(server, treesOf(server))),
    gaugeOf('smb_opens', 'Open files, directories and pipes, by share.', ['share'], () =>
      byShare(
        server,
        map(server.opens.values(), ({ share }) => ({ share })),
      ),
    ),
    gaugeOf('smb_detached_opens', 'Durable, resilient and persistent opens whose client is disconnected.', [], () => [
      [server.durables.detached],
    ]),
    gaugeOf('smb_persistent_opens', 'Persistent opens, which are stored.', [], () => [[server.persistence.size]]),
    gaugeOf('smb_leases', 'Leases.', [], () => [[server.leases.size]]),
    gaugeOf(
      'smb_file_state',
      'State of files: the number of known files, and of the byte-range locks and oplocks held on them.',
      ['of'],
      () => map(Object.entries(server.fileTotals), ([of, count]) => [count, of] as const),
    ),
    counterOf('smb_logons_total', 'Successful logons.', ['as'], () =>
      (['user', 'guest', 'anonymous'] as const).map((as) => [numbers.logons.of(as), as] as const),
    ),
    counterOf('smb_logon_failures_total', 'Failed logons, by status.', ['status'], () =>
      map(numbers.logonFailures, ([status, count]) => [count, outcomeName(status)] as const),
    ),
    counterOf('smb_oplock_breaks_total', 'Oplock break notifications, by the remaining level.', ['to'], () =>
      breakLevels.map((to) => [numbers.oplockBreaks.of(to), to] as const),
    ),
    counterOf('smb_oplock_breaks_resent_total', 'Break notifications that were sent again on another channel.', [], () => [
      [numbers.oplockBreaksResent],
    ]),
    counterOf('smb_oplock_breaks_expired_total', 'Oplock breaks that were not acknowledged in time.', [], () => [
      [numbers.oplockBreaksExpired],
    ]),
  ];
}
