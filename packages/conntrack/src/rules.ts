import { type EngineContext, Family, type HelperRef, Protocol, type TimeoutPolicyRef } from './engine.ts';
import type { Packet } from './packet/packet.ts';

/** An address range by prefix: four or sixteen bytes. */
export interface Prefix {
  readonly address: Uint8Array;
  /** Bits, 0..32 or 0..128. */
  readonly length: number;
  readonly inverted?: boolean;
}

/** An inclusive range of ports. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
  readonly inverted?: boolean;
}

/** The packets that a rule matches; an absent field matches all. */
export interface RuleMatch {
  /** AF_INET 2 or AF_INET6 10; default: both. */
  readonly family?: number;
  readonly protocol?: number;
  readonly protocolInverted?: boolean;
  readonly source?: Prefix;
  readonly destination?: Prefix;
  readonly sourcePort?: PortRange;
  readonly destinationPort?: PortRange;
  /** Name of the receiving interface; a trailing `+` matches any suffix. */
  readonly ingress?: string;
  /** `in`: packets from outside (PREROUTING), `out`: packets that this host sends (OUTPUT). */
  readonly direction?: 'in' | 'out';
}

/** The properties that a rule assigns to the flows that its packets create: the raw table's CT target. */
export interface RuleTarget {
  /** 1..65535 */
  readonly zone?: number;
  /** The direction whose key contains the zone; default: both. */
  readonly zoneDirection?: 'original' | 'reply';
  readonly helper?: string;
  readonly timeout?: string;
  /** IPCT_* bits of the events that the flow emits; default: all. */
  readonly events?: number;
  /** IPEXP_* bits of the events that its expectations emit. */
  readonly expectationEvents?: number;
  /** Its packets are not tracked. */
  readonly notrack?: boolean;
}

/** A rule of the list. */
export interface Rule {
  readonly id: number;
  readonly match: RuleMatch;
  readonly target: RuleTarget;
  /** @internal Its addresses as 32-bit words. */
  readonly compiled: CompiledMatch;
  /** @internal */
  readonly policy: TimeoutPolicyRef | undefined;
  /** @internal */
  readonly helper: HelperRef | undefined;
}

/** The reason why a rule is rejected: a name does not exist, or its protocols are not the rule's. */
export type RuleRefusal = 'ENOENT' | 'EINVAL';

/** Protocols that have their own tracker, for which a generic policy cannot be used. */
const tracked: ReadonlySet<number> = new Set<number>(Object.values(Protocol));
/** The protocol number of the generic policy. */
const generic = 255;

/** The rules of a namespace, in order: the first that matches decides. They hold references to their policies and helpers. */
export class Rules {
  readonly #context: EngineContext;
  #rules: Rule[] = [];
  #nextId = 1;
  /** Whether every packet must be matched, not only the first of a flow: a rule has a zone or notrack. */
  everyPacket = false;

  constructor(context: EngineContext) {
    this.#context = context;
  }

  get size(): number {
    return this.#rules.length;
  }

  list(): readonly Rule[] {
    return this.#rules;
  }

  /** Adds a rule at a position; default: the end. @returns the rule, or the reason of the rejection */
  add(match: RuleMatch, target: RuleTarget, at = this.#rules.length): Rule | RuleRefusal {
    const rule = this.#make(match, target);
    if (typeof rule !== 'string') this.#set(this.#rules.toSpliced(at, 0, rule));
    return rule;
  }

  /**
   * Replaces rules by others, which come before all that stay. The new ones hold their policies and helpers before the old ones release theirs.
   * @param ids of the rules to remove
   * @returns the new rules; or the position of the rejected one and the reason, and nothing is changed
   */
  replace(
    ids: ReadonlySet<number>,
    wanted: Iterable<{ readonly match: RuleMatch; readonly target: RuleTarget }>,
  ): readonly Rule[] | { readonly at: number; readonly refused: RuleRefusal } {
    const made: Rule[] = [];
    for (const { match, target } of wanted) {
      const rule = this.#make(match, target);
      if (typeof rule === 'string') {
        made.forEach(release);
        return { at: made.length, refused: rule };
      }
      made.push(rule);
    }
    const gone = this.#rules.filter(({ id }) => ids.has(id));
    this.#set([...made, ...this.#rules.filter(({ id }) => !ids.has(id))]);
    gone.forEach(release);
    return made;
  }

  #make(match: RuleMatch, target: RuleTarget): Rule | RuleRefusal {
    const policy = target.timeout === undefined ? undefined : this.#policyFor(match, target.timeout);
    if (typeof policy === 'string') return policy;
    const helper = target.helper === undefined ? undefined : this.#helperFor(match, target.helper);
    if (typeof helper === 'string') return helper;
    if (policy !== undefined && !policy.hold()) return 'ENOENT';
    if (helper !== undefined && !helper.hold()) {
      policy?.release();
      return 'ENOENT';
    }
    return { id: this.#nextId++, match, target, compiled: compile(match), policy, helper };
  }

  /** @returns whether it existed */
  delete(id: number): boolean {
    const rule = this.#rules.find((one) => one.id === id);
    if (rule === undefined) return false;
    this.#set(this.#rules.filter((one) => one !== rule));
    release(rule);
    return true;
  }

  /** Removes the rules that `which` selects; default: all. @returns their number */
  flush(which: (rule: Rule) => boolean = () => true): number {
    const gone = new Set(this.#rules.filter(which));
    this.#set(this.#rules.filter((rule) => !gone.has(rule)));
    gone.forEach(release);
    return gone.size;
  }

  /** The first rule that matches a packet. Ports are read if the protocol has ports. */
  find(packet: Packet, ingress: string, outgoing: boolean): Rule | undefined {
    for (const rule of this.#rules) if (matches(rule, packet, ingress, outgoing)) return rule;
    return undefined;
  }

  #set(rules: Rule[]): void {
    this.#rules = rules;
    this.everyPacket = rules.some((rule) => rule.target.notrack === true || rule.target.zone !== undefined);
  }

  #policyFor(match: RuleMatch, name: string): TimeoutPolicyRef | RuleRefusal {
    if (match.protocol === undefined || match.protocolInverted === true) return 'EINVAL';
    const policy = this.#context.findPolicy(name);
    if (policy === undefined) return 'ENOENT';
    if (policy.l3num !== match.family) return 'EINVAL';
    if (policy.l4 !== match.protocol && !(policy.l4 === generic && !tracked.has(match.protocol))) return 'EINVAL';
    return policy;
  }

  #helperFor(match: RuleMatch, name: string): HelperRef | RuleRefusal {
    if (match.protocol === undefined || match.protocolInverted === true) return 'EINVAL';
    return this.#context.findHelper(name, match.family ?? Family.Ipv4, match.protocol) ?? 'ENOENT';
  }
}

function release(rule: Rule): void {
  rule.policy?.release();
  rule.helper?.release();
}

function matches({ match, compiled }: Rule, packet: Packet, ingress: string, outgoing: boolean): boolean {
  if (match.family !== undefined && match.family !== packet.family) return false;
  if (match.protocol !== undefined && (match.protocol === packet.protocol) === (match.protocolInverted === true)) return false;
  if (match.direction !== undefined && (match.direction === 'out') !== outgoing) return false;
  if (match.ingress !== undefined && !sameInterface(match.ingress, ingress)) return false;
  if (compiled.source !== undefined && !sourceWithin(compiled.source, packet)) return false;
  if (compiled.destination !== undefined && !destinationWithin(compiled.destination, packet)) return false;
  if (match.sourcePort === undefined && match.destinationPort === undefined) return true;
  if (packet.l4There < 4) return false;
  const source = packet.view.getUint16(packet.l4At, false);
  const destination = packet.view.getUint16(packet.l4At + 2, false);
  return inRange(match.sourcePort, source) && inRange(match.destinationPort, destination);
}

function sameInterface(pattern: string, name: string): boolean {
  return pattern.endsWith('+') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}

function inRange(range: PortRange | undefined, port: number): boolean {
  return range === undefined || (port >= range.from && port <= range.to) !== (range.inverted === true);
}

/** A prefix as four words of address and mask; unused words are zero. */
interface CompiledPrefix {
  readonly family: number;
  readonly words: Int32Array;
  readonly masks: Int32Array;
  readonly inverted: boolean;
}

/** The addresses of a match. */
export interface CompiledMatch {
  readonly source: CompiledPrefix | undefined;
  readonly destination: CompiledPrefix | undefined;
}

const compile = ({ source, destination }: RuleMatch): CompiledMatch => ({
  source: source === undefined ? undefined : compilePrefix(source),
  destination: destination === undefined ? undefined : compilePrefix(destination),
});

function compilePrefix({ address, length, inverted = false }: Prefix): CompiledPrefix {
  const view = new DataView(address.buffer, address.byteOffset, address.byteLength);
  const words = new Int32Array(4);
  const masks = new Int32Array(4);
  for (let i = 0; i * 4 < address.byteLength; i++) {
    const bits = Math.max(0, Math.min(32, length - i * 32));
    masks[i] = bits === 0 ? 0 : -1 << (32 - bits);
    words[i] = view.getInt32(i * 4) & masks[i]!;
  }
  return { family: address.byteLength === 4 ? Family.Ipv4 : Family.Ipv6, words, masks, inverted };
}

function sourceWithin({ family, words, masks, inverted }: CompiledPrefix, packet: Packet): boolean {
  if (family !== packet.family) return inverted;
  let inside = (packet.source0 & masks[0]!) === words[0];
  if (family === Family.Ipv6 && inside) {
    inside =
      (packet.source1 & masks[1]!) === words[1] && (packet.source2 & masks[2]!) === words[2] && (packet.source3 & masks[3]!) === words[3];
  }
  return inside !== inverted;
}

function destinationWithin({ family, words, masks, inverted }: CompiledPrefix, packet: Packet): boolean {
  if (family !== packet.family) return inverted;
  let inside = (packet.destination0 & masks[0]!) === words[0];
  if (family === Family.Ipv6 && inside) {
    inside =
      (packet.destination1 & masks[1]!) === words[1] &&
      (packet.destination2 & masks[2]!) === words[2] &&
      (packet.destination3 & masks[3]!) === words[3];
  }
  return inside !== inverted;
}
