import { type ConntrackEntry, type ConntrackFilter, type ConntrackTuple, parseAddress } from '@ring3/nfnetlink';
import { UsageError } from '../usage.ts';
import { protocolOf, stateOf } from './parts.ts';
import { protocolNames, StatusBit, stateNames, statusWord } from './words.ts';

/** The options that select flows, with the letters of `conntrack`. */
export interface FilterOptions {
  readonly family?: string;
  readonly protocol?: string;
  readonly origSrc?: string;
  readonly origDst?: string;
  readonly replySrc?: string;
  readonly replyDst?: string;
  readonly sport?: string;
  readonly dport?: string;
  readonly mark?: string;
  readonly zone?: string;
  readonly state?: string;
  readonly status?: string;
}

/** A selection of flows. */
export interface FlowFilter {
  /** Whether any option was given. */
  readonly limited: boolean;
  /** The part of the filter that the server can apply. */
  readonly asked: ConntrackFilter;
  matches(entry: ConntrackEntry): boolean;
}

type Test = (entry: ConntrackEntry) => boolean;

/** Reads a number, decimal or 0x hexadecimal. @throws UsageError */
export function wholeNumber(text: string, what: string, most: number): number {
  const value = Number(text);
  if (!/^(\d{1,10}|0x[0-9a-f]{1,8})$/i.test(text) || value > most)
    throw new UsageError(`${what} is a number from 0 to ${most}, not "${text}"`);
  return value;
}

/** @throws UsageError */
export function parseFamily(text: string): number {
  const family = { inet: 2, ipv4: 2, inet6: 10, ipv6: 10 }[text];
  if (family === undefined) throw new UsageError(`the family is one of inet, inet6, not "${text}"`);
  return family;
}

/** Protocols without a tracker of their own, and alternative names, from protocols(5) (IANA). */
const otherProtocols: Readonly<Record<string, number>> = {
  igmp: 2,
  ipencap: 4,
  ipip: 4,
  ipv6: 41,
  esp: 50,
  'ipsec-esp': 50,
  ah: 51,
  'ipv6-icmp': 58,
  eigrp: 88,
  ospf: 89,
  pim: 103,
  vrrp: 112,
  l2tp: 115,
};

/** @throws UsageError */
export function parseProtocol(text: string): number {
  const name = text.toLowerCase();
  const known = Object.entries(protocolNames).find(([, one]) => one === name);
  if (known !== undefined) return Number(known[0]);
  if (Object.hasOwn(otherProtocols, name)) return otherProtocols[name] as number;
  if (!/^\d{1,3}$/.test(text) || Number(text) > 255)
    throw new UsageError(`the protocol is one of ${Object.values(protocolNames).join(', ')} or a number, not "${text}"`);
  return Number(text);
}

/** @throws UsageError */
export function parseMark(text: string): { mark: number; mask: number } {
  const [value = '', mask, ...rest] = text.split('/');
  if (rest.length > 0) throw new UsageError(`a mark is VALUE or VALUE/MASK, not "${text}"`);
  return {
    mark: wholeNumber(value, 'a mark', 0xffffffff),
    mask: mask === undefined ? 0xffffffff : wholeNumber(mask, 'the mask of a mark', 0xffffffff),
  };
}

function withinPrefix(text: string): (address: Uint8Array | undefined) => boolean {
  const [host = '', bits, ...rest] = text.split('/');
  const wanted = parseAddress(host);
  if (wanted === undefined || rest.length > 0) throw new UsageError(`invalid address "${text}"`);
  const length = bits === undefined ? wanted.length * 8 : wholeNumber(bits, 'the length of a prefix', wanted.length * 8);
  return (address) => {
    if (address?.length !== wanted.length) return false;
    return wanted.every((byte, i) => {
      const mask = (0xff00 >> Math.min(8, Math.max(0, length - i * 8))) & 255;
      return ((byte ^ (address[i] as number)) & mask) === 0;
    });
  };
}

const addressOf = (tuple: ConntrackTuple | undefined, which: 'Source' | 'Destination'): Uint8Array | undefined =>
  tuple?.ip?.[`v4${which}`] ?? tuple?.ip?.[`v6${which}`];

/** Reads the options. @throws UsageError */
export function flowFilter(options: FilterOptions): FlowFilter {
  const tests: Test[] = [];
  const { family, protocol, origSrc, origDst, replySrc, replyDst, sport, dport, mark, zone, state, status } = options;
  const l3 = family === undefined ? undefined : parseFamily(family);
  if (l3 !== undefined) tests.push((entry) => entry.family === l3);
  if (protocol !== undefined) {
    const number = parseProtocol(protocol);
    tests.push((entry) => protocolOf(entry) === number);
  }
  for (const [text, direction, which] of [
    [origSrc, 'tupleOrig', 'Source'],
    [origDst, 'tupleOrig', 'Destination'],
    [replySrc, 'tupleReply', 'Source'],
    [replyDst, 'tupleReply', 'Destination'],
  ] as const) {
    if (text === undefined) continue;
    const within = withinPrefix(text);
    tests.push((entry) => within(addressOf(entry[direction], which)));
  }
  for (const [text, which] of [
    [sport, 'sourcePort'],
    [dport, 'destinationPort'],
  ] as const) {
    if (text === undefined) continue;
    const port = wholeNumber(text, 'a port', 65535);
    tests.push((entry) => entry.tupleOrig?.proto?.[which] === port);
  }
  const marked = mark === undefined ? undefined : parseMark(mark);
  if (marked !== undefined) tests.push((entry) => ((entry.mark ?? 0) & marked.mask) >>> 0 === marked.mark); // as the kernel compares
  if (zone !== undefined) {
    const number = wholeNumber(zone, 'a zone', 65535);
    tests.push((entry) => (number === 0 ? zonesOf(entry).length === 0 : zonesOf(entry).includes(number)));
  }
  if (state !== undefined) tests.push(stateTest(state));
  if (status !== undefined) tests.push(...status.split(',').map(statusTest));
  return {
    limited: tests.length > 0,
    asked: { family: l3, ...(marked === undefined ? {} : { mark: marked.mark, markMask: marked.mask }) },
    matches: (entry) => tests.every((test) => test(entry)),
  };
}

/** The zones of a flow, of both directions or of one. */
const zonesOf = ({ zone, tupleOrig, tupleReply }: ConntrackEntry): number[] =>
  [zone, tupleOrig?.zone, tupleReply?.zone].filter((one) => one !== undefined && one !== 0) as number[];

function stateTest(text: string): Test {
  const wanted = text.toUpperCase();
  const known: ReadonlySet<string> = new Set(Object.values(stateNames).flat());
  if (!known.has(wanted)) throw new UsageError(`a state is one of ${[...known].join(', ')}, not "${text}"`);
  return (entry) => stateOf(entry) === wanted;
}

function statusTest(text: string): Test {
  const wanted = text.toUpperCase();
  if (wanted === 'UNREPLIED') return ({ status = 0 }) => (status & StatusBit.SeenReply) === 0;
  const bit = Object.entries(StatusBit).find(([name]) => statusWord(name) === wanted)?.[1];
  if (bit === undefined) {
    const known = ['UNREPLIED', ...Object.keys(StatusBit).map(statusWord)];
    throw new UsageError(`a status is one of ${known.join(', ')}, not "${text}"`);
  }
  return ({ status = 0 }) => (status & bit) !== 0;
}
