import type { ConntrackEntry, ConntrackTuple, ExpectEntry } from '@ring3/nfnetlink';
import { fromWireName } from '@ring3/nfnetlink/wire-name';
import { addressesOf, keyWords, protocolOf, stateOf } from './parts.ts';
import { protocolNames, StatusBit, statusWord } from './words.ts';

const families: Readonly<Record<number, string>> = { 2: 'ipv4', 10: 'ipv6' };
/** Counters are numbers if a number is exact, else strings. */
const number = (value: bigint | undefined): number | undefined => (value === undefined ? undefined : Number(value));

function direction(tuple: ConntrackTuple | undefined, counters?: ConntrackEntry['countersOrig']): Record<string, unknown> {
  const keys = keyWords(tuple).map(([word, value]) => [word, Number(value)]);
  return {
    ...addressesOf(tuple),
    ...Object.fromEntries(keys),
    zone: tuple?.zone,
    packets: number(counters?.packets),
    bytes: number(counters?.bytes),
  };
}

/** A flow as one JSON object; times are ISO 8601. Attributes that were not received are omitted. */
export function flowJson(entry: ConntrackEntry): Record<string, unknown> {
  const { family, status, timeout, mark, zone, id, use, help, labels, timestamp, tupleMaster } = entry;
  const protocol = protocolOf(entry);
  const time = (ns: bigint | undefined): string | undefined =>
    ns === undefined || ns === 0n ? undefined : new Date(Number(ns / 1_000_000n)).toISOString();
  return {
    family: families[family] ?? family,
    protocol: protocolNames[protocol] ?? protocol,
    state: stateOf(entry),
    timeout,
    status: status === undefined ? undefined : statusNames(status),
    original: direction(entry.tupleOrig, entry.countersOrig),
    reply: direction(entry.tupleReply, entry.countersReply),
    mark,
    zone,
    helper: help?.name === undefined ? undefined : fromWireName(help.name),
    labels: labels === undefined ? undefined : Buffer.from(labels).toString('hex'),
    start: time(timestamp?.start),
    stop: time(timestamp?.stop),
    master: tupleMaster === undefined ? undefined : direction(tupleMaster),
    id,
    use,
  };
}

const statusNames = (status: number): string[] =>
  Object.entries(StatusBit)
    .filter(([, bit]) => (status & bit) !== 0)
    .map(([name]) => statusWord(name));

/** An expectation as one JSON object. */
export function expectJson({ family, tuple, mask, master, timeout, flags, classIndex, zone, helpName, id }: ExpectEntry): object {
  const protocol = tuple?.proto?.number ?? 0;
  return {
    family: families[family] ?? family,
    protocol: protocolNames[protocol] ?? protocol,
    timeout,
    expected: direction(tuple),
    mask: direction(mask),
    master: direction(master),
    zone,
    flags,
    class: classIndex,
    helper: helpName === undefined ? undefined : fromWireName(helpName),
    id,
  };
}
