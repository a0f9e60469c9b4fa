import { answerOf, classOf, directionOf, flowOf } from './answer.ts';
import { type Batch, batchSize } from './batch.ts';
import { type EngineContext, Family, type HelperPacket, type HelperRef, Protocol, type TimeoutTables } from './engine.ts';
import { type Expectation, type ExpectationEvent, ExpectationList } from './expect.ts';
import { FlowExtras } from './flow-extras.ts';
import { FlowOwners } from './flow-owners.ts';
import { HeldPackets, type HookDecision } from './held.ts';
import { Action, EventBit } from './l4/action.ts';
import { isIcmpError, readIcmp, refuseIcmp } from './l4/icmp.ts';
import { isIcmpv6Error, isUntrackedIcmpv6, readIcmpv6, refuseIcmpv6 } from './l4/icmpv6.ts';
import { begin, handle, mayBegin, readKey, refuse } from './l4/protocols.ts';
import { Segment } from './l4/tcp-segment.ts';
import { Packet, PacketClass } from './packet/packet.ts';
import { Atomic, Complete, readAtomic, readInner, readPacket, readUncollected } from './packet/read.ts';
import { Reassembly } from './packet/reassembly.ts';
import { type Rule, Rules, type RuleTarget } from './rules.ts';
import { defaultSettings, type Settings } from './settings.ts';
import { Statistics } from './statistics.ts';
import { FlowTable } from './table/flow-table.ts';
import {
  BytesOrig,
  BytesReply,
  Created,
  Ended,
  EventMask,
  Expectations,
  Expiry,
  FlowDoubles,
  FlowFlag,
  FlowWords,
  Id,
  Mark,
  Master,
  PacketsOrig,
  PacketsReply,
  Serial,
  Status,
  StatusWord,
  ZoneAndFlags,
} from './table/layout.ts';
import { Wheel } from './table/wheel.ts';
import { writeKey } from './table/write-key.ts';
import { invertPorts, readTuple } from './tuple.ts';

/** Events of flows: NEW, UPDATE and DESTROY of `conntrack -E`. */
export type FlowEvent = 'new' | 'update' | 'destroy';

/** A receiver of events. It is called while the flow can still be read, and must not change the table. */
export interface EventSink {
  /** Whether a program receives events of flows now; called for each new flow if `Settings.events` is 2. Default: true. */
  listens?(): boolean;
  /**
   * @param happened `EventBit`s
   * @param missed `EventBit`s of earlier events about the flow that this sink could not deliver
   * @returns false if a listener that wants every event could not take it: the tracker offers it again
   */
  flow(event: FlowEvent, flow: number, happened: number, missed: number): unknown;
  /**
   * Offers what could not be delivered again: DESTROY of a flow that is dying, otherwise what the flow has missed.
   * @returns false if a listener still cannot take it
   */
  retry?(flow: number, missed: number): boolean;
  expectation(event: ExpectationEvent, expectation: Expectation): void;
}

/** Options of a tracker. */
export interface TrackerOptions {
  /** The initial time: milliseconds since 1970 or any other origin; later times come with the packets. */
  readonly now: number;
  /** Capacity of the arena in flows; `settings.max` may be lower. Default: 262,144. */
  readonly capacity?: number;
  readonly settings?: Settings;
  /** Default: no rules. */
  readonly rules?: Rules;
}

/** Index of the timeout of established TCP flows. */
const establishedTimeout = 2;

/** The target of packets that no rule matches. */
const noTarget: RuleTarget = {};

/** In the bits of `#owed`: an event of the flow could not be delivered. */
const missedMark = 1 << 16;

/** Number of slots in which early drop searches for a flow to evict. */
const evictionRange = 64;

/**
 * The connection tracker: classifies packets and keeps the table of flows. It has no I/O, clock or timer: each packet and `advance` supply
 * the time. A packet of a known flow allocates no object.
 */
export class Tracker {
  readonly context: EngineContext;
  readonly settings: Settings;
  readonly timeouts: TimeoutTables;
  readonly table: FlowTable;
  readonly rules: Rules;
  readonly expectations: ExpectationList;
  readonly held: HeldPackets;
  readonly statistics: Statistics = new Statistics();
  /** The time of the current packet, in milliseconds. */
  readonly time: Float64Array = new Float64Array(1);
  /** Events of the current packet's flow: `EventBit`s. */
  happened = 0;
  /** @internal The current TCP segment. */
  readonly segment: Segment = new Segment();
  /** The reason why the last packet was invalid or ignored, for the log. */
  reason = '';
  /** The decision about the last packet: that of the helper's hook, or `dropped` if its new flow clashed with another one. */
  decision: HookDecision = 'pass';
  /** Fragments of the datagram that the last packet completed, in order of their offsets; empty if it was not a fragment. */
  fragments: readonly Uint8Array[] = [];
  sink: EventSink | undefined;
  /** Called after `awaitDue` if `advance` is needed earlier than it returned. */
  onEarlier: () => void = () => {};
  /** Called when the table is full: a packet was dropped, or a flow that is not assured was deleted to make space. */
  onFull: (what: 'dropped' | 'earlyDrop') => void = () => {};
  /** Whether the reply of some flow is not the mirror of its original, or is in another zone: then new flows may clash. */
  mayClash = false;
  /** Properties of flows outside the arena. */
  readonly extras: FlowExtras;
  readonly owners: FlowOwners = new FlowOwners();

  readonly #packet = new Packet();
  readonly #batch = Array.from({ length: batchSize }, () => new Packet());
  /** @internal Result of the prefetch; stored so that it is not optimised away. */
  touched = 0;
  readonly #hashes = new Int32Array(batchSize);
  readonly #inner = new Packet();
  readonly #wheel: Wheel;
  readonly #reassembly: Reassembly;
  /** `EventBit`s of flows that were not emitted yet. */
  readonly #owed = new Map<number, number>();
  /** `EventBit`s of events that a listener which wants every event could not take; they are sent with the next event of the flow. */
  readonly #missed = new Map<number, number>();
  /** Flows that have ended and whose DESTROY could not be delivered. They count against `nf_conntrack_max`. */
  readonly #dying: number[] = [];
  /** Called when a flow joins the dying ones. */
  onDying: () => void = () => {};
  readonly #msPerTick: number;
  readonly #expire: (flow: number) => void;
  #nextTick: number;
  /** The last result of `awaitDue`; -Infinity if it was not called. */
  #due = Number.NEGATIVE_INFINITY;
  #ingress = '';
  #outgoing = false;

  constructor(context: EngineContext, options: TrackerOptions) {
    this.context = context;
    this.settings = options.settings ?? defaultSettings();
    this.timeouts = context.timeouts;
    this.table = new FlowTable(options.capacity ?? 262_144, context.random32);
    this.extras = new FlowExtras(this.table);
    this.rules = options.rules ?? new Rules(context);
    this.expectations = new ExpectationList(this);
    this.held = new HeldPackets(this);
    this.time[0] = options.now;
    this.#wheel = new Wheel(this.table, options.now);
    this.#wheel.onEarlier = () => this.dueBy(Number.NEGATIVE_INFINITY);
    this.#nextTick = this.#wheel.next;
    this.#reassembly = new Reassembly(this.settings);
    this.#msPerTick = 1000 / context.hz;
    this.#expire = (flow) => void this.#expired(flow);
  }

  /** The time of the last packet or `advance`, in milliseconds. */
  get now(): number {
    return this.time[0]!;
  }

  /** Advances the time: removes expired flows, expectations and fragments. */
  advance(now: number): void {
    this.time[0] = now;
    if (now < this.#nextTick) return;
    this.#wheel.advance(now, this.#expire);
    this.#nextTick = this.#wheel.next;
    this.expectations.expire(now);
    this.#reassembly.expire(now);
  }

  /**
   * The time of the next needed `advance`, so that flows and expectations expire in time, in milliseconds; Infinity: none. See `onEarlier`.
   */
  awaitDue(): number {
    this.#due = Math.max(this.#nextTick, Math.min(this.#wheel.await(), this.expectations.nextExpiry));
    return this.#due;
  }

  /** @internal An object expires at this time, in milliseconds. */
  dueBy(time: number): void {
    if (time >= this.#due) return;
    this.#due = Number.NEGATIVE_INFINITY;
    this.onEarlier();
  }

  /** Ends an expired flow unless its owner keeps it. @returns whether it was kept */
  #expired(flow: number): boolean {
    if (!this.owners.keeps(flow)) {
      this.destroy(flow);
      return false;
    }
    this.table.doubles[flow * FlowDoubles + Expiry] = this.time[0]! + this.establishedTicks(flow) * this.#msPerTick;
    this.#refile(flow);
    return true;
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
    if (this.extras.hasHelpers) this.#passHelper(answer, this.#packet);
    else if (this.happened !== 0) this.leave(answer);
    return answer;
  }

  /** The first half of `track`: the packet's arrival. A new flow is not in the table until `leave`. */
  admit(view: DataView, at: number, there: number, now: number, ingress = '', outgoing = false, unsized = 0): number {
    this.time[0] = now;
    this.#ingress = ingress;
    this.#outgoing = outgoing;
    const packet = this.#packet;
    packet.hashed = false;
    packet.read = readPacket(packet, view, at, there, this.settings, unsized);
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
    const { table, settings } = this;
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
    for (let i = 0; i < count; i++) {
      this.time[0] = times[i]!;
      const answer = this.#admit(this.#batch[i]!);
      answers[i] = answer;
      if (this.extras.hasHelpers) this.#passHelper(answer, this.#batch[i]!);
      else if (this.happened !== 0) this.leave(answer);
    }
  }

  #admit(packet: Packet): number {
    if (this.time[0]! >= this.#nextTick) this.advance(this.time[0]!);
    this.happened = 0;
    this.decision = 'pass';
    if (this.fragments.length !== 0) this.fragments = [];
    return packet.read === Complete ? this.#trackComplete(packet) : this.#trackOther(packet, packet.read);
  }

  /** The second half of `track`: adds a new flow to the table and emits the events. */
  leave(answer: number): void {
    const flow = flowOf(answer);
    if (flow < 0) return;
    if ((this.happened & EventBit.New) === 0) this.emit('update', flow, this.happened);
    else if (!this.confirm(flow)) {
      this.decision = 'dropped';
      this.statistics.drop++;
    }
    this.happened = 0;
  }

  /** Adds the events of earlier packets of a flow that were not emitted. */
  #collectOwed(flow: number): void {
    this.happened |= this.#owed.get(flow) ?? 0;
    this.#owed.delete(flow);
  }

  /** The helper's hook; called if there are helpers. */
  #passHelper(answer: number, packet: Packet): void {
    const flow = flowOf(answer);
    this.decision = flow < 0 ? 'pass' : this.#decide(answer, packet, flow);
    if (flow < 0) return;
    if (this.decision === 'pass') this.leave(answer);
    else if (this.decision === 'held') this.happened = 0;
    else {
      if ((this.happened & EventBit.New) !== 0) this.#forget(flow);
      else if (this.decision === 'passUnconfirmed') this.leave(answer);
      else if (this.happened !== 0) this.#owed.set(flow, this.happened);
      this.happened = 0;
    }
  }

  #decide(answer: number, packet: Packet, flow: number): HookDecision {
    const helper = this.extras.helperOf(flow);
    if (helper === undefined) {
      const orphan = this.context.profile.dropOrphans && (this.table.word(flow, StatusWord) & Status.Helper) !== 0;
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
    const tuple = readTuple(this.table, flow, directionOf(answer));
    return {
      owner: this,
      serial: this.table.word(flow, Serial),
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
      const whole = this.#reassembly.add(packet, this.now);
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
    this.reason = reason;
    this.statistics.error++;
    return PacketClass.Invalid;
  }

  #invalid(reason: string): number {
    this.reason = reason;
    this.statistics.invalid++;
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
    const checksum = this.settings.checksum !== 0;
    if (packet.protocol === Protocol.Icmp || packet.protocol === Protocol.Icmpv6) {
      const answer = this.#trackIcmp(packet, checksum, rule);
      if (answer !== 0) return answer;
    } else {
      const refused = readKey(packet) ?? refuse(packet, checksum);
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
    if (readKey(inner) !== undefined) return this.#error('inner packet without a key');
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
    const entry = this.#findAlive(packet, this.table.hashPacket(packet));
    if (only === undefined) return entry;
    if (entry >= 0 && (entry & 1) === 0) return entry;
    const asOriginal = packet.meta;
    packet.meta = bare | ((only === 'reply' ? zone : 0) << 16);
    const other = this.#findAlive(packet, this.table.hashPacket(packet));
    packet.meta = asOriginal;
    return other >= 0 && (other & 1) === 1 ? other : -1;
  }

  /** @returns the entry of a flow that has not expired, or -1; an expired one is removed */
  #findAlive(packet: Packet, hash: number): number {
    const entry = this.table.find(packet, hash);
    if (entry < 0) return -1;
    if (this.table.doubles[(entry >> 1) * FlowDoubles + Expiry]! > this.time[0]!) return entry;
    return this.#expired(entry >> 1) ? entry : -1;
  }

  #trackKeyed(packet: Packet, rule: Rule | undefined): number {
    let hash = 0;
    let entry: number;
    if (rule?.target.zone === undefined) {
      hash = packet.hashed ? packet.hash : this.table.hashPacket(packet);
      entry = this.#findAlive(packet, hash);
    } else entry = this.#findZoned(packet, rule);
    if (entry < 0) return this.#begin(packet, hash, rule);
    const flow = entry >> 1;
    const direction = entry & 1;
    const words = this.table.words;
    const base = flow * FlowWords;
    const status = words[base + StatusWord]!;
    const action = handle(this, packet, flow, direction);
    if (this.#owed.size !== 0 && (action === Action.Count || action === Action.Ignore)) this.#collectOwed(flow);
    if (action === Action.Count) {
      if ((words[base + ZoneAndFlags]! & FlowFlag.Counted) !== 0) this.#count(flow, direction, packet.length);
    } else if (action !== Action.Ignore) return this.#unusual(packet, hash, rule, flow, direction, action);
    let packetClass: number;
    if (direction !== 0) {
      packetClass = PacketClass.Established;
      if ((status & Status.SeenReply) === 0) {
        words[base + StatusWord] = words[base + StatusWord]! | Status.SeenReply;
        this.happened |= EventBit.Reply;
      }
    } else if ((status & Status.SeenReply) !== 0) packetClass = PacketClass.Established;
    else packetClass = (status & Status.Expected) !== 0 ? PacketClass.Related : PacketClass.New;
    return ((flow + 1) << 4) | (direction << 3) | packetClass;
  }

  /** Handles a packet that is invalid or ends its flow. */
  #unusual(packet: Packet, hash: number, rule: Rule | undefined, flow: number, direction: number, action: Action): number {
    const happened = this.happened;
    this.happened = 0;
    if (action === Action.Invalid) {
      // the events of an invalid packet are emitted with the next packet
      if (happened !== 0) this.#owed.set(flow, (this.#owed.get(flow) ?? 0) | happened);
      this.statistics.invalid++;
      return PacketClass.Invalid;
    }
    if (action === Action.Restart) {
      this.destroy(flow);
      return this.#begin(packet, hash, rule);
    }
    if ((this.table.word(flow, ZoneAndFlags) & FlowFlag.Counted) !== 0) this.#count(flow, direction, packet.length);
    this.destroy(flow);
    // its index is free, so the result has no flow
    return answerOf(direction === 0 ? PacketClass.New : PacketClass.Established, direction, -1);
  }

  #count(flow: number, direction: number, length: number): void {
    const doubles = this.table.doubles;
    const at = flow * FlowDoubles + (direction === 0 ? PacketsOrig : PacketsReply);
    doubles[at] = doubles[at]! + 1;
    doubles[at + BytesOrig - PacketsOrig] = doubles[at + BytesReply - PacketsReply]! + length;
  }

  /** The first packet of a flow. */
  #begin(packet: Packet, hash: number, rule: Rule | undefined): number {
    // a full table is checked first: it also drops packets that cannot create a flow
    if (!this.#makeRoom(hash)) {
      this.statistics.drop++;
      this.onFull('dropped');
      return PacketClass.Dropped;
    }
    this.reason = 'invalid new';
    if (!mayBegin(this, packet)) {
      this.statistics.invalid++;
      return PacketClass.Invalid;
    }
    if (rule === undefined && this.rules.size !== 0) rule = this.rules.find(packet, this.#ingress, this.#outgoing);
    const flow = this.table.allocate();
    const { zone = 0, zoneDirection } = rule?.target ?? noTarget;
    writeKey(this.table, flow, packet, zone, zoneDirection);
    if (zone !== 0 && zoneDirection !== undefined) this.mayClash = true; // its reply has another key than the mirror of its original
    this.initialise(flow);
    if (rule !== undefined) this.#applyRule(flow, rule);
    const expected = this.expectations.size !== 0 && this.expectations.claim(packet, flow);
    begin(this, packet, flow);
    if (handle(this, packet, flow, 0) !== Action.Count) {
      this.#forget(flow);
      this.statistics.invalid++;
      return PacketClass.Invalid;
    }
    if ((this.table.word(flow, ZoneAndFlags) & FlowFlag.Counted) !== 0) this.#count(flow, 0, packet.length);
    this.happened |= expected ? EventBit.New | EventBit.Related : EventBit.New;
    return answerOf(expected ? PacketClass.Related : PacketClass.New, 0, flow);
  }

  /** Initialises the common fields of a flow. Its tuples are already written. */
  initialise(flow: number): void {
    const { words, doubles } = this.table;
    const base = flow * FlowWords;
    let flags = 0;
    if (this.settings.acct !== 0) flags |= FlowFlag.Counted;
    if (this.settings.timestamp !== 0) flags |= FlowFlag.Stamped;
    words[base + ZoneAndFlags] = words[base + ZoneAndFlags]! | flags;
    // with setting 2 a flow that begins without a listener emits no events
    words[base + EventMask] = this.settings.events === 2 && this.#isUnheard() ? 0 : -1;
    words[base + Id] = this.table.scramble(flow, this.table.serial);
    doubles[flow * FlowDoubles + Created] = this.time[0]!;
  }

  #isUnheard(): boolean {
    return this.sink === undefined || this.sink.listens?.() === false;
  }

  #applyRule(flow: number, rule: Rule): void {
    if (rule.policy !== undefined) this.extras.attachPolicy(flow, rule.policy);
    if (rule.helper !== undefined) this.extras.attachHelper(flow, rule.helper);
    const { events, expectationEvents } = rule.target;
    if (events !== undefined || expectationEvents !== undefined) {
      this.table.words[flow * FlowWords + EventMask] = ((events ?? 0xffff) & 0xffff) | ((expectationEvents ?? 0xffff) << 16);
    }
  }

  /** Whether the table is full. `nf_conntrack_max` 0: only the arena limits it. */
  get isFull(): boolean {
    const { used, capacity } = this.table;
    const { max } = this.settings;
    return used >= capacity || (max !== 0 && used >= max);
  }

  /** Makes space for one flow: evicts a flow that is not assured if the table is full. @returns false if there is no space */
  #makeRoom(hash: number): boolean {
    if (!this.isFull) return true;
    const victim = this.table.scan(
      hash,
      evictionRange,
      (flow) => (this.table.word(flow, StatusWord) & (Status.Assured | Status.Dying)) === 0,
    );
    if (victim < 0) return false;
    this.destroy(victim);
    if (this.isFull) return false; // its DESTROY could not be delivered
    this.statistics.earlyDrop++;
    this.onFull('earlyDrop');
    return true;
  }

  /** Adds a flow to the table. @returns false if another flow has taken one of its tuples meanwhile: the flow was deleted */
  confirm(flow: number, checked = false): boolean {
    const words = this.table.words;
    if ((checked || this.mayClash) && (this.table.findTwin(flow, 0) >= 0 || this.table.findTwin(flow, 1) >= 0)) {
      this.statistics.insertFailed++;
      this.#forget(flow);
      return false;
    }
    words[flow * FlowWords + StatusWord] = words[flow * FlowWords + StatusWord]! | Status.Confirmed;
    this.table.insert(flow);
    this.#wheel.file(flow);
    this.statistics.entered++;
    this.emit('new', flow, this.happened | EventBit.New);
    return true;
  }

  /** Deletes a flow that was not added to the table. */
  forget(flow: number): void {
    this.#forget(flow);
  }

  #forget(flow: number): void {
    this.#dropExtras(flow);
    this.table.free(flow);
  }

  #dropExtras(flow: number): void {
    this.owners.release(flow, this.leftOf(flow) > 0 ? 'deleted' : 'expired');
    this.#dropEvents(flow);
    this.extras.drop(flow);
    if (this.extras.hasHelpers) this.extras.helperOf(flow)?.forget?.(this, this.table.word(flow, Serial));
  }

  #dropEvents(flow: number): void {
    if (this.#owed.size !== 0) this.#owed.delete(flow);
    if (this.#missed.size !== 0) this.#missed.delete(flow);
  }

  /**
   * Ends a flow: emits its event, removes its expectations, frees its index. If a listener that wants every event cannot take DESTROY, the
   * flow keeps its index until `redeliver` succeeds. A flow that was not confirmed emits no event.
   */
  destroy(flow: number): void {
    const words = this.table.words;
    const base = flow * FlowWords;
    if ((words[base + StatusWord]! & Status.Confirmed) === 0) {
      this.#forget(flow);
      return;
    }
    this.table.remove(flow);
    this.#wheel.take(flow);
    words[base + StatusWord] = words[base + StatusWord]! | Status.Dying;
    this.table.doubles[flow * FlowDoubles + Ended] = this.time[0]!;
    const delivered = this.emit('destroy', flow, EventBit.Destroy);
    if (this.expectations.size !== 0) this.expectations.killOf(flow);
    if (delivered) {
      this.#release(flow);
      return;
    }
    this.owners.release(flow, this.leftOf(flow) > 0 ? 'deleted' : 'expired');
    this.#dropEvents(flow);
    this.#dying.push(flow);
    this.onDying();
  }

  #release(flow: number): void {
    this.#dropExtras(flow);
    this.table.free(flow);
  }

  /** Number of flows that have ended and whose DESTROY could not be delivered. */
  get dying(): number {
    return this.#dying.length;
  }

  /** Whether a flow is dying: it has ended and its DESTROY was not delivered. */
  isDying(flow: number): boolean {
    return this.table.isUsed(flow) && (this.table.word(flow, StatusWord) & Status.Dying) !== 0;
  }

  /**
   * Offers DESTROY of the dying flows again, the last that ended first, until a listener cannot take one.
   * @returns how many were delivered
   */
  redeliver(): number {
    let count = 0;
    for (; this.#dying.length > 0; count++) {
      const flow = this.#dying.at(-1)!;
      if (this.sink?.retry?.(flow, 0) === false) break;
      this.#dying.pop();
      this.#release(flow);
    }
    return count;
  }

  /**
   * Emits an event of a flow, if its event mask allows it. What a listener that wants every event could not take is offered again with the
   * next packet or event of the flow.
   * @returns false if such a listener could not take it
   */
  emit(event: FlowEvent, flow: number, happened: number): boolean {
    if (this.sink === undefined || this.settings.events === 0) return true;
    const missed = this.#missed.size === 0 ? 0 : (this.#missed.get(flow) ?? 0);
    const bits = happened & 0xffff;
    // the mask decides whether the event is emitted; an emitted event contains all bits
    const emitted = (bits & this.table.words[flow * FlowWords + EventMask]!) !== 0;
    if (!emitted && (happened & missedMark) === 0) return true;
    const delivered = emitted ? this.sink.flow(event, flow, bits, missed) !== false : this.sink.retry?.(flow, missed) !== false;
    if (event === 'destroy') return delivered;
    if (!delivered) {
      this.#missed.set(flow, missed | bits);
      this.#owed.set(flow, (this.#owed.get(flow) ?? 0) | missedMark);
    } else if (missed !== 0) this.#missed.delete(flow);
    return delivered;
  }

  /** Sets a flow's timer to `ticks` from now, unless it is fixed. */
  refresh(flow: number, ticks: number): void {
    const { words, doubles } = this.table;
    if ((words[flow * FlowWords + StatusWord]! & Status.FixedTimeout) !== 0) return;
    doubles[flow * FlowDoubles + Expiry] = this.time[0]! + ticks * this.#msPerTick;
    if (this.#wheel.isLate(flow)) this.#refile(flow);
  }

  #refile(flow: number): void {
    this.#wheel.take(flow);
    this.#wheel.file(flow);
  }

  /** The timeout of an established TCP flow, in ticks. */
  establishedTicks(flow: number): number {
    return this.extras.timeoutsOf(flow * FlowWords, this.timeouts.tcp)[establishedTimeout]!;
  }

  /**
   * Counts bytes of an established TCP flow whose packets are not tracked, and restarts its timer. A flow that has ended is not changed.
   * @param bytes IP bytes
   */
  account(flow: number, direction: number, packets: number, bytes: number, now: number): void {
    this.advance(now);
    if (!this.isConfirmed(flow)) return;
    if (this.table.double(flow, Expiry) <= now && !this.#expired(flow)) return;
    const { doubles } = this.table;
    if ((this.table.word(flow, ZoneAndFlags) & FlowFlag.Counted) !== 0) {
      const at = flow * FlowDoubles + (direction === 0 ? PacketsOrig : PacketsReply);
      doubles[at] = doubles[at]! + packets;
      doubles[at + 1] = doubles[at + 1]! + bytes;
    }
    this.refresh(flow, this.establishedTicks(flow));
  }

  /** Milliseconds until a flow expires. */
  leftOf(flow: number): number {
    return this.table.doubles[flow * FlowDoubles + Expiry]! - this.time[0]!;
  }

  /** Milliseconds of ticks. */
  msOf(ticks: number): number {
    return ticks * this.#msPerTick;
  }

  /** Sets a flow's remaining time, in milliseconds. */
  setExpiry(flow: number, ms: number): void {
    this.table.doubles[flow * FlowDoubles + Expiry] = this.time[0]! + ms;
    if (this.#wheel.isLate(flow)) this.#refile(flow);
  }

  /** Removes a helper from every flow, emits an event for each, and removes its expectations. */
  detachHelper(helper: HelperRef): void {
    if (!this.extras.knowsHelper(helper)) return;
    this.expectations.killOfHelper(helper);
    this.extras.detachHelper(helper, (flow) => {
      if (this.isConfirmed(flow)) this.emit('update', flow, EventBit.Helper);
    });
  }

  /** The master of a flow, or -1 if it has none or the master has ended. */
  masterOf(flow: number): number {
    const master = this.table.word(flow, Master) - 1;
    if (master < 0 || !this.table.isUsed(master)) return -1;
    const known = this.table.word(flow, Expectations) >>> 16;
    return known === (this.table.word(master, Serial) & 0xffff) ? master : -1;
  }

  /** Visits every flow, confirmed or not; the visitor may end the visited flow. */
  forEachFlow(visit: (flow: number) => void): void {
    for (let flow = 0; flow < this.table.highest; flow++) if (this.table.isUsed(flow)) visit(flow);
  }

  /** Whether a flow is in the table and has not expired. */
  isAlive(flow: number): boolean {
    return this.isConfirmed(flow) && this.table.double(flow, Expiry) > this.now;
  }

  /** Whether a flow is in the table; it may have expired. */
  isConfirmed(flow: number): boolean {
    return this.table.isUsed(flow) && (this.table.word(flow, StatusWord) & (Status.Confirmed | Status.Dying)) === Status.Confirmed;
  }

  /** Makes a flow the child of a master: it inherits the mark. */
  inherit(flow: number, master: number): void {
    const words = this.table.words;
    const base = flow * FlowWords;
    words[base + StatusWord] = words[base + StatusWord]! | Status.Expected;
    words[base + Master] = master + 1;
    words[base + Expectations] = (words[base + Expectations]! & 0xffff) | (words[master * FlowWords + Serial]! << 16);
    words[base + Mark] = words[master * FlowWords + Mark]!;
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
