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
import { readInner, readPacket, readUncollected, Whole } from './packet/read.ts';
import { Reassembly } from './packet/reassembly.ts';
import { type Rule, Rules, type RuleTarget } from './rules.ts';
import { defaultSettings, type Settings } from './settings.ts';
import { Statistics } from './statistics.ts';
import { FlowTable } from './table/flow-table.ts';
import {
  BytesOrig,
  BytesReply,
  Created,
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

/** What became of a flow: NEW, UPDATE and DESTROY of `conntrack -E`. */
export type FlowEvent = 'new' | 'update' | 'destroy';

/** Who hears of events. They come while the flow can still be read, and must not change the table. */
export interface EventSink {
  /** Whether a program receives events of flows now; asked for each new flow if `Settings.events` is 2. A sink without it always does. */
  listens?(): boolean;
  /** @param happened `EventBit`s */
  flow(event: FlowEvent, flow: number, happened: number): void;
  expectation(event: ExpectationEvent, expectation: Expectation): void;
}

/** What a tracker is made with. */
export interface TrackerOptions {
  /** Milliseconds since 1970 or any other start; packets bring the time from then on. */
  readonly now: number;
  /** Flows that the arena has room for; `settings.max` may be less. 262,144 unless said. */
  readonly capacity?: number;
  readonly settings?: Settings;
  /** Rules of its own unless given. */
  readonly rules?: Rules;
}

/** Where the timeout of established TCP flows stands. */
const establishedTimeout = 2;

/** A packet that no rule is about. */
const noTarget: RuleTarget = {};

/** How far early drop looks for a flow to give up, in slots. */
const evictionRange = 64;

/**
 * The connection tracker: packets in, their class out, and a table of flows. No I/O, no clock, no timer of its own: each packet brings the
 * time, and `advance` lets it pass. A packet of a known flow makes no object.
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
  /** The time of the packet at hand, in milliseconds. */
  readonly time: Float64Array = new Float64Array(1);
  /** What happened to the flow at hand: `EventBit`s. */
  happened = 0;
  /** @internal The TCP segment at hand. */
  readonly segment: Segment = new Segment();
  /** Why the last packet was invalid or ignored, for the log. */
  reason = '';
  /** What became of the last packet: what the helper's hook decided, or `dropped` where its new flow clashed with another one. */
  decision: HookDecision = 'pass';
  /** Pieces of the datagram that the last packet completed, in order of their offsets; empty when it was whole. */
  fragments: readonly Uint8Array[] = [];
  sink: EventSink | undefined;
  /** Told, while somebody waits by `awaitDue`, that time has to pass earlier than it was answered. */
  onEarlier: () => void = () => {};
  /** Called when the table is full: a packet was dropped, or a flow that is not assured was deleted to make space. */
  onFull: (what: 'dropped' | 'earlyDrop') => void = () => {};
  /** Whether some flow's reply is not the mirror of its original, or is in another zone: then new flows may clash. */
  oddTuples = false;
  /** What flows carry beside the arena. */
  readonly extras: FlowExtras;
  readonly owners: FlowOwners = new FlowOwners();

  readonly #packet = new Packet();
  readonly #batch = Array.from({ length: batchSize }, () => new Packet());
  /** @internal What the touch pass read; kept so that it is not optimised away. */
  touched = 0;
  readonly #hashes = new Int32Array(batchSize);
  readonly #inner = new Packet();
  readonly #wheel: Wheel;
  readonly #reassembly: Reassembly;
  /** `EventBit`s of flows that were not told yet. */
  readonly #owed = new Map<number, number>();
  readonly #msPerTick: number;
  readonly #expire: (flow: number) => void;
  #nextTick: number;
  /** What `awaitDue` answered; below everything while nobody waits. */
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

  /** Lets time pass: flows, expectations and fragments whose time has come go. */
  advance(now: number): void {
    this.time[0] = now;
    if (now < this.#nextTick) return;
    this.#wheel.advance(now, this.#expire);
    this.#nextTick = this.#wheel.next;
    this.expectations.expire(now);
    this.#reassembly.expire(now);
  }

  /** When time has to pass next so that flows and expectations end in time, in milliseconds; Infinity: not before something happens. See `onEarlier`. */
  awaitDue(): number {
    this.#due = Math.max(this.#nextTick, Math.min(this.#wheel.await(), this.expectations.nextExpiry));
    return this.#due;
  }

  /** @internal Something has to end at a time, in milliseconds. */
  dueBy(time: number): void {
    if (time >= this.#due) return;
    this.#due = Number.NEGATIVE_INFINITY;
    this.onEarlier();
  }

  /** Ends a flow whose time is over, unless whoever carries it keeps it. @returns whether it lives on */
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
   * Takes a packet through the tracker, from its first hook to its last.
   * @param at where its IP header starts
   * @param there bytes from `at` on
   * @param now milliseconds
   * @param ingress name of the interface it came in by
   * @param outgoing whether this host sends it
   * @param unsized the packet's length if its header says 0; 0: such a packet is dropped
   * @returns class, direction and flow: `classOf`, `directionOf`, `flowOf`
   */
  track(view: DataView, at: number, there: number, now: number, ingress = '', outgoing = false, unsized = 0): number {
    const answer = this.admit(view, at, there, now, ingress, outgoing, unsized);
    if (this.extras.hasHelpers) this.#passHelper(answer, this.#packet);
    else if (this.happened !== 0) this.leave(answer);
    return answer;
  }

  /** The first half of `track`: what the tracker does when a packet arrives. A new flow is not in the table until `leave`. */
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
   * Takes up to `batchSize` packets through the tracker, in order. Their headers are read and hashed first, and the memory of their flows is
   * touched, so that the waits for it overlap: several times as fast as one by one when there are many flows.
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
      if (packet.read !== Whole || packet.l4There < 4) {
        // perhaps its header gives no length
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
    return packet.read === Whole ? this.#trackWhole(packet) : this.#trackOther(packet, packet.read);
  }

  /** The second half of `track`: a new flow enters the table, and what happened is told. */
  leave(answer: number): void {
    const flow = flowOf(answer);
    if (flow < 0) return;
    if ((this.happened & EventBit.New) === 0) this.tell('update', flow, this.happened);
    else if (!this.confirm(flow)) {
      this.decision = 'dropped';
      this.statistics.drop++;
    }
    this.happened = 0;
  }

  /** What earlier packets of a flow left untold. */
  #collectOwed(flow: number): void {
    this.happened |= this.#owed.get(flow) ?? 0;
    this.#owed.delete(flow);
  }

  /** The helper's hook, where there are helpers. */
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
    if (found === PacketClass.Fragment) {
      const whole = this.#reassembly.add(packet, this.now);
      if (whole === undefined) return PacketClass.Fragment;
      if (whole === 'refused') return readUncollected(packet) === Whole ? this.#trackWhole(packet) : this.#invalid('impossible fragment');
      this.fragments = whole.fragments;
      const view = new DataView(whole.bytes.buffer);
      packet.hashed = false;
      const again = readPacket(packet, view, 0, whole.bytes.byteLength, whole.settings);
      if (again === Whole) return this.#trackWhole(packet);
      found = again === PacketClass.Fragment ? PacketClass.Invalid : again;
    }
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

  #trackWhole(packet: Packet): number {
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

  /** @returns the answer; or 0 for a message that has a flow of its own */
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

  /** An ICMP error: it is related to the flow of the packet that it reports, in the direction opposite to it. */
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
   * Finds the flow of a packet under the zone that its rule gives. A zone of one direction only is part of that direction's key alone: the
   * packet is looked for as an original with the one number, then as a reply with the other.
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

  /** @returns the entry of a flow that has not expired, or -1; an expired one goes */
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

  /** A packet that is invalid, or ends its flow. */
  #unusual(packet: Packet, hash: number, rule: Rule | undefined, flow: number, direction: number, action: Action): number {
    const happened = this.happened;
    this.happened = 0;
    if (action === Action.Invalid) {
      // what an invalid packet did all the same is told with the next packet
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
    // its index is free again; the answer says only what the packet was
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
    // a full table comes first: what would be no beginning is dropped, too
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
    if (zone !== 0 && zoneDirection !== undefined) this.oddTuples = true; // its reply is not where the mirror of its original would be
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

  /** The fields that every flow starts with. Its tuples are written already. */
  initialise(flow: number): void {
    const { words, doubles } = this.table;
    const base = flow * FlowWords;
    let flags = 0;
    if (this.settings.acct !== 0) flags |= FlowFlag.Counted;
    if (this.settings.timestamp !== 0) flags |= FlowFlag.Stamped;
    words[base + ZoneAndFlags] = words[base + ZoneAndFlags]! | flags;
    // with the setting 2 a flow that begins unheard stays unheard
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

  /** Whether there is no space for one more flow. `nf_conntrack_max` 0 is no limit but that of the arena. */
  get isFull(): boolean {
    const { used, capacity } = this.table;
    const { max } = this.settings;
    return used >= capacity || (max !== 0 && used >= max);
  }

  /** Whether there is room for one more flow, perhaps after giving one up that is not assured. */
  #makeRoom(hash: number): boolean {
    if (!this.isFull) return true;
    const victim = this.table.scan(
      hash,
      evictionRange,
      (flow) => (this.table.word(flow, StatusWord) & (Status.Assured | Status.Dying)) === 0,
    );
    if (victim < 0) return false;
    this.destroy(victim);
    this.statistics.earlyDrop++;
    this.onFull('earlyDrop');
    return true;
  }

  /** Puts a flow into the table. @returns false when another one took one of its tuples meanwhile; it is gone then */
  confirm(flow: number, checked = false): boolean {
    const words = this.table.words;
    if ((checked || this.oddTuples) && (this.table.findTwin(flow, 0) >= 0 || this.table.findTwin(flow, 1) >= 0)) {
      this.statistics.insertFailed++;
      this.#forget(flow);
      return false;
    }
    words[flow * FlowWords + StatusWord] = words[flow * FlowWords + StatusWord]! | Status.Confirmed;
    this.table.insert(flow);
    this.#wheel.file(flow);
    this.statistics.entered++;
    this.tell('new', flow, this.happened | EventBit.New);
    return true;
  }

  /** Gives up a flow that never got into the table. */
  forget(flow: number): void {
    this.#forget(flow);
  }

  #forget(flow: number): void {
    this.#dropExtras(flow);
    this.table.free(flow);
  }

  #dropExtras(flow: number): void {
    this.owners.release(flow, this.leftOf(flow) > 0 ? 'deleted' : 'expired');
    if (this.#owed.size !== 0) this.#owed.delete(flow);
    this.extras.drop(flow);
    if (this.extras.hasHelpers) this.extras.helperOf(flow)?.forget?.(this, this.table.word(flow, Serial));
  }

  /** Ends a flow: its event, its expectations, its place. One that never got into the table goes silently. */
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
    this.tell('destroy', flow, EventBit.Destroy);
    if (this.expectations.size !== 0) this.expectations.killOf(flow);
    this.#dropExtras(flow);
    this.table.free(flow);
  }

  /** Tells what happened to a flow, as far as its rule lets it. */
  tell(event: FlowEvent, flow: number, happened: number): void {
    if (this.sink === undefined || this.settings.events === 0) return;
    // the mask decides whether it is told at all; what is told is told whole
    if ((happened & this.table.words[flow * FlowWords + EventMask]! & 0xffff) !== 0) this.sink.flow(event, flow, happened);
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
   * Counts what an established TCP flow carried without its packets passing here, and restarts its timer. A flow that has ended stays so.
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

  /** Sets a flow's timer, in milliseconds from now. */
  setExpiry(flow: number, ms: number): void {
    this.table.doubles[flow * FlowDoubles + Expiry] = this.time[0]! + ms;
    if (this.#wheel.isLate(flow)) this.#refile(flow);
  }

  /** Takes a helper off every flow, which each tell, and ends its expectations. */
  detachHelper(helper: HelperRef): void {
    if (!this.extras.knowsHelper(helper)) return;
    this.expectations.killOfHelper(helper);
    this.extras.detachHelper(helper, (flow) => {
      if ((this.table.word(flow, StatusWord) & Status.Confirmed) !== 0) this.tell('update', flow, EventBit.Helper);
    });
  }

  /** The flow that a flow was expected by, or -1; also when it has ended. */
  masterOf(flow: number): number {
    const master = this.table.word(flow, Master) - 1;
    if (master < 0 || !this.table.isUsed(master)) return -1;
    const known = this.table.word(flow, Expectations) >>> 16;
    return known === (this.table.word(master, Serial) & 0xffff) ? master : -1;
  }

  /** Visits every flow, confirmed or not; it may end the one it is at. */
  forEachFlow(visit: (flow: number) => void): void {
    for (let flow = 0; flow < this.table.highest; flow++) if (this.table.isUsed(flow)) visit(flow);
  }

  /** Whether a flow is in the table and has not expired. */
  isAlive(flow: number): boolean {
    return this.isConfirmed(flow) && this.table.double(flow, Expiry) > this.now;
  }

  /** Whether a flow is in the table; its time may be over. */
  isConfirmed(flow: number): boolean {
    return this.table.isUsed(flow) && (this.table.word(flow, StatusWord) & (Status.Confirmed | Status.Dying)) === Status.Confirmed;
  }

  /** Makes a flow the child of another one: it inherits the mark. */
  inherit(flow: number, master: number): void {
    const words = this.table.words;
    const base = flow * FlowWords;
    words[base + StatusWord] = words[base + StatusWord]! | Status.Expected;
    words[base + Master] = master + 1;
    words[base + Expectations] = (words[base + Expectations]! & 0xffff) | (words[master * FlowWords + Serial]! << 16);
    words[base + Mark] = words[master * FlowWords + Mark]!;
  }
}

/** Makes a packet's key that of the answers to it. */
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
