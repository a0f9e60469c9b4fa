/** Runs the commands of recorded cases (`nfct`, `conntrack`, `iptables`, `nft` and `sysctl`) on a namespace of ring3. */
import { Buffer } from 'node:buffer';
import {
  createFlow,
  EventBit,
  Family,
  invert,
  type Namespace,
  Protocol,
  type Rule,
  type RuleMatch,
  readFlow,
  Status,
  setTimeouts,
  type TimeoutPolicyRef,
  type Tuple,
  tcpStates,
  secondsOf as wholeSeconds,
} from '@ring3/conntrack';

/** IP protocol numbers by their names in the tools. */
const protocolNames: Readonly<Record<string, number>> = {
  icmp: Protocol.Icmp,
  tcp: Protocol.Tcp,
  udp: Protocol.Udp,
  dccp: 33,
  gre: Protocol.Gre,
  icmpv6: Protocol.Icmpv6,
  'ipv6-icmp': Protocol.Icmpv6,
  sctp: Protocol.Sctp,
  udplite: Protocol.UdpLite,
  generic: 255,
};

/** A state in conntrack's spelling. */
const statusName = (state: string): string => state.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();

/** nfct's names of timeouts, in the order of the attributes. */
const timeoutNames: Readonly<Record<number, readonly string[]>> = {
  1: ['timeout'],
  6: [
    'syn_sent',
    'syn_recv',
    'established',
    'fin_wait',
    'close_wait',
    'last_ack',
    'time_wait',
    'close',
    'syn_sent2',
    'retrans',
    'unacknowledged',
  ],
  17: ['unreplied', 'replied'],
  33: ['request', 'respond', 'partopen', 'open', 'closereq', 'closing', 'timewait'],
  47: ['unreplied', 'replied'],
  58: ['timeout'],
  132: [
    'closed',
    'cookie_wait',
    'cookie_echoed',
    'established',
    'shutdown_sent',
    'shutdown_recd',
    'shutdown_ack_sent',
    'heartbeat_sent',
    'heartbeat_acked',
  ],
  136: ['unreplied', 'replied'],
  255: ['timeout'],
};

const families: Readonly<Record<string, number>> = { inet: Family.Ipv4, inet6: Family.Ipv6, ip: Family.Ipv4, ip6: Family.Ipv6 };

/** A rule of nft that assigns a policy to new flows after the tracker. */
interface LateRule {
  readonly family: number;
  readonly protocol: number;
  readonly policy: TimeoutPolicyRef;
}

/** nft's timeout objects: a separate kind of object with separate names. */
class NftTimeout implements TimeoutPolicyRef {
  readonly name: string;
  readonly l3num: number;
  readonly l4: number;
  readonly timeouts: Uint32Array;
  constructor(name: string, l3num: number, l4: number, timeouts: Uint32Array) {
    this.name = name;
    this.l3num = l3num;
    this.l4 = l4;
    this.timeouts = timeouts;
  }
  hold(): boolean {
    return true;
  }
  release(): void {}
}

/** The shared state of the commands of one case. */
export class Desk {
  readonly namespace: Namespace;
  readonly #ruleTexts = new Map<number, string>();
  readonly #nft = new Map<string, NftTimeout>();
  readonly #chainPriority = new Map<string, string>();
  readonly lateRules: LateRule[] = [];

  constructor(namespace: Namespace) {
    this.namespace = namespace;
  }

  /** Runs one command line. @returns its exit status, or undefined if the command is unknown */
  run(command: string): number | undefined {
    const words = split(command);
    switch (words[0]) {
      case 'nfct':
        return this.#nfct(words.slice(1));
      case 'python3':
        return words[1] === 'nfput.py' ? this.#put(words.slice(2)) : undefined;
      case 'iptables':
      case 'iptables-legacy':
        return this.#iptables(Family.Ipv4, words.slice(1));
      case 'ip6tables':
      case 'ip6tables-legacy':
        return this.#iptables(Family.Ipv6, words.slice(1));
      case 'nft':
        return this.#nftables(command.replace(/^nft\s+/, '').replace(/^'(.*)'\s*$/s, '$1'));
      case 'sysctl':
        return this.#sysctl(words.slice(1));
      case 'conntrack':
        return this.#conntrack(words.slice(1));
      case 'sleep':
        return 0;
      default:
        return undefined;
    }
  }

  #nfct(words: string[]): number | undefined {
    if (words[0] !== 'timeout' && words[1] !== 'timeout') return undefined;
    const [verb, ...rest] = words.filter((word, i) => !(word === 'timeout' && i < 2));
    const policies = this.namespace.timeoutPolicies;
    if (verb === 'list') return 0;
    if (verb === 'flush') {
      policies.flush();
      return 0;
    }
    if (verb === 'default-get') return 0;
    if (verb === 'default-set') return this.#setDefaults(rest);
    if (verb === 'get') return policies.find(rest[0] ?? '') === undefined ? 1 : 0;
    if (verb === 'del' || verb === 'delete') return policies.delete(rest[0] ?? '') === undefined ? 0 : 1;
    if (verb !== 'add') return undefined;
    const [name = '', family = '', protocol = '', ...pairs] = rest;
    const l4 = protocolNames[protocol];
    const l3num = families[family];
    if (l4 === undefined || l3num === undefined) return 1;
    const given = secondsOf(l4, pairs);
    if (given === undefined) return 1;
    return typeof policies.set({ name, l3num, l4, timeouts: () => given }, { exclusive: true, replace: false }) === 'string' ? 1 : 0;
  }

  #setDefaults([family = '', protocol = '', ...pairs]: string[]): number {
    const l4 = protocolNames[protocol];
    const { defaultTimeouts, profile, hz } = this.namespace;
    const table = l4 === undefined ? undefined : defaultTimeouts.table(families[family] ?? Family.Ipv4, l4, profile);
    const given = l4 === undefined ? undefined : secondsOf(l4, pairs);
    if (table === undefined || given === undefined) return 1;
    setTimeouts(table, given, hz);
    return 0;
  }

  /** `nfput.py NAME L3 L4 TYPE=SECONDS…`: NEW with REPLACE. */
  #put([name = '', l3num = '', l4 = '', ...pairs]: string[]): number {
    const given: (number | undefined)[] = [];
    for (const pair of pairs) {
      const [type, seconds] = pair.split('=').map(Number);
      given[type! - 1] = seconds;
    }
    const wanted = { name, l3num: Number(l3num), l4: Number(l4), timeouts: () => given };
    return typeof this.namespace.timeoutPolicies.set(wanted, { exclusive: false, replace: true }) === 'string' ? 1 : 0;
  }

  #iptables(family: number, words: string[]): number | undefined {
    if (words[0] === '-w') words = words.slice(1);
    if (words[0] !== '-t' || words[1] !== 'raw') return undefined;
    const [verb, chain = '', ...rest] = words.slice(2);
    const rules = this.namespace.tracker.rules;
    const mine = (rule: Rule): boolean => rule.match.family === family;
    const text = `${family} ${chain} ${rest.join(' ')}`;
    switch (verb) {
      case '-S':
      case '-L':
        return 0;
      case '-F':
        rules.flush((rule) => mine(rule) && (chain === '' || (this.#ruleTexts.get(rule.id) ?? '').startsWith(`${family} ${chain} `)));
        return 0;
      case '-D': {
        const ofChain = rules.list().filter((rule) => (this.#ruleTexts.get(rule.id) ?? '').startsWith(`${family} ${chain} `));
        const found = /^\d+$/.test(rest[0] ?? '')
          ? ofChain[Number(rest[0]) - 1]
          : ofChain.find((rule) => this.#ruleTexts.get(rule.id) === text);
        if (found === undefined) return 1;
        rules.delete(found.id);
        return 0;
      }
      case '-A': {
        const parsed = ruleOf(family, chain, rest);
        if (parsed === undefined) return undefined;
        const made = rules.add(parsed.match, parsed.target);
        if (typeof made === 'string') return 1;
        this.#ruleTexts.set(made.id, text);
        return 0;
      }
      default:
        return undefined;
    }
  }

  #nftables(text: string): number | undefined {
    if (/^add table /.test(text)) return 0;
    const object = /^add ct timeout (\w+) (\w+) (\w+) \{(.*)\}\s*$/s.exec(text);
    if (object !== null) return this.#nftTimeout(object[2]!, object[3]!, object[4]!);
    const chain = /^add chain \w+ (\w+ \w+) \{.*priority (\S+?)\s*;/s.exec(text);
    if (chain !== null) {
      this.#chainPriority.set(chain[1]!, chain[2]!);
      return 0;
    }
    const rule = /^add rule (\w+) ((\w+) \w+) (.*)$/s.exec(text);
    return rule === null ? undefined : this.#nftRule(rule[1]!, rule[2]!, rule[3]!, rule[4]!);
  }

  /** `MATCH… ct timeout set "NAME" | ct zone set N | notrack`. */
  #nftRule(family: string, chain: string, table: string, text: string): number | undefined {
    const raw = this.#chainPriority.get(chain) === 'raw';
    const protocol = /(?:ip protocol|ip6 nexthdr|meta l4proto) (\w+)/.exec(text)?.[1] ?? /\b(tcp|udp|sctp|udplite) dport/.exec(text)?.[1];
    const port = /\bdport (\d+)/.exec(text)?.[1];
    const l4 = protocol === undefined ? undefined : (protocolNames[protocol] ?? Number(protocol));
    const match: RuleMatch = {
      ...(families[family] === undefined ? {} : { family: families[family]! }),
      ...(l4 === undefined ? {} : { protocol: l4 }),
      ...(port === undefined ? {} : { destinationPort: { from: Number(port), to: Number(port) } }),
    };
    const timeout = /ct timeout set "(\w+)"/.exec(text)?.[1];
    if (timeout !== undefined) {
      const policy = this.#nft.get(`${table} ${timeout}`);
      if (policy === undefined || l4 === undefined) return 1;
      // before the tracker there is no flow to assign it to
      if (!raw) this.lateRules.push({ family: families[family] ?? Family.Ipv4, protocol: l4, policy });
      return 0;
    }
    const zone = /ct (?:(original|reply) )?zone set (\d+)/.exec(text);
    const direction = zone?.[1] === undefined ? {} : { zoneDirection: zone[1] as 'original' | 'reply' };
    const target = zone === null ? (/\bnotrack\b/.test(text) ? { notrack: true } : undefined) : { zone: Number(zone[2]), ...direction };
    if (target === undefined) return undefined;
    if (!raw) return 0;
    return typeof this.namespace.tracker.rules.add(match, target) === 'string' ? 1 : 0;
  }

  #nftTimeout(table: string, name: string, body: string): number {
    const l4 = protocolNames[/protocol (\w+)/.exec(body)?.[1] ?? ''];
    if (l4 === undefined) return 1;
    const l3num = families[/l3proto (\w+)/.exec(body)?.[1] ?? 'ip'] ?? Family.Ipv4;
    const namespace = this.namespace;
    const defaults = namespace.defaultTimeouts.table(l3num, l4, namespace.profile);
    if (defaults === undefined) return 1;
    const timeouts = defaults.slice();
    for (const [, key, value] of (/policy = \{(.*?)\}/s.exec(body)?.[1] ?? '').matchAll(/(\w+)\s*:\s*(\d+)/g)) {
      const index = timeoutNames[l4]?.indexOf(key!) ?? -1;
      if (index < 0) return 1;
      timeouts[index] = Number(value) * namespace.hz;
    }
    this.#nft.set(`${table} ${name}`, new NftTimeout(name, l3num, l4, timeouts));
    return 0;
  }

  /** Assigns late policies to a flow that is about to be added to the table. */
  applyLate(flow: number): void {
    const tracker = this.namespace.tracker;
    const { family, protocol } = readFlow(tracker.flows, flow).orig;
    const rule = this.lateRules.find((one) => one.family === family && one.protocol === protocol);
    if (rule === undefined || tracker.flows.extras.policyOf(flow) !== undefined) return;
    tracker.flows.extras.attachPolicy(flow, rule.policy);
    tracker.flows.setExpiry(flow, wholeSeconds(rule.policy.timeouts[0]!, this.namespace.hz) * 1000);
  }

  #sysctl(words: string[]): number | undefined {
    for (const word of words.filter((one) => !one.startsWith('-'))) {
      const [name = '', value = ''] = word.split('=');
      if (this.namespace.sysctls.set(name, value) !== undefined) return 1;
    }
    return 0;
  }

  /** `conntrack -I`: a flow whose reply is the mirror of its original. */
  #insert(options: ReadonlyMap<string, string>): number {
    const address = (text = '0.0.0.0'): Uint8Array => (text.includes(':') ? ipv6Of(text) : Uint8Array.from(text.split('.').map(Number)));
    const source = address(options.get('-s'));
    const name = options.get('-p') ?? '';
    const orig: Tuple = {
      family: source.byteLength === 4 ? Family.Ipv4 : Family.Ipv6,
      protocol: protocolNames[name] ?? Number(name),
      source,
      destination: address(options.get('-d')),
      sourcePort: Number(options.get('--sport') ?? 0),
      destinationPort: Number(options.get('--dport') ?? 0),
    };
    const mark = Number(options.get('-m') ?? options.get('--mark') ?? 0);
    const timeoutSeconds = Number(options.get('-t') ?? options.get('--timeout') ?? 0);
    const state = tcpStates.findIndex((one) => statusName(one) === options.get('--state'));
    const status = (options.get('-u') ?? '').split(',').reduce((bits, one) => bits | (1 << statusNames(-1).indexOf(one)), 0);
    const request = { orig, reply: invert(orig), timeoutSeconds, mark, status: options.has('-u') ? status : 0 };
    // conntrack sets the flags SACK_PERM and BE_LIBERAL for each side, and CLOSE_INIT from TIME_WAIT on
    const flags = state >= tcpStates.indexOf('timeWait') ? 14 : 10;
    const tcp = {
      state,
      flags: [
        { flags, mask: flags },
        { flags, mask: flags },
      ] as const,
    };
    return typeof createFlow(this.namespace.flows, state < 0 ? request : { ...request, tcp }) === 'string' ? 1 : 0;
  }

  #conntrack(words: string[]): number | undefined {
    const tracker = this.namespace.tracker;
    const flows: number[] = [];
    tracker.flows.forEachFlow((flow) => {
      if (tracker.flows.isAlive(flow)) flows.push(flow);
    });
    const options = optionsOf(words);
    const matching = flows.filter((flow) => flowMatches(readFlow(tracker.flows, flow), options));
    if (options.has('-L') || options.has('-C') || options.has('-S')) return 0;
    if (options.has('-F')) {
      for (const flow of flows) tracker.flows.destroy(flow);
      return 0;
    }
    if (options.has('-D')) {
      for (const flow of matching) tracker.flows.destroy(flow);
      return matching.length > 0 ? 0 : 1;
    }
    if (options.has('-G')) return matching.length > 0 ? 0 : 1;
    if (options.has('-I')) return this.#insert(options);
    if (!options.has('-U')) return undefined;
    const timeout = options.get('-t') ?? options.get('--timeout');
    const mark = options.get('-m') ?? options.get('--mark');
    for (const flow of matching) {
      if (timeout !== undefined) tracker.flows.setExpiry(flow, Number(timeout) * 1000);
      if (mark !== undefined) tracker.flows.table.words[flow * 48 + 26] = Number(mark);
      tracker.flows.emit('update', flow, EventBit.Reply | (mark === undefined ? 0 : EventBit.Mark));
    }
    return matching.length > 0 ? 0 : 1;
  }
}

function flowMatches(flow: ReturnType<typeof readFlow>, options: ReadonlyMap<string, string>): boolean {
  const name = options.get('-p');
  if (name !== undefined && flow.orig.protocol !== (protocolNames[name] ?? Number(name))) return false;
  const source = options.get('-s');
  if (source !== undefined && textOf(flow.orig.source) !== source) return false;
  const destination = options.get('-d');
  if (destination !== undefined && textOf(flow.orig.destination) !== destination) return false;
  const sport = options.get('--sport');
  if (sport !== undefined && flow.orig.sourcePort !== Number(sport)) return false;
  const dport = options.get('--dport');
  return dport === undefined || flow.orig.destinationPort === Number(dport);
}

/** nfct's pairs of name and seconds by attribute, or undefined for a name that the protocol does not have. */
function secondsOf(l4: number, pairs: readonly string[]): (number | undefined)[] | undefined {
  const given: (number | undefined)[] = [];
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const index = timeoutNames[l4]?.indexOf((pairs[i] ?? '').toLowerCase()) ?? -1;
    if (index < 0) return undefined;
    given[index] = Number(pairs[i + 1]);
  }
  return given;
}

const splitter = /'[^']*'|"[^"]*"|\S+/g;
const split = (command: string): string[] => (command.match(splitter) ?? []).map((word) => word.replace(/^(['"])(.*)\1$/s, '$2'));

/** Options with the word after each; a word that starts with a dash is an option itself. */
function optionsOf(words: readonly string[]): Map<string, string> {
  const options = new Map<string, string>();
  words.forEach((word, i) => {
    if (word.startsWith('-')) options.set(word, words[i + 1] ?? '');
  });
  return options;
}

/** An address in the format of the records. */
export function textOf(address: Uint8Array): string {
  if (address.byteLength === 4) return address.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((address[i * 2]! << 8) | address[i * 2 + 1]!).toString(16));
  const runs = [...groups.join(':').matchAll(/\b0(?::0)+\b/g)].sort((a, b) => b[0].length - a[0].length);
  const longest = runs[0];
  if (longest === undefined) return groups.join(':');
  const text = groups.join(':');
  const head = text.slice(0, longest.index).replace(/:$/, '');
  const tail = text.slice(longest.index + longest[0].length).replace(/^:/, '');
  return `${head}::${tail}`;
}

function ruleOf(family: number, chain: string, words: readonly string[]) {
  const options = optionsOf(words);
  if (options.get('-j') !== 'CT' && options.get('-j') !== 'NOTRACK') return undefined;
  const name = options.get('-p');
  const inverted = words.includes('!') && words[words.indexOf('!') + 1] === '-p';
  const range = (text: string | undefined) => {
    if (text === undefined) return undefined;
    const [from, to] = text.split(':').map(Number);
    return { from: from!, to: to ?? from! };
  };
  const sourcePort = range(options.get('--sport'));
  const destinationPort = range(options.get('--dport'));
  const match: RuleMatch = {
    family,
    direction: chain === 'OUTPUT' ? 'out' : 'in',
    ...(name === undefined || name === 'all' ? {} : { protocol: protocolNames[name] ?? Number(name) }),
    ...(inverted ? { protocolInverted: true } : {}),
    ...(sourcePort === undefined ? {} : { sourcePort }),
    ...(destinationPort === undefined ? {} : { destinationPort }),
    ...(options.has('-i') ? { ingress: options.get('-i')! } : {}),
    ...addressMatch(family, 'source', options.get('-s')),
    ...addressMatch(family, 'destination', options.get('-d')),
  };
  const zone = options.get('--zone') ?? options.get('--zone-orig') ?? options.get('--zone-reply');
  const target = {
    ...(options.has('--timeout') ? { timeout: options.get('--timeout')! } : {}),
    ...(options.has('--helper') ? { helper: options.get('--helper')! } : {}),
    ...(zone === undefined ? {} : { zone: Number(zone) }),
    ...(options.has('--zone-orig') ? { zoneDirection: 'original' as const } : {}),
    ...(options.has('--zone-reply') ? { zoneDirection: 'reply' as const } : {}),
    ...(options.has('--ctevents') ? { events: eventBits(options.get('--ctevents')!) } : {}),
    ...(options.has('--notrack') || options.get('-j') === 'NOTRACK' ? { notrack: true } : {}),
  };
  return { match, target };
}

/** The events of `--ctevents`. */
const eventNames: Readonly<Record<string, number>> = {
  new: EventBit.New,
  related: EventBit.Related,
  destroy: EventBit.Destroy,
  reply: EventBit.Reply,
  assured: EventBit.Assured,
  protoinfo: EventBit.ProtoInfo,
  helper: EventBit.Helper,
  mark: EventBit.Mark,
};

const eventBits = (names: string): number => names.split(',').reduce((bits, name) => bits | (eventNames[name] ?? 0), 0);

function addressMatch(family: number, which: 'source' | 'destination', text: string | undefined): RuleMatch {
  if (text === undefined) return {};
  const [address = '', length] = text.split('/');
  const bytes = family === Family.Ipv4 ? Uint8Array.from(address.split('.').map(Number)) : ipv6Of(address);
  return { [which]: { address: bytes, length: length === undefined ? bytes.byteLength * 8 : Number(length) } };
}

function ipv6Of(text: string): Uint8Array {
  const [head = '', tail = ''] = text.split('::');
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const before = groups(head);
  const after = groups(tail);
  const all = [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
  const bytes = Buffer.alloc(16);
  for (const [i, group] of all.entries()) bytes.writeUInt16BE(group, i * 2);
  return bytes;
}

/** The names of status bits in the records. */
export const statusNames = (status: number): string[] =>
  ['EXPECTED', 'SEEN_REPLY', 'ASSURED', 'CONFIRMED', 'SRC_NAT', 'DST_NAT', 'SEQ_ADJUST', 'SRC_NAT_DONE', 'DST_NAT_DONE', 'DYING']
    .concat(['FIXED_TIMEOUT', 'TEMPLATE', 'NAT_CLASH', 'HELPER', 'OFFLOAD', 'HW_OFFLOAD'])
    .filter((_, i) => ((status >>> i) & 1) !== 0 && Status !== undefined);
