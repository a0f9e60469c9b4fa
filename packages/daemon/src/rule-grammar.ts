import { EventBit, Family, type PortRange, type Prefix, Protocol, type RuleMatch, type RuleTarget } from '@ring3/conntrack';
import { fromWireName, parseAddress, printAddress, toWireName } from '@ring3/nfnetlink';

/** A rule is invalid; the message is one line. */
export class RuleSyntaxError extends Error {
  override readonly name = 'RuleSyntaxError';
}

/** A parsed rule. */
export interface RuleWords {
  readonly match: RuleMatch;
  readonly target: RuleTarget;
}

type Draft<T> = { -readonly [K in keyof T]?: T[K] };
/** Reads the value after a keyword. */
interface Reader {
  readonly match: Draft<RuleMatch>;
  readonly target: Draft<RuleTarget>;
  /** Whether `not` precedes the keyword. */
  readonly inverted: boolean;
  /** The next word. @throws RuleSyntaxError with what is missing */
  take(what: string): string;
  /** The next word, if it is one of these. */
  takeIf<T extends string>(words: readonly T[]): T | undefined;
}

const families: Readonly<Record<string, number>> = { inet: Family.Ipv4, inet6: Family.Ipv6 };
const protocols: Readonly<Record<string, number>> = {
  tcp: Protocol.Tcp,
  udp: Protocol.Udp,
  udplite: Protocol.UdpLite,
  icmp: Protocol.Icmp,
  icmpv6: Protocol.Icmpv6,
  sctp: Protocol.Sctp,
  dccp: 33,
  gre: Protocol.Gre,
};
const withPorts: ReadonlySet<number> = new Set([Protocol.Tcp, Protocol.Udp, Protocol.UdpLite, Protocol.Sctp, 33]);
const events: Readonly<Record<string, number>> = {
  new: EventBit.New,
  related: EventBit.Related,
  destroy: EventBit.Destroy,
  reply: EventBit.Reply,
  assured: EventBit.Assured,
  protoinfo: EventBit.ProtoInfo,
  helper: EventBit.Helper,
  mark: EventBit.Mark,
  natseqinfo: EventBit.SeqAdj,
  secmark: EventBit.SecMark,
  label: EventBit.Label,
};

/** The reader of each keyword. Families and protocols have no keyword. */
const keywords: Readonly<Record<string, (reader: Reader) => void>> = {
  protocol: (reader) => takeProtocol(reader, wholeNumber(reader.take('a protocol number'), 'a protocol', 0, 255)),
  saddr: (reader) => {
    reader.match.source = takePrefix(reader);
  },
  daddr: (reader) => {
    reader.match.destination = takePrefix(reader);
  },
  sport: (reader) => {
    reader.match.sourcePort = takePorts(reader);
  },
  dport: (reader) => {
    reader.match.destinationPort = takePorts(reader);
  },
  iif: (reader) => {
    reader.match.ingress = reader.take('the name of an interface');
  },
  in: ({ match }) => {
    match.direction = 'in';
  },
  out: ({ match }) => {
    match.direction = 'out';
  },
  timeout: (reader) => {
    reader.target.timeout = toWireName(reader.take('the name of a timeout policy'));
  },
  helper: (reader) => {
    reader.target.helper = toWireName(reader.take('the name of a helper'));
  },
  zone: (reader) => {
    reader.target.zone = wholeNumber(reader.take('the number of a zone'), 'a zone', 1, 65535);
    const direction = reader.takeIf(['original', 'reply']);
    if (direction !== undefined) reader.target.zoneDirection = direction;
  },
  events: (reader) => {
    let bits = 0;
    for (const word of reader.take('events, separated by commas').split(',')) {
      const bit = Object.hasOwn(events, word) ? events[word] : undefined;
      if (bit === undefined) throw new RuleSyntaxError(`an event is one of ${Object.keys(events).join(', ')}, not "${word}"`);
      bits |= bit;
    }
    reader.target.events = bits;
  },
  notrack: ({ target }) => {
    target.notrack = true;
  },
};
const invertible: ReadonlySet<string> = new Set(['saddr', 'daddr', 'sport', 'dport', 'protocol', ...Object.keys(protocols)]);

/**
 * Reads `[inet|inet6] [PROTOCOL] [saddr|daddr ADDRESS[/LENGTH]] [sport|dport PORT[-PORT]] [iif NAME] [in|out]`, each with `not` before it
 * if that makes sense, and `timeout NAME`, `helper NAME`, `zone N [original|reply]`, `events LIST` or `notrack`, in any order.
 * @throws RuleSyntaxError
 */
export function parseRule(words: readonly string[]): RuleWords {
  const match: Draft<RuleMatch> = {};
  const target: Draft<RuleTarget> = {};
  const seen = new Set<string>();
  let at = 0;
  while (at < words.length) {
    let word = words[at++] as string;
    const inverted = word === 'not';
    if (inverted) word = words[at++] ?? '';
    const kind = Object.hasOwn(families, word) ? 'family' : Object.hasOwn(protocols, word) ? 'protocol' : word;
    if (kind !== 'family' && kind !== 'protocol' && !Object.hasOwn(keywords, word)) throw unknownWord(word);
    if (inverted && !invertible.has(word))
      throw new RuleSyntaxError(`"not ${word}" has no meaning: ${[...invertible].join(', ')} may be inverted`);
    const once = kind === 'in' || kind === 'out' ? 'direction' : kind;
    if (seen.has(once)) throw new RuleSyntaxError(`more than one ${once}`);
    seen.add(once);
    const reader: Reader = {
      match,
      target,
      inverted,
      take: (what) => {
        const next = words[at++];
        if (next === undefined || next === '') throw new RuleSyntaxError(`${word}: ${what} is missing`);
        return next;
      },
      takeIf: (allowed) => {
        const found = allowed.find((one) => one === words[at]);
        if (found !== undefined) at++;
        return found;
      },
    };
    if (Object.hasOwn(families, word)) takeFamily(match, families[word] as number);
    else if (Object.hasOwn(protocols, word)) takeProtocol(reader, protocols[word] as number);
    else keywords[word]?.(reader);
  }
  checkWhole(match, target);
  return { match, target };
}

function unknownWord(word: string): RuleSyntaxError {
  const known = [...Object.keys(families), ...Object.keys(protocols), ...Object.keys(keywords)];
  return new RuleSyntaxError(`unknown word "${word}" in a rule; known are ${known.join(', ')}`);
}

function takeFamily(match: Draft<RuleMatch>, family: number): void {
  if (match.family !== undefined && match.family !== family) throw new RuleSyntaxError('two address families in one rule');
  match.family = family;
}

function takeProtocol({ match, inverted }: Reader, protocol: number): void {
  match.protocol = protocol;
  if (inverted) match.protocolInverted = true;
}

function wholeNumber(text: string, what: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d{1,6}$/.test(text) || value < least || value > most)
    throw new RuleSyntaxError(`${what} is a number from ${least} to ${most}, not "${text}"`);
  return value;
}

function takePrefix({ match, inverted, take }: Reader): Prefix {
  const text = take('an address, with or without /LENGTH');
  const [host = '', bits, ...rest] = text.split('/');
  const address = parseAddress(host);
  if (address === undefined || rest.length > 0) throw new RuleSyntaxError(`invalid address "${text}"`);
  const length = bits === undefined ? address.length * 8 : wholeNumber(bits, 'the length of a prefix', 0, address.length * 8);
  takeFamily(match, address.length === 4 ? Family.Ipv4 : Family.Ipv6);
  return { address: masked(address, length), length, ...(inverted ? { inverted } : {}) };
}

/** Clears the bits outside the prefix, so that the list shows the effective address. */
const masked = (address: Uint8Array, length: number): Uint8Array =>
  address.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, length - i * 8))) & 255);

function takePorts({ inverted, take }: Reader): PortRange {
  const text = take('a port or a range of them');
  const [from = '', to = from, ...rest] = text.split('-');
  const range = { from: wholeNumber(from, 'a port', 0, 65535), to: wholeNumber(to, 'a port', 0, 65535) };
  if (rest.length > 0 || range.from > range.to) throw new RuleSyntaxError(`invalid port range "${text}"`);
  return { ...range, ...(inverted ? { inverted } : {}) };
}

function checkWhole(match: RuleMatch, target: RuleTarget): void {
  const given = Object.keys(target).length;
  if (given === 0) throw new RuleSyntaxError('a rule needs an action: timeout NAME, helper NAME, zone N, events LIST or notrack');
  if (target.notrack === true && given > 1) throw new RuleSyntaxError('notrack cannot be combined with timeout, helper, zone or events');
  const exact = match.protocol !== undefined && match.protocolInverted !== true;
  if ((match.sourcePort !== undefined || match.destinationPort !== undefined) && !(exact && withPorts.has(match.protocol as number))) {
    throw new RuleSyntaxError('sport and dport need a protocol with ports: tcp, udp, udplite, sctp or dccp');
  }
  if ((target.timeout !== undefined || target.helper !== undefined) && !exact) {
    throw new RuleSyntaxError('a rule with a timeout or a helper needs a protocol');
  }
}

const nameIn = (table: Readonly<Record<string, number>>, value: number): string | undefined =>
  Object.keys(table).find((word) => table[word] === value);

/** The words of a rule in the order of `parseRule`. */
export function printRule({ match, target }: RuleWords): string[] {
  const words: string[] = [];
  const say = (inverted: boolean | undefined, ...more: string[]): void => void words.push(...(inverted === true ? ['not'] : []), ...more);
  const prefix = ({ address, length }: Prefix): string =>
    length === address.length * 8 ? printAddress(address) : `${printAddress(address)}/${length}`;
  const ports = ({ from, to }: PortRange): string => (from === to ? `${from}` : `${from}-${to}`);
  if (match.family !== undefined) say(false, nameIn(families, match.family) ?? '');
  if (match.protocol !== undefined) {
    const word = nameIn(protocols, match.protocol);
    say(match.protocolInverted, ...(word === undefined ? ['protocol', `${match.protocol}`] : [word]));
  }
  if (match.source !== undefined) say(match.source.inverted, 'saddr', prefix(match.source));
  if (match.destination !== undefined) say(match.destination.inverted, 'daddr', prefix(match.destination));
  if (match.sourcePort !== undefined) say(match.sourcePort.inverted, 'sport', ports(match.sourcePort));
  if (match.destinationPort !== undefined) say(match.destinationPort.inverted, 'dport', ports(match.destinationPort));
  if (match.ingress !== undefined) say(false, 'iif', match.ingress);
  if (match.direction !== undefined) say(false, match.direction);
  if (target.timeout !== undefined) say(false, 'timeout', fromWireName(target.timeout));
  if (target.helper !== undefined) say(false, 'helper', fromWireName(target.helper));
  if (target.zone !== undefined)
    say(false, 'zone', `${target.zone}`, ...(target.zoneDirection === undefined ? [] : [target.zoneDirection]));
  if (target.events !== undefined) say(false, 'events', eventNames(target.events));
  if (target.notrack === true) say(false, 'notrack');
  return words;
}

const eventNames = (bits: number): string =>
  Object.keys(events)
    .filter((word) => (bits & (events[word] as number)) !== 0)
    .join(',');
