import { answerOf, classOf, directionOf, flowOf } from './answer.ts';
import { type Batch, batchSize } from './batch.ts';
import { type EngineContext, Family, type HelperPacket, type HelperRef, Protocol } from './engine.ts';
import { ExpectationList } from './expect.ts';
import type { FlowEvents } from './flow-events.ts';
import type { FlowExtras } from './flow-extras.ts';
import { Flows, type FlowsOptions } from './flows.ts';
import { HeldPackets, type HookDecision } from './held.ts';
import { Action, EventBit } from './l4/action.ts';
import { readIcmp, refuseIcmp } from './l4/icmp.ts';
import { isIcmpError } from './l4/icmp-types.ts';
import { readIcmpv6, refuseIcmpv6 } from './l4/icmpv6.ts';
import { isIcmpv6Error, isUntrackedIcmpv6 } from './l4/icmpv6-types.ts';
import { handle, protocolOf } from './l4/protocols.ts';
import { Packet, PacketClass } from './packet/packet.ts';
import { Atomic, Complete, readAtomic, readInner, readPacket, readUncollected } from './packet/read.ts';
import { Reassembly } from './packet/reassembly.ts';
import { type Rule, Rules, type RuleTarget } from './rules.ts';
import type { Settings } from './settings.ts';
import type { FlowTable } from './table/flow-table.ts';
import { EventMask, Expiry, FlowDoubles, FlowFlag, FlowWords, Serial, Status, StatusWord, ZoneAndFlags } from './table/layout.ts';
import { writeKey } from './table/write-key.ts';
import { invertPorts, readTuple } from './tuple.ts';

/** Options of a tracker. */
export interface TrackerOptions extends FlowsOptions {
  /** Default: no rules. */
  readonly rules?: Rules;
}

/** The target of packets that no rule matches. */
const noTarget: RuleTarget = {};

/**
 * The connection tracker: classifies packets, and begins, changes and ends flows by them. It has no I/O, clock or timer: each packet
 * supplies the time. A packet of a known flow allocates no object.
 */
export class Tracker {
  /** The table that the packets change. */
  readonly flows: Flows;
  readonly rules: Rules;
  readonly expectations: ExpectationList;
  readonly held: HeldPackets;
  /** The decision about the last packet: that of the helper's hook, or `dropped` if its new flow clashed with another one. */
  decision: HookDecision = 'pass';
  /** Fragments of the datagram that the last packet completed, in order of their offsets; empty if it was not a fragment. */
  fragments: readonly Uint8Array[] = [];

  readonly #context: EngineContext;
  // parts of `flows` that each packet needs
  readonly #table: FlowTable;
  readonly #settings: Settings;
  readonly #time: Float64Array;
  readonly #extras: FlowExtras;
  readonly #events: FlowEvents;
  readonly #packet = new Packet();
  readonly #batch = Array.from({ length: batchSize }, () => new Packet());
  /** @internal Result of the prefetch; stored so that it is not optimised away. */
  touched = 0;
  readonly #hashes = new Int32Array(batchSize);
  readonly #inner = new Packet();
  readonly #reassembly: Reassembly;
  #ingress = '';
  #outgoing = false;

  constructor(context: EngineContext, options: TrackerOptions) {
    this.#context = context;
    this.flows = new Flows(context, options);
    this.#table = this.flows.table;
    this.#settings = this.flows.settings;
    this.#time = this.flows.time;
    this.#extras = this.flows.extras;
    this.#events = this.flows.events;
    this.rules = options.rules ?? new Rules(context);
    this.expectations = new ExpectationList(this.flows);
    this.held = new HeldPackets(this.flows);
    this.#reassembly = new Reassembly(this.flows.settings);
    this.flows.companions.push(this.expectations, this.#reassembly);
  }

  /**
   * Tracks a packet, from the first hook to the last.
   * @param at offset of its IP header
   * @param there available bytes from `at` on
   * @param now milliseconds
   * @param ingress name of the receiving interface
   * @param outgoing whether this host sends it
   * @param unsized the packet's length if its header has length 0; 0: such a packet is dropped
   * @returns class, direction and flow: `classOf`, `directionOf`, `flowOf`
   */
  track(view: DataView, at: number, there: number, now: number, ingress = '', outgoing = false, unsized = 0): number {
    const answer = this.admit(view, at, there, now, ingress, outgoing, unsized);
    if (this.#extras.hasHelpers) this.#passHelper(answer, this.#packet);
    else if (this.flows.happened !== 0) this.leave(answer);
    return answer;
  }

  /** The first half of `track`: the packet's arrival. A new flow is not in the table until `leave`. */
  admit(view: DataView, at: number, there: number, now: number, ingress = '', outgoing = false, unsized = 0): number {
    this.#time[0] = now;
    this.#ingress = ingress;
    this.#outgoing = outgoing;
    const packet = this.#packet;
    packet.hashed = false;
    packet.read = readPacket(packet, view, at, there, this.#settings, unsized);
    return this.#admit(packet);
  }

  /**
   * Tracks up to `batchSize` packets in order. Reads and hashes their headers first and prefetches the memory of their flows, so that the
   * waits for memory overlap: several times faster than one by one if there are many flows.
   */
  trackBatch(batch: Batch): void {
    const { view, offsets, lengths, wholes, times, answers, count } = batch;
    this.#ingress = batch.ingress;
    this.#outgoing = false;
    const table = this.#table;
    const settings = this.#settings;
    const time = this.#time;
    const ahead = !this.rules.everyPacket;
    const hashes = this.#hashes;
    let hashed = 0;
    let wide = false;
    for (let i = 0; i < count; i++) {
      const packet = this.#batch[i]!;
      packet.read = readPacket(packet, view, offsets[i]!, lengths[i]!, settings);
      packet.hashed = false;
      if (packet.read !== Complete || packet.l4There < 4) {
        // its header may have length 0
        if (wholes[i]! > 0) packet.read = readPacket(packet, view, offsets[i]!, lengths[i]!, settings, wholes[i]!);
        continue;
      }
      if (!ahead) continue;
      if (packet.protocol !== Protocol.Tcp && packet.protocol !== Protocol.Udp) continue;
      packet.ports = view.getInt32(packet.l4At, false);
      packet.meta = packet.protocol | (packet.family << 8);
      hashes[hashed++] = packet.hash = table.hashPacket(packet);
      packet.hashed = true;
      if (packet.family === Family.Ipv6) wide = true;
    }
    this.touched = table.touch(hashes, hashed, wide);
    const { flows } = this;
    for (let i = 0; i < count; i++) {
      time[0] = times[i]!;
      const answer = this.#admit(this.#batch[i]!);
      answers[i] = answer;
      if (this.#extras.hasHelpers) this.#passHelper(answer, this.#batch[i]!);
      else if (flows.happened !== 0) this.leave(answer);
    }
  }

  #admit(packet: Packet): number {
    const { flows } = this;
    flows.catchUp();
    flows.happened = 0;
    this.decision = 'pass';
    if (this.fragments.length !== 0) this.fragments = [];
    return packet.read === Complete ? this.#trackComplete(packet) : this.#trackOther(packet, packet.read);
  }

  /** The second half of `track`: adds a new flow to the table and emits the events. */
  leave(answer: number): void {
    const flow = flowOf(answer);
    if (flow < 0) return;
    const { flows } = this;
    if ((flows.happened & EventBit.New) === 0) flows.emit('update', flow, flows.happened);
    else if (!flows.confirm(flow)) {
      this.decision = 'dropped';
      flows.statistics.drop++;
    }
    flows.happened = 0;
  }

  /** The helper's hook; called if there are helpers. */
  #passHelper(answer: number, packet: Packet): void {
    const flow = flowOf(answer);
    this.decision = flow < 0 ? 'pass' : this.#decide(answer, packet, flow);
    if (flow < 0) return;
    const { flows } = this;
    if (this.decision === 'pass') this.leave(answer);
    else if (this.decision === 'held') flows.happened = 0;
    else {
      if ((flows.happened & EventBit.New) !== 0) flows.forget(flow);
      else if (this.decision === 'passUnconfirmed') this.leave(answer);
      else if (flows.happened !== 0) this.#events.owe(flow, flows.happened);
      flows.happened = 0;
    }
  }

  #decide(answer: number, packet: Packet, flow: number): HookDecision {
    const helper = this.#extras.helperOf(flow);
    if (helper === undefined) {
      const orphan = this.#context.profile.dropOrphans && (this.#table.word(flow, StatusWord) & Status.Helper) !== 0;
      return orphan ? 'dropped' : 'pass';
    }
    if (helper.inspect === undefined) return this.held.decide(answer, packet, this.#ingress);
    if (classOf(answer) === PacketClass.Related && directionOf(answer) === 1) return 'pass';
    return helper.inspect(this.#helperPacket(answer, packet, flow)) ? 'pass' : 'dropped';
  }

  #helperPacket(answer: number, packet: Packet, flow: number): HelperPacket {
    const tcp = packet.protocol === Protocol.Tcp;
    const header = tcp ? (packet.view.getUint8(packet.l4At + 12) >>> 4) * 4 : 8;
    const length = Math.max(0, packet.l4There - header);
    const tuple = readTuple(this.#table, flow, directionOf(answer));
    return {
      owner: this.flows,
      serial: this.#table.word(flow, Serial),
      direction: directionOf(answer),
      established: classOf(answer) === PacketClass.Established,
      tuple,
      sequence: tcp ? packet.view.getInt32(packet.l4At + 4, false) : 0,
      payload: new Uint8Array(packet.view.buffer, packet.view.byteOffset + packet.l4At + (length === 0 ? 0 : header), length),
      expect: ({ source, destination, destinationPort, classIndex }) => {
        const { family, protocol, zone = 0 } = tuple;
        this.expectations.add({
          master: flow,
          tuple: { family, protocol, source, destination, sourcePort: 0, destinationPort, zone },
          mask: { source: new Uint8Array(source.length).fill(0xff), sourcePort: 0 },
          classIndex,
        });
      },
    };
  }

  #trackOther(packet: Packet, found: number): number {
    if (found === Atomic) found = this.#reassembly.collects(packet) ? PacketClass.Fragment : readAtomic(packet);
    if (found === PacketClass.Fragment) {
      const whole = this.#reassembly.add(packet, this.flows.now);
      if (whole === undefined) return PacketClass.Fragment;
      if (whole === 'refused')
        return readUncollected(packet) === Complete ? this.#trackComplete(packet) : this.#invalid('impossible fragment');
      this.fragments = whole.fragments;
      const view = new DataView(whole.bytes.buffer);
      packet.hashed = false;
      found = readPacket(packet, view, 0, whole.bytes.byteLength, whole.settings);
      if (found === Atomic) found = readAtomic(packet);
      if (found === PacketClass.Fragment) found = PacketClass.Invalid;
    }
    if (found === Complete) return this.#trackComplete(packet);
    if (found === PacketClass.Invalid) return this.#invalid('unreadable header chain');
    return found;
  }

  /** An ICMP message that is not tracked. */
  #error(reason: string): number {
    this.flows.reason = reason;
    this.flows.statistics.error++;
    return PacketClass.Invalid;
  }

  #invalid(reason: string): number {
    this.flows.reason = reason;
    this.flows.statistics.invalid++;
    return PacketClass.Invalid;
  }

  #trackComplete(packet: Packet): number {
    packet.meta = packet.protocol | (packet.family << 8);
    let rule: Rule | undefined;
    if (this.rules.everyPacket) {
      rule = this.rules.find(packet, this.#ingress, this.#outgoing);
      if (rule !== undefined) {
        if (rule.target.notrack === true) return PacketClass.Untracked;
      }
    }
    const checksum = this.#settings.checksum !== 0;
    if (packet.protocol === Protocol.Icmp || packet.protocol === Protocol.Icmpv6) {
      const answer = this.#trackIcmp(packet, checksum, rule);
      if (answer !== 0) return answer;
    } else {
      const protocol = protocolOf(packet);
      const refused = protocol.key(packet) ?? protocol.refuse(packet, checksum);
      if (refused !== undefined) return this.#invalid(refused);
    }
    return this.#trackKeyed(packet, rule);
  }

  /** @returns the result, or 0 for a message that has its own flow */
  #trackIcmp(packet: Packet, checksum: boolean, rule: Rule | undefined): number {
    if (packet.protocol === Protocol.Icmp) {
      if (packet.family !== Family.Ipv4) return this.#invalid('ICMP over IPv6');
      const refused = refuseIcmp(packet, checksum);
      if (refused !== undefined) return this.#error(refused);
      if (isIcmpError(packet.view.getUint8(packet.l4At))) return this.#relate(packet, rule);
      return readIcmp(packet) ? 0 : this.#invalid('no answer to this type');
    }
    if (packet.family !== Family.Ipv6) return this.#invalid('ICMPv6 over IPv4');
    const refused = refuseIcmpv6(packet, checksum);
    if (refused !== undefined) return this.#error(refused);
    const type = packet.view.getUint8(packet.l4At);
    if (isUntrackedIcmpv6(type)) return PacketClass.Untracked;
    if (isIcmpv6Error(type)) return this.#relate(packet, rule);
    return readIcmpv6(packet) ? 0 : this.#invalid('no answer to this type');
  }

  /** An ICMP error: it is related to the flow of the quoted packet, in the opposite direction. */
  #relate(packet: Packet, rule: Rule | undefined): number {
    const inner = this.#inner;
    if (!readInner(inner, packet)) return this.#error('no inner packet');
    inner.meta = inner.protocol | (inner.family << 8);
    if (protocolOf(inner).key(inner) !== undefined) return this.#error('inner packet without a key');
    turnRound(inner);
    const entry = this.#findZoned(inner, rule);
    if (entry < 0) return this.#error('no flow of the inner packet');
    if (!sameDestination(packet, inner)) return this.#error('outer daddr is not the inner source');
    return answerOf(PacketClass.Related, entry & 1, entry >> 1);
  }

  /**
   * Finds the flow of a packet in the zone of its rule. A zone of one direction is part of the key of that direction only: the packet is
   * looked up as an original with one zone, then as a reply with the other.
   */
  #findZoned(packet: Packet, rule: Rule | undefined): number {
    const zone = rule?.target.zone ?? 0;
    const only = zone === 0 ? undefined : rule?.target.zoneDirection;
    const bare = packet.meta & 0xffff;
    packet.meta = bare | ((only === 'reply' ? 0 : zone) << 16);
    const entry = this.#findAlive(packet, this.#table.hashPacket(packet));
    if (only === undefined) return entry;
    if (entry >= 0 && (entry & 1) === 0) return entry;
    const asOriginal = packet.meta;
    packet.meta = bare | ((only === 'reply' ? zone : 0) << 16);
    const other = this.#findAlive(packet, this.#table.hashPacket(packet));
    packet.meta = asOriginal;
    return other >= 0 && (other & 1) === 1 ? other : -1;
  }

  /** @returns the entry of a flow that has not expired, or -1; an expired one is removed */
  #findAlive(packet: Packet, hash: number): number {
    const entry = this.#table.find(packet, hash);
    if (entry < 0) return -1;
    if (this.#table.doubles[(entry >> 1) * FlowDoubles + Expiry]! > this.#time[0]!) return entry;
    return this.flows.expired(entry >> 1) ? entry : -1;
  }

  #trackKeyed(packet: Packet, rule: Rule | undefined): number {
    let hash = 0;
    let entry: number;
    if (rule?.target.zone === undefined) {
      hash = packet.hashed ? packet.hash : this.#table.hashPacket(packet);
      entry = this.#findAlive(packet, hash);
    } else entry = this.#findZoned(packet, rule);
    if (entry < 0) return this.#begin(packet, hash, rule);
    const flow = entry >> 1;
    const direction = entry & 1;
    const { flows } = this;
    const words = this.#table.words;
    const base = flow * FlowWords;
    const status = words[base + StatusWord]!;
    const action = handle(flows, packet, flow, direction);
    if (this.#events.owes && (action === Action.Count || action === Action.Ignore)) flows.happened |= this.#events.collect(flow);
    if (action === Action.Count) {
      if ((words[base + ZoneAndFlags]! & FlowFlag.Counted) !== 0) flows.count(flow, direction, packet.length);
    } else if (action !== Action.Ignore) return this.#unusual(packet, hash, rule, flow, direction, action);
    let packetClass: number;
    if (direction !== 0) {
      packetClass = PacketClass.Established;
      if ((status & Status.SeenReply) === 0) {
        words[base + StatusWord] = words[base + StatusWord]! | Status.SeenReply;
        flows.happened |= EventBit.Reply;
      }
    } else if ((status & Status.SeenReply) !== 0) packetClass = PacketClass.Established;
    else packetClass = (status & Status.Expected) !== 0 ? PacketClass.Related : PacketClass.New;
    return ((flow + 1) << 4) | (direction << 3) | packetClass;
  }

  /** Handles a packet that is invalid or ends its flow. */
  #unusual(packet: Packet, hash: number, rule: Rule | undefined, flow: number, direction: number, action: Action): number {
    const { flows } = this;
    const { happened } = flows;
    flows.happened = 0;
    if (action === Action.Invalid) {
      // the events of an invalid packet are emitted with the next packet
      if (happened !== 0) this.#events.owe(flow, happened);
      flows.statistics.invalid++;
      return PacketClass.Invalid;
    }
    if (action === Action.Restart) {
      flows.destroy(flow);
      return this.#begin(packet, hash, rule);
    }
    if ((this.#table.word(flow, ZoneAndFlags) & FlowFlag.Counted) !== 0) flows.count(flow, direction, packet.length);
    flows.destroy(flow);
    // its index is free, so the result has no flow
    return answerOf(direction === 0 ? PacketClass.New : PacketClass.Established, direction, -1);
  }

  /** The first packet of a flow. */
  #begin(packet: Packet, hash: number, rule: Rule | undefined): number {
    const { flows } = this;
    // a full table is checked first: it also drops packets that cannot create a flow
    if (!flows.makeSpace(hash)) {
      flows.statistics.drop++;
      flows.onFull('dropped');
      return PacketClass.Dropped;
    }
    flows.reason = 'invalid new';
    const protocol = protocolOf(packet);
    if (!protocol.mayBegin(flows, packet)) {
      flows.statistics.invalid++;
      return PacketClass.Invalid;
    }
    if (rule === undefined && this.rules.size !== 0) rule = this.rules.find(packet, this.#ingress, this.#outgoing);
    const flow = this.#table.allocate();
    const { zone = 0, zoneDirection } = rule?.target ?? noTarget;
    writeKey(this.#table, flow, packet, zone, zoneDirection);
    if (zone !== 0 && zoneDirection !== undefined) flows.mayClash = true; // its reply has another key than the mirror of its original
    flows.initialise(flow);
    if (rule !== undefined) this.#applyRule(flow, rule);
    const expected = this.expectations.size !== 0 && this.expectations.claim(packet, flow);
    protocol.begin(flows, packet, flow);
    if (protocol.handle(flows, packet, flow, 0) !== Action.Count) {
      flows.forget(flow);
      flows.statistics.invalid++;
      return PacketClass.Invalid;
    }
    if ((this.#table.word(flow, ZoneAndFlags) & FlowFlag.Counted) !== 0) flows.count(flow, 0, packet.length);
    flows.happened |= expected ? EventBit.New | EventBit.Related : EventBit.New;
    return answerOf(expected ? PacketClass.Related : PacketClass.New, 0, flow);
  }

  #applyRule(flow: number, rule: Rule): void {
    if (rule.policy !== undefined) this.#extras.attachPolicy(flow, rule.policy);
    if (rule.helper !== undefined) this.#extras.attachHelper(flow, rule.helper);
    const { events, expectationEvents } = rule.target;
    if (events !== undefined || expectationEvents !== undefined) {
      this.#table.words[flow * FlowWords + EventMask] = ((events ?? 0xffff) & 0xffff) | ((expectationEvents ?? 0xffff) << 16);
    }
  }

  /** Removes a helper from every flow, emits an event for each, and removes its expectations. */
  detachHelper(helper: HelperRef): void {
    if (!this.#extras.knowsHelper(helper)) return;
    this.expectations.removeOfHelper(helper);
    this.#extras.detachHelper(helper, (flow) => {
      if (this.flows.isConfirmed(flow)) this.flows.emit('update', flow, EventBit.Helper);
    });
  }
}

/** Inverts a packet's key, into that of its replies. */
function turnRound(packet: Packet): void {
  const { source0, source1, source2, source3 } = packet;
  packet.source0 = packet.destination0;
  packet.source1 = packet.destination1;
  packet.source2 = packet.destination2;
  packet.source3 = packet.destination3;
  packet.destination0 = source0;
  packet.destination1 = source1;
  packet.destination2 = source2;
  packet.destination3 = source3;
  packet.ports = invertPorts(packet.protocol, packet.ports);
}

function sameDestination(a: Packet, b: Packet): boolean {
  if (a.destination0 !== b.destination0) return false;
  if (a.family === Family.Ipv4) return true;
  return a.destination1 === b.destination1 && a.destination2 === b.destination2 && a.destination3 === b.destination3;
}
