import { counterOf, type Family, gaugeOf, histogramOf, type Sample } from '@ring3/kit';
import { Command, NtStatus } from '@ring3/smb-proto';
import { nameOf } from '@ring3/wire';
import type { Nothing } from './command.ts';
import { breakLevels } from './file-state/index.ts';
import { latencyBounds, nothingName, refusingLimits } from './numbers.ts';
import type { Server } from './server.ts';

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

/** Trees or opens by share: zero for a share that nobody uses. */
function byShare(server: Server, used: Iterable<{ readonly share: { readonly name: string } }>): Iterable<Sample<number>> {
  const counts = new Map(server.shares.all().map(({ name }) => [name, 0]));
  for (const { share } of used) counts.set(share.name, (counts.get(share.name) ?? 0) + 1);
  return map(counts, ([name, count]) => [count, name] as const);
}

function* treesOf(server: Server) {
  for (const { trees } of server.sessions.values()) yield* trees.values();
}

/** The numbers of a server, as metrics: all are read when somebody looks. */
export const familiesOf = (server: Server): Family[] => [...requestFamilies(server), ...connectionFamilies(server), ...useFamilies(server)];

function requestFamilies({ numbers: { requests }, connections }: Server): Family[] {
  const seconds = latencyBounds.map((ms) => ms / 1000);
  return [
    counterOf('smb_requests_total', 'Requests by command and the status of their answer.', ['command', 'status'], () =>
      map(requests.answers(), ([command, outcome, count]) => [count, commandName(command), outcomeName(outcome)] as const),
    ),
    histogramOf(
      'smb_request_seconds',
      'From the arrival of a frame until the answer to its request is handed to the link; without those that waited on purpose.',
      ['command'],
      seconds,
      () => map(requests.latencies(), ([command, counts, time]) => [{ counts, sum: time }, commandName(command)] as const),
    ),
    counterOf(
      'smb_requests_waited_total',
      'Requests that waited for something else than the server: a lock, a change, the end of an oplock break, data of a pipe, the time after a failed log-on.',
      ['command'],
      () => map(requests.waits(), ([command, count]) => [count, commandName(command)] as const),
    ),
    gaugeOf('smb_requests_in_flight', 'Frames that are being worked on, those that wait among them.', [], () => [
      [sum(connections.values(), ({ inFlight }) => inFlight)],
    ]),
    gaugeOf('smb_requests_waiting', 'Requests that wait for a lock, a change, the end of an oplock break or data of a pipe.', [], () => [
      [sum(connections.values(), ({ async }) => async.size)],
    ]),
    counterOf('smb_read_bytes_total', 'Payload that READ answered.', [], () => [[requests.payload(Command.Read)]]),
    counterOf('smb_written_bytes_total', 'Payload that WRITE wrote.', [], () => [[requests.payload(Command.Write)]]),
  ];
}

function connectionFamilies({ numbers, connections, budget }: Server): Family[] {
  return [
    gaugeOf('smb_connections', 'Connections that are open.', [], () => [[connections.size]]),
    counterOf('smb_connections_total', 'Connections accepted.', [], () => [[numbers.connections]]),
    counterOf('smb_received_bytes_total', 'Bytes received, with framing, of all connections that there were.', [], () => [
      [numbers.bytesIn + sum(connections.values(), ({ bytesIn }) => bytesIn)],
    ]),
    counterOf('smb_sent_bytes_total', 'Bytes sent, with framing, of all connections that there were.', [], () => [
      [numbers.bytesOut + sum(connections.values(), ({ bytesOut }) => bytesOut)],
    ]),
    gaugeOf('smb_held_bytes', 'Bytes that all connections hold: received and unfinished, or unsent.', [], () => [[budget.held]]),
    counterOf('smb_refused_total', 'Times that a limit turned somebody away or ended a connection.', ['limit'], () =>
      refusingLimits.map((limit) => [numbers.refused.of(limit), limit] as const),
    ),
    counterOf(
      'smb_deletions_failed_total',
      'Files that were to be deleted at their last close and were not, by the error of the store.',
      ['error'],
      () => map(numbers.notDeleted, ([code, count]) => [count, code] as const),
    ),
    counterOf('smb_held_turns_total', 'Turns of the event loop that one request held for more than 50 ms.', ['command'], () =>
      map(numbers.heldTurns, ([command, count]) => [count, nameOf(Command, command)] as const),
    ),
    counterOf('smb_internal_errors_total', 'Requests that failed by a fault of the server or a store.', [], () => [[numbers.errors]]),
  ];
}

function useFamilies(server: Server): Family[] {
  const { numbers, sessions } = server;
  return [
    gaugeOf('smb_sessions', 'Sessions, also those whose log-on is not complete.', [], () => [[sessions.size]]),
    gaugeOf('smb_trees', 'Tree connects by share.', ['share'], () => byShare(server, treesOf(server))),
    gaugeOf('smb_opens', 'Files, folders and pipes that are open, by share.', ['share'], () =>
      byShare(
        server,
        map(server.opens.values(), ({ share }) => ({ share })),
      ),
    ),
    gaugeOf('smb_detached_opens', 'Durable opens whose client is disconnected.', [], () => [[server.durables.detached]]),
    gaugeOf('smb_leases', 'Leases.', [], () => [[server.leases.size]]),
    gaugeOf(
      'smb_file_state',
      'What is known of files: how many there are, each once, and the byte-range locks and oplocks that are held on them.',
      ['of'],
      () => map(Object.entries(server.fileTotals), ([of, count]) => [count, of] as const),
    ),
    counterOf('smb_logons_total', 'Log-ons that succeeded.', ['as'], () =>
      (['user', 'guest', 'anonymous'] as const).map((as) => [numbers.logons.of(as), as] as const),
    ),
    counterOf('smb_logon_failures_total', 'Log-ons that failed, by status.', ['status'], () =>
      map(numbers.logonFailures, ([status, count]) => [count, outcomeName(status)] as const),
    ),
    counterOf('smb_oplock_breaks_total', 'Oplock breaks that a client was told of, by the level that is left to it.', ['to'], () =>
      breakLevels.map((to) => [numbers.oplockBreaks.of(to), to] as const),
    ),
    counterOf('smb_oplock_breaks_expired_total', 'Oplock breaks that were not acknowledged in time.', [], () => [
      [numbers.oplockBreaksExpired],
    ]),
  ];
}
