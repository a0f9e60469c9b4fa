import {
  BytesOrig,
  BytesReply,
  Created,
  Ended,
  EventBit,
  Expiry,
  Family,
  FlowFlag,
  type Flows,
  FlowWords,
  Id,
  Mark,
  type Namespace,
  PacketsOrig,
  PacketsReply,
  Protocol,
  readSctp,
  readTcp,
  StatusWord,
  ZoneAndFlags,
} from '@ring3/conntrack';
import type { Block, MessageHead } from '@ring3/netlink';
import {
  CounterAttributes,
  ConntrackMessage as Cta,
  HelpAttributes,
  SequenceAdjustment,
  SynproxyAttributes,
  TimestampAttributes,
} from '@ring3/nfnetlink';
import { AttributeWriter } from '../attribute-writer.ts';

/** The numbers of the attributes, from their declaration. */
const numbers = Object.fromEntries(Object.entries(Cta.table).map(([field, { type }]) => [field, type])) as {
  readonly [K in keyof (typeof Cta)['table']]: number;
};

/** Upper bound of the size of a flow's attributes. */
const most = 800;
const nanosecondsOfMs = 1_000_000;

/** Writes flows as CTA_* messages directly from the arena; the declarations of `nfnetlink` read these messages. */
export class FlowWriter {
  readonly #namespace: Namespace;
  readonly #writer = new AttributeWriter();

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  /** A response, or an entry of a dump. @param use the value of CTA_USE @returns false if the block is full */
  answer(block: Block, head: MessageHead, flow: number, use: number): boolean {
    const { flows } = this.#namespace;
    const writer = this.#begin(block, head, flows, flow);
    writer.be32(numbers.status, flows.table.word(flow, StatusWord) >>> 0);
    writer.be32(numbers.mark, flows.table.word(flow, Mark) >>> 0);
    const labels = flows.extras.labels.get(flow);
    if (labels !== undefined) writer.bytes(numbers.labels, labels);
    writer.be32(numbers.id, flows.table.word(flow, Id) >>> 0);
    writer.be32(numbers.use, use);
    this.#master(flows, flow);
    this.#timeout(flows, flow);
    this.#protocol(flows, flow, true);
    this.#counters(flows, flow);
    this.#timestamp(flows, flow, flows.isDying(flow));
    this.#help(flows, flow);
    this.#sequenceAdjustments(flows, flow);
    this.#synproxy(flows, flow);
    return block.finish(writer.at);
  }

  /** An event about a new or changed flow. @param happened `EventBit`s */
  event(block: Block, head: MessageHead, flow: number, happened: number): void {
    const { flows } = this.#namespace;
    const writer = this.#begin(block, head, flows, flow);
    const isNew = (happened & EventBit.New) !== 0;
    const byHand = (flows.table.word(flow, ZoneAndFlags) & FlowFlag.ByHand) !== 0;
    writer.be32(numbers.id, flows.table.word(flow, Id) >>> 0);
    writer.be32(numbers.status, flows.table.word(flow, StatusWord) >>> 0);
    this.#timeout(flows, flow);
    if (isNew || (happened & EventBit.ProtoInfo) !== 0) this.#protocol(flows, flow, true);
    this.#help(flows, flow);
    if (isNew || (happened & EventBit.Related) !== 0) this.#master(flows, flow);
    const labels = flows.extras.labels.get(flow);
    if (labels !== undefined && (happened & EventBit.Label) !== 0) writer.bytes(numbers.labels, labels);
    if (isNew || (happened & EventBit.SeqAdj) !== 0) this.#sequenceAdjustments(flows, flow);
    if (isNew || (happened & EventBit.SynProxy) !== 0) this.#synproxy(flows, flow);
    const mark = flows.table.word(flow, Mark) >>> 0;
    if (mark !== 0 || (happened & EventBit.Mark) !== 0 || (isNew && byHand)) writer.be32(numbers.mark, mark);
    this.#eventTime(flows, flow);
    block.finish(writer.at);
  }

  /** The event about a flow's end. */
  destroyed(block: Block, head: MessageHead, flow: number): void {
    const { flows } = this.#namespace;
    const writer = this.#begin(block, head, flows, flow);
    writer.be32(numbers.id, flows.table.word(flow, Id) >>> 0);
    writer.be32(numbers.status, flows.table.word(flow, StatusWord) >>> 0);
    if (flows.leftOf(flow) >= 1000) this.#timeout(flows, flow); // a remaining time below one second is omitted
    this.#counters(flows, flow);
    this.#timestamp(flows, flow, true);
    this.#protocol(flows, flow, false);
    const mark = flows.table.word(flow, Mark) >>> 0;
    if (mark !== 0) writer.be32(numbers.mark, mark);
    this.#eventTime(flows, flow);
    block.finish(writer.at);
  }

  /** Headers, tuples and zone: the start of every message about a flow. */
  #begin(block: Block, head: MessageHead, flows: Flows, flow: number): AttributeWriter {
    const writer = this.#writer;
    const family = (flows.table.words[flow * FlowWords + 3]! >>> 8) & 255;
    const at = block.begin({ ...head, family }, most);
    writer.start(block, at);
    const flags = flows.table.word(flow, ZoneAndFlags);
    const zone = flags & 0xffff;
    const zoned = flags & (FlowFlag.ZoneOrig | FlowFlag.ZoneReply);
    this.#tuple(flows, numbers.tupleOrig, flow, 0, zoned === FlowFlag.ZoneOrig ? zone : 0);
    this.#tuple(flows, numbers.tupleReply, flow, 1, zoned === FlowFlag.ZoneReply ? zone : 0);
    if (zoned === (FlowFlag.ZoneOrig | FlowFlag.ZoneReply)) writer.be16(numbers.zone, zone);
    return writer;
  }

  #tuple(flows: Flows, type: number, flow: number, direction: number, zone: number): void {
    const writer = this.#writer;
    const { words, wide } = flows.table;
    const at = flow * FlowWords + direction * 4;
    const meta = words[at + 3]!;
    const tuple = writer.open(type);
    const ip = writer.open(1);
    if (((meta >>> 8) & 255) === Family.Ipv4) {
      writer.be32(1, words[at]! >>> 0);
      writer.be32(2, words[at + 1]! >>> 0);
    } else {
      const far = flow * 16 + direction * 8;
      writer.words(3, wide[far]!, wide[far + 1]!, wide[far + 2]!, wide[far + 3]!);
      writer.words(4, wide[far + 4]!, wide[far + 5]!, wide[far + 6]!, wide[far + 7]!);
    }
    writer.close(ip);
    this.#key(meta & 255, words[at + 2]!);
    if (zone !== 0) writer.be16(3, zone);
    writer.close(tuple);
  }

  #key(protocol: number, ports: number): void {
    const writer = this.#writer;
    const proto = writer.open(2);
    writer.u8(1, protocol);
    switch (protocol) {
      case Protocol.Tcp:
      case Protocol.Udp:
      case Protocol.UdpLite:
      case Protocol.Sctp:
      case Protocol.Gre:
        writer.be16(2, ports >>> 16);
        writer.be16(3, ports & 0xffff);
        break;
      case Protocol.Icmp:
        writer.be16(4, ports >>> 16);
        writer.u8(5, (ports >>> 8) & 255);
        writer.u8(6, ports & 255);
        break;
      case Protocol.Icmpv6:
        writer.be16(7, ports >>> 16);
        writer.u8(8, (ports >>> 8) & 255);
        writer.u8(9, ports & 255);
        break;
    }
    writer.close(proto);
  }

  #master(flows: Flows, flow: number): void {
    const master = flows.masterOf(flow);
    if (master >= 0) this.#tuple(flows, numbers.tupleMaster, master, 0, 0);
  }

  /** Whole seconds of the remaining ticks. */
  #timeout(flows: Flows, flow: number): void {
    const { hz } = this.#namespace;
    const ticks = Math.ceil(((flows.table.double(flow, Expiry) - flows.now) * hz) / 1000);
    this.#writer.be32(numbers.timeout, Math.max(0, Math.floor(ticks / hz)) >>> 0);
  }

  #protocol(flows: Flows, flow: number, whole: boolean): void {
    const writer = this.#writer;
    const protocol = flows.table.words[flow * FlowWords + 3]! & 255;
    if (protocol !== Protocol.Tcp && protocol !== Protocol.Sctp) return;
    const information = writer.open(numbers.protoinfo);
    if (protocol === Protocol.Tcp) {
      const { state, scales, flags } = readTcp(flows.table, flow);
      const tcp = writer.open(1);
      writer.u8(1, state);
      if (whole) {
        writer.u8(2, scales[0]);
        writer.u8(3, scales[1]);
        writer.pair(4, flags[0], 0);
        writer.pair(5, flags[1], 0);
      }
      writer.close(tcp);
    } else {
      const { state, tags } = readSctp(flows.table, flow);
      const sctp = writer.open(3);
      writer.u8(1, state);
      if (whole) {
        writer.be32(2, tags[0]);
        writer.be32(3, tags[1]);
      }
      writer.close(sctp);
    }
    writer.close(information);
  }

  #counters(flows: Flows, flow: number): void {
    const { table } = flows;
    if ((table.word(flow, ZoneAndFlags) & FlowFlag.Counted) === 0) return;
    this.#counter(numbers.countersOrig, table.double(flow, PacketsOrig), table.double(flow, BytesOrig));
    this.#counter(numbers.countersReply, table.double(flow, PacketsReply), table.double(flow, BytesReply));
  }

  #counter(type: number, packets: number, bytes: number): void {
    const counters = this.#writer.open(type);
    this.#writer.be64(CounterAttributes.table.packets.type, packets);
    this.#writer.be64(CounterAttributes.table.bytes.type, bytes);
    this.#writer.close(counters);
  }

  #timestamp(flows: Flows, flow: number, ended: boolean): void {
    if ((flows.table.word(flow, ZoneAndFlags) & FlowFlag.Stamped) === 0) return;
    const timestamp = this.#writer.open(numbers.timestamp);
    this.#writer.be64Exact(TimestampAttributes.table.start.type, this.#wallTime(flows.table.double(flow, Created)));
    if (ended) this.#writer.be64Exact(TimestampAttributes.table.stop.type, this.#wallTime(flows.table.double(flow, Ended)));
    this.#writer.close(timestamp);
  }

  #eventTime(flows: Flows, flow: number): void {
    if ((flows.table.word(flow, ZoneAndFlags) & FlowFlag.Stamped) === 0) return;
    this.#writer.be64Exact(numbers.timestampEvent, this.#wallTime(flows.now));
  }

  /** A time of the tracker in nanoseconds since 1970. */
  #wallTime(moment: number): bigint {
    const { clock } = this.#namespace;
    const ms = clock.wall() - clock.now() + moment;
    return BigInt(Math.round(ms)) * BigInt(nanosecondsOfMs);
  }

  #help(flows: Flows, flow: number): void {
    const helper = flows.extras.helperOf(flow);
    if (helper === undefined) return;
    const help = this.#writer.open(numbers.help);
    this.#writer.name(HelpAttributes.table.name.type, helper.name);
    const data = flows.extras.helperData.get(flow);
    if (data !== undefined) this.#writer.bytes(HelpAttributes.table.info.type, data);
    this.#writer.close(help);
  }

  /** Both directions, if a request gave one. */
  #sequenceAdjustments(flows: Flows, flow: number): void {
    const { sequenceAdjustments } = flows.extras;
    const found = sequenceAdjustments.size === 0 ? undefined : sequenceAdjustments.get(flow);
    if (found === undefined) return;
    const { correctionPosition, offsetBefore, offsetAfter } = SequenceAdjustment.table;
    for (let direction = 0; direction < 2; direction++) {
      const one = found[direction as 0 | 1];
      const nest = this.#writer.open(direction === 0 ? numbers.seqAdjOrig : numbers.seqAdjReply);
      this.#writer.be32(correctionPosition.type, one?.correctionPosition ?? 0);
      this.#writer.be32(offsetBefore.type, one?.offsetBefore ?? 0);
      this.#writer.be32(offsetAfter.type, one?.offsetAfter ?? 0);
      this.#writer.close(nest);
    }
  }

  /** Flows that requests created have CTA_SYNPROXY; default: zeros. */
  #synproxy(flows: Flows, flow: number): void {
    if ((flows.table.word(flow, ZoneAndFlags) & FlowFlag.ByHand) === 0) return;
    const found = flows.extras.synproxy.get(flow);
    const { initialSequence, initialTimestamp, timestampOffset } = SynproxyAttributes.table;
    const synproxy = this.#writer.open(numbers.synproxy);
    this.#writer.be32(initialSequence.type, found?.initialSequence ?? 0);
    this.#writer.be32(initialTimestamp.type, found?.initialTimestamp ?? 0);
    this.#writer.be32(timestampOffset.type, found?.timestampOffset ?? 0);
    this.#writer.close(synproxy);
  }
}
