import type { ConntrackChange, ConntrackEntry, ConntrackStatistics, ConntrackTuple, ExpectChange, ExpectEntry } from '@ring3/nfnetlink';
import { fromWireName } from '@ring3/nfnetlink/wire-name';
import { addressesOf, keyWords, protocolOf, stateOf } from './parts.ts';
import { protocolNames, StatusBit } from './words.ts';

const second = 1_000_000_000n;

/** A flow as `conntrack -L` prints it. @param nowMs milliseconds since 1970, for flows with a time of creation */
export function conntrackLine(entry: ConntrackEntry, nowMs: number): string {
  const { status, timeout, mark, zone, timestamp, help, use } = entry;
  const protocol = protocolOf(entry);
  const parts = [`${(protocolNames[protocol] ?? 'unknown').padEnd(8)} ${protocol}`];
  if (timeout !== undefined) parts.push(`${timeout}`);
  const state = stateOf(entry);
  if (state !== undefined) parts.push(state);
  parts.push(...tupleWords(entry.tupleOrig, 'zone-orig'), ...counterWords(entry.countersOrig));
  if (status !== undefined && (status & StatusBit.SeenReply) === 0) parts.push('[UNREPLIED]');
  parts.push(...tupleWords(entry.tupleReply, 'zone-reply'), ...counterWords(entry.countersReply));
  const flag = flagOf(status ?? 0);
  if (flag !== undefined) parts.push(flag);
  if (mark !== undefined) parts.push(`mark=${mark}`);
  if (zone !== undefined) parts.push(`zone=${zone}`);
  if (timestamp?.start !== undefined) parts.push(`delta-time=${lastedSeconds(timestamp.start, timestamp.stop, nowMs)}`);
  if (help?.name !== undefined) parts.push(`helper=${fromWireName(help.name)}`);
  if (use !== undefined) parts.push(`use=${use}`);
  return parts.join(' ');
}

/** Whole seconds between its first packet and its end, or now. */
function lastedSeconds(start: bigint, stop: bigint | undefined, nowMs: number): bigint {
  const end = stop === undefined || stop === 0n ? BigInt(Math.floor(nowMs / 1000)) : stop / second;
  const lasted = end - start / second;
  return lasted < 0n ? 0n : lasted;
}

function flagOf(status: number): string | undefined {
  if ((status & StatusBit.HwOffload) !== 0) return '[HW_OFFLOAD]';
  if ((status & StatusBit.Offload) !== 0) return '[OFFLOAD]';
  return (status & StatusBit.Assured) !== 0 ? '[ASSURED]' : undefined;
}

function tupleWords(tuple: ConntrackTuple | undefined, zoneWord: string): string[] {
  const { source, destination } = addressesOf(tuple);
  const zone = tuple?.zone === undefined ? [] : [`${zoneWord}=${tuple.zone}`];
  return [`src=${source}`, `dst=${destination}`, ...keyWords(tuple).map(([word, value]) => `${word}=${value}`), ...zone];
}

const counterWords = (counters: ConntrackEntry['countersOrig']): string[] =>
  counters === undefined ? [] : [`packets=${counters.packets ?? 0n}`, `bytes=${counters.bytes ?? 0n}`];

const tags = { new: '    [NEW]', update: ' [UPDATE]', destroy: '[DESTROY]' } as const;
const cause = (portId: number): string => (portId === 0 ? '' : ` [USERSPACE] portid=${portId}`);

/** An event, as `conntrack -E` prints it. */
export const conntrackEventLine = ({ event, entry, portId }: ConntrackChange, nowMs: number): string =>
  `${tags[event]} ${conntrackLine(entry, nowMs)}${cause(portId)}`;

/** NF_CT_EXPECT_*, nf_conntrack_common.h. */
const expectFlags = ['PERMANENT', 'INACTIVE', 'USERSPACE'] as const;

/** An expectation as `conntrack -L expect` prints it. */
export function expectLine({ tuple, mask, master, timeout, flags = 0, classIndex, zone, helpName }: ExpectEntry): string {
  const ports = (of: ConntrackTuple | undefined): string[] => {
    const { sourcePort, destinationPort } = of?.proto ?? {};
    return [`sport=${sourcePort ?? 0}`, `dport=${destinationPort ?? 0}`];
  };
  const [expected, masked, from] = [addressesOf(tuple), addressesOf(mask), addressesOf(master)];
  const parts = [`${timeout ?? 0} proto=${tuple?.proto?.number ?? 0}`];
  parts.push(`src=${expected.source}`, `dst=${expected.destination}`, ...ports(tuple));
  parts.push(`mask-src=${masked.source}`, `mask-dst=${masked.destination}`, ...ports(mask));
  parts.push(`master-src=${from.source}`, `master-dst=${from.destination}`, ...ports(master));
  if (zone !== undefined) parts.push(`zone=${zone}`);
  const set = expectFlags.filter((_, bit) => (flags & (1 << bit)) !== 0);
  if (set.length > 0) parts.push(set.join(','));
  if (classIndex !== undefined) parts.push(`class=${classIndex}`);
  if (helpName !== undefined) parts.push(`helper=${fromWireName(helpName)}`);
  return parts.join(' ');
}

/** An event of an expectation, as `conntrack -E expect` prints it. */
export const expectEventLine = ({ event, entry }: ExpectChange): string => `${tags[event]} ${expectLine(entry)}`;

/** The words of `conntrack -S`, by attribute. */
const statisticsWords = {
  found: 'found',
  invalid: 'invalid',
  insert: 'insert',
  insertFailed: 'insert_failed',
  drop: 'drop',
  earlyDrop: 'early_drop',
  error: 'error',
  searchRestart: 'search_restart',
  clashResolve: 'clash_resolve',
  chainTooLong: 'chaintoolong',
} as const;

/** The counters of a processor, as `conntrack -S` prints them. */
export function statisticsLine(one: Omit<ConntrackStatistics, 'unknown'>): string {
  const counters = Object.entries(statisticsWords).flatMap(([field, word]) => {
    const value = one[field as keyof typeof statisticsWords];
    return value === undefined ? [] : [`${word}=${value} `];
  });
  return `cpu=${one.cpu}   \t${counters.join('')}`;
}
