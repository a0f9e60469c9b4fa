import type { HelperRef } from './engine.ts';
import { Family } from './engine.ts';
import type { SequenceAdjustments, SynproxyNumbers } from './flow-extras.ts';
import type { Flows } from './flows.ts';
import { EventBit } from './l4/action.ts';
import { type SctpChange, writeSctp } from './l4/sctp-info.ts';
import { type TcpChange, writeTcp } from './l4/tcp-info.ts';
import { Packet } from './packet/packet.ts';
import {
  Attached,
  BytesOrig,
  BytesReply,
  FlowDoubles,
  FlowFlag,
  FlowWords,
  Mark,
  PacketsOrig,
  PacketsReply,
  Status,
  StatusWord,
  ZoneAndFlags,
} from './table/layout.ts';
import { type Translation, translate } from './translate.ts';
import { invert, metaOf, sameTuple, type Tuple, writeTuple } from './tuple.ts';

/** A flow that is created by a request rather than by a packet. */
export interface FlowRequest {
  readonly orig: Tuple;
  readonly reply: Tuple;
  readonly timeoutSeconds: number;
  /** `Status` bits in addition to Confirmed. */
  readonly status?: number;
  readonly mark?: number;
  readonly helper?: HelperRef;
  /** The master's index. */
  readonly master?: number;
  readonly tcp?: TcpChange;
  readonly sctp?: SctpChange;
  readonly labels?: Uint8Array;
  readonly sequenceAdjustments?: SequenceAdjustments;
  readonly synproxy?: SynproxyNumbers;
  /** The translation of its addresses. */
  readonly translation?: Translation;
}

/** Milliseconds per second. */
const second = 1000;
const probe = new Packet();

/** Looks up a tuple in both directions. @returns the flow's index and the direction of the tuple, or undefined */
export function findFlow(flows: Flows, tuple: Tuple): { readonly flow: number; readonly direction: number } | undefined {
  const { table } = flows;
  const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (tuple.source.byteLength !== (tuple.family === Family.Ipv4 ? 4 : 16) || tuple.destination.byteLength !== tuple.source.byteLength)
    return undefined;
  const source = view(tuple.source);
  const destination = view(tuple.destination);
  probe.family = tuple.family;
  probe.source0 = source.getInt32(0);
  probe.destination0 = destination.getInt32(0);
  if (tuple.family === Family.Ipv6) {
    probe.source1 = source.getInt32(4);
    probe.source2 = source.getInt32(8);
    probe.source3 = source.getInt32(12);
    probe.destination1 = destination.getInt32(4);
    probe.destination2 = destination.getInt32(8);
    probe.destination3 = destination.getInt32(12);
  }
  probe.ports = (tuple.sourcePort << 16) | tuple.destinationPort;
  probe.meta = metaOf(tuple.family, tuple.protocol, tuple.zone ?? 0);
  const entry = table.find(probe, table.hashPacket(probe));
  if (entry < 0 || !flows.isAlive(entry >> 1)) return undefined;
  return { flow: entry >> 1, direction: entry & 1 };
}

/** The first live flow from an index on, or -1. A flow keeps its index, so a dump by index neither repeats nor omits one. */
export function nextFlow(flows: Flows, from: number): number {
  for (let flow = from; flow < flows.table.highest; flow++) if (flows.isAlive(flow)) return flow;
  return -1;
}

/** Adds a flow to the table. @returns its index, or the reason of the rejection: one of its tuples is in use, or the table is full */
export function createFlow(flows: Flows, request: FlowRequest): number | 'EEXIST' | 'ENOMEM' {
  const isTaken = (tuple: Tuple): boolean => findFlow(flows, tuple) !== undefined;
  const { translation } = request;
  const { reply, status } =
    translation === undefined ? { reply: request.reply, status: 0 } : translate(flows, request.reply, translation, isTaken);
  if (isTaken(request.orig) || isTaken(reply)) return 'EEXIST';
  const { table } = flows;
  const flow = flows.isFull ? -1 : table.allocate();
  if (flow < 0) return 'ENOMEM';
  writeTuple(table, flow, 0, request.orig);
  writeTuple(table, flow, 1, reply);
  flows.initialise(flow);
  const base = flow * FlowWords;
  table.words[base + ZoneAndFlags] = table.words[base + ZoneAndFlags]! | FlowFlag.ByHand;
  const zone = request.orig.zone ?? request.reply.zone ?? 0;
  if (zone !== 0) {
    const both = (request.orig.zone !== undefined ? FlowFlag.ZoneOrig : 0) | (request.reply.zone !== undefined ? FlowFlag.ZoneReply : 0);
    table.words[base + ZoneAndFlags] = table.words[base + ZoneAndFlags]! | both | zone;
  }
  if (request.master !== undefined) flows.inherit(flow, request.master);
  table.words[base + StatusWord] = table.words[base + StatusWord]! | status | ((request.status ?? 0) & ~(Status.Confirmed | Status.Dying));
  if (request.mark !== undefined) table.words[base + Mark] = request.mark;
  if (request.helper !== undefined) flows.extras.attachHelper(flow, request.helper);
  if (request.labels !== undefined) flows.extras.labels.set(flow, request.labels.slice());
  if (request.sequenceAdjustments !== undefined) adjustSequence(flows, flow, request.sequenceAdjustments);
  if (request.synproxy !== undefined) flows.extras.synproxy.set(flow, request.synproxy);
  if (request.tcp !== undefined) writeTcp(table, flow, request.tcp);
  if (request.sctp !== undefined) writeSctp(table, flow, request.sctp);
  flows.setExpiry(flow, request.timeoutSeconds * second);
  if (!sameTuple(reply, invert(request.orig))) flows.mayClash = true;
  flows.happened = EventBit.New;
  const entered = flows.confirm(flow, true);
  flows.happened = 0;
  if (entered) flows.statistics.insert++;
  return entered ? flow : 'EEXIST';
}

/** Stores the sequence number adjustments of a flow. Only flows that a request created can have them. */
export function adjustSequence(flows: Flows, flow: number, [original, reply]: SequenceAdjustments): void {
  if ((original === undefined && reply === undefined) || !isMadeByRequest(flows, flow)) return;
  const { sequenceAdjustments } = flows.extras;
  const before = sequenceAdjustments.get(flow);
  sequenceAdjustments.set(flow, [original ?? before?.[0], reply ?? before?.[1]]);
  addStatus(flows, flow, Status.SeqAdjust);
}

/** Stores CTA_SYNPROXY_* of a flow. Only flows that a request created can have them. */
export function setSynproxy(flows: Flows, flow: number, numbers: SynproxyNumbers): void {
  if (isMadeByRequest(flows, flow)) flows.extras.synproxy.set(flow, numbers);
}

const isMadeByRequest = (flows: Flows, flow: number): boolean => (flows.table.word(flow, ZoneAndFlags) & FlowFlag.ByHand) !== 0;

/** Removes the helper and the expectations of a flow; the flow keeps IPS_HELPER. */
export function dropHelper(flows: Flows, flow: number): void {
  const { words } = flows.table;
  if (flows.extras.helperOf(flow) === undefined) return;
  flows.removeDependants(flow);
  words[flow * FlowWords + Attached] = words[flow * FlowWords + Attached]! & 0xffff;
  flows.extras.helperData.delete(flow);
}

/** Sets both directions' counters to zero. */
export function zeroCounters(flows: Flows, flow: number): void {
  for (const offset of [PacketsOrig, BytesOrig, PacketsReply, BytesReply]) flows.table.doubles[flow * FlowDoubles + offset] = 0;
}

/** Sets the mark. */
export function setMark(flows: Flows, flow: number, mark: number): void {
  flows.table.words[flow * FlowWords + Mark] = mark;
}

/** Adds status bits. */
export function addStatus(flows: Flows, flow: number, status: number): void {
  flows.table.words[flow * FlowWords + StatusWord] = flows.table.word(flow, StatusWord) | status;
}

/** Number of flows that one slice visits. */
const sliceFlows = 512;

/** Ends every live flow that `which` selects, in slices: there may be millions. */
export class FlowDeletion {
  readonly #flows: Flows;
  readonly #which: (flow: number) => boolean;
  #next = 0;
  /** Number of flows that were ended. */
  count = 0;

  constructor(flows: Flows, which: (flow: number) => boolean = () => true) {
    this.#flows = flows;
    this.#which = which;
  }

  /** Visits the next slice of flows. @returns whether all were visited */
  next(): boolean {
    const flows = this.#flows;
    const end = Math.min(this.#next + sliceFlows, flows.table.highest);
    for (; this.#next < end; this.#next++) {
      if (!flows.isAlive(this.#next) || !this.#which(this.#next)) continue;
      flows.destroy(this.#next);
      this.count++;
    }
    return this.#next >= flows.table.highest;
  }
}

/** Ends every live flow that `which` selects, at once. @returns their number */
export function deleteFlows(flows: Flows, which?: (flow: number) => boolean): number {
  const deletion = new FlowDeletion(flows, which);
  while (!deletion.next());
  return deletion.count;
}
