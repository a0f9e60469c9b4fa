import { hostPort } from '@ring3/kit';
import type { ConntrackEntry, ConntrackTuple, ExpectEntry } from '@ring3/nfnetlink';
import { duration } from '../human.ts';
import type { Column } from '../table.ts';
import { addressesOf, keyWords, protocolOf, stateOf } from './parts.ts';
import { protocolNames, StatusBit } from './words.ts';

const end = (address: string, port: string | undefined): string => (port === undefined ? address : hostPort(address, port));

/** `10.0.0.1:1000` if the protocol has ports, else the address. */
export function endsOf(tuple: ConntrackTuple | undefined): { source: string; destination: string } {
  const { source, destination } = addressesOf(tuple);
  const keys = Object.fromEntries(keyWords(tuple));
  return {
    source: end(source, keys['sport'] ?? keys['srckey'] ?? keys['id']),
    destination: end(destination, keys['dport'] ?? keys['dstkey']),
  };
}

const protocolWord = (number: number): string => protocolNames[number] ?? `${number}`;

/** The state; for a protocol without states, whether a reply was seen. */
function stateWord(entry: ConntrackEntry): string {
  const status = entry.status ?? 0;
  return (
    stateOf(entry) ?? ((status & StatusBit.SeenReply) === 0 ? 'UNREPLIED' : (status & StatusBit.Assured) !== 0 ? 'ASSURED' : 'REPLIED')
  );
}

/** The reply direction of a translated flow, if it is not the inverse of the original direction. */
function translated(entry: ConntrackEntry): string {
  const [original, reply] = [endsOf(entry.tupleOrig), endsOf(entry.tupleReply)];
  const icmp = ['icmp', 'icmpv6'].includes(protocolWord(protocolOf(entry)));
  if (icmp) {
    const [sent, back] = [addressesOf(entry.tupleOrig), addressesOf(entry.tupleReply)];
    return sent.source === back.destination && sent.destination === back.source ? '' : `${back.source} > ${back.destination}`;
  }
  return original.source === reply.destination && original.destination === reply.source ? '' : `${reply.source} > ${reply.destination}`;
}

/** The sum of both directions; '' without counters. */
const sum = ({ countersOrig, countersReply }: ConntrackEntry, what: 'packets' | 'bytes'): string =>
  countersOrig === undefined ? '' : String((countersOrig[what] ?? 0n) + (countersReply?.[what] ?? 0n));

/** The columns of flows. */
export const flowColumns: readonly Column<ConntrackEntry>[] = [
  { head: 'PROTO', cell: (entry) => protocolWord(protocolOf(entry)) },
  { head: 'STATE', cell: stateWord },
  { head: 'SOURCE', cell: (entry) => endsOf(entry.tupleOrig).source },
  { head: 'DESTINATION', cell: (entry) => endsOf(entry.tupleOrig).destination },
  { head: 'TRANSLATED', cell: translated },
  { head: 'PACKETS', right: true, cell: (entry) => sum(entry, 'packets') },
  { head: 'BYTES', right: true, cell: (entry) => sum(entry, 'bytes') },
  { head: 'LEFT', right: true, cell: ({ timeout }) => (timeout === undefined ? '' : duration(timeout)) },
  { head: 'MARK', right: true, cell: ({ mark }) => (mark === undefined || mark === 0 ? '' : `${mark}`) },
  { head: 'ZONE', right: true, cell: ({ zone, tupleOrig, tupleReply }) => `${zone ?? tupleOrig?.zone ?? tupleReply?.zone ?? ''}` },
  { head: 'HELPER', cell: ({ help }) => help?.name ?? '' },
];

/** An event of a flow as text: one separate line. */
export function eventRow(event: string, entry: ConntrackEntry): string {
  const { source, destination } = endsOf(entry.tupleOrig);
  const carried = sum(entry, 'bytes');
  const parts = [
    event.padEnd(7),
    protocolWord(protocolOf(entry)).padEnd(7),
    stateWord(entry).padEnd(12),
    `${source} > ${destination}`,
    translated(entry),
  ];
  if (carried !== '') parts.push(`${sum(entry, 'packets')} packets, ${carried} bytes`);
  return parts.filter((part) => part !== '').join(' ');
}

/** The columns of expectations. */
export const expectColumns: readonly Column<ExpectEntry>[] = [
  { head: 'PROTO', cell: ({ tuple }) => protocolWord(tuple?.proto?.number ?? 0) },
  { head: 'SOURCE', cell: ({ tuple }) => endsOf(tuple).source },
  { head: 'DESTINATION', cell: ({ tuple }) => endsOf(tuple).destination },
  { head: 'MASTER', cell: ({ master }) => `${endsOf(master).source} > ${endsOf(master).destination}` },
  { head: 'LEFT', right: true, cell: ({ timeout }) => (timeout === undefined ? '' : duration(timeout)) },
  { head: 'CLASS', right: true, cell: ({ classIndex }) => `${classIndex ?? ''}` },
  { head: 'HELPER', cell: ({ helpName }) => helpName ?? '' },
];
