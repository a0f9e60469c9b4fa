import type { HelperRef } from './engine.ts';
import { Family } from './engine.ts';
import { EventBit } from './l4/action.ts';
import { writeSctp } from './l4/sctp.ts';
import { writeTcp } from './l4/tcp.ts';
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
import type { Tracker } from './tracker.ts';
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

/** The adjustment of sequence numbers of one direction: CTA_SEQADJ_*. */
export interface SequenceAdjustment {
  readonly correctionPosition: number;
  readonly offsetBefore: number;
  readonly offsetAfter: number;
}

/** The original direction and the reply; undefined: unchanged. */
export type SequenceAdjustments = readonly [SequenceAdjustment | undefined, SequenceAdjustment | undefined];

/** CTA_SYNPROXY_*. */
export interface SynproxyNumbers {
  readonly initialSequence: number;
  readonly initialTimestamp: number;
  readonly timestampOffset: number;
}

/** Changes of a flow's TCP part. Flags change in the bits of their mask. */
export interface TcpChange {
  /** Index in `tcpStates`. */
  readonly state?: number;
  readonly scales?: readonly [number | undefined, number | undefined];
  readonly flags?: readonly [
    { readonly flags: number; readonly mask: number } | undefined,
    { readonly flags: number; readonly mask: number } | undefined,
  ];
}

/** Changes of a flow's SCTP part. */
export interface SctpChange {
  /** Index in `sctpStates`. */
  readonly state?: number;
  /** Verification tags of the original direction and of the reply. */
  readonly tags?: readonly [number, number];
}

/** Milliseconds per second. */
const second = 1000;
const probe = new Packet();

/** Looks up a tuple in both directions. @returns the flow's index and the direction of the tuple, or undefined */
export function findFlow(tracker: Tracker, tuple: Tuple): { readonly flow: number; readonly direction: number } | undefined {
  const { table } = tracker;
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
  if (entry < 0 || !tracker.isAlive(entry >> 1)) return undefined;
  return { flow: entry >> 1, direction: entry & 1 };
}

/** The first live flow from an index on, or -1. A flow keeps its index, so a dump by index neither repeats nor omits one. */
export function nextFlow(tracker: Tracker, from: number): number {
  for (let flow = from; flow < tracker.table.highest; flow++) if (tracker.isAlive(flow)) return flow;
  return -1;
}

/** Adds a flow to the table. @returns its index, or the reason of the rejection: one of its tuples is in use, or the table is full */
export function createFlow(tracker: Tracker, request: FlowRequest): number | 'EEXIST' | 'ENOMEM' {
  const isTaken = (tuple: Tuple): boolean => findFlow(tracker, tuple) !== undefined;
  const { translation } = request;
  const { reply, status } =
    translation === undefined ? { reply: request.reply, status: 0 } : translate(tracker, request.reply, translation, isTaken);
  if (isTaken(request.orig) || isTaken(reply)) return 'EEXIST';
  const { table } = tracker;
  const flow = tracker.isFull ? -1 : table.allocate();
  if (flow < 0) return 'ENOMEM';
  writeTuple(table, flow, 0, request.orig);
  writeTuple(table, flow, 1, reply);
  tracker.initialise(flow);
  const base = flow * FlowWords;
  table.words[base + ZoneAndFlags] = table.words[base + ZoneAndFlags]! | FlowFlag.ByHand;
  const zone = request.orig.zone ?? request.reply.zone ?? 0;
  if (zone !== 0) {
    const both = (request.orig.zone !== undefined ? FlowFlag.ZoneOrig : 0) | (request.reply.zone !== undefined ? FlowFlag.ZoneReply : 0);
    table.words[base + ZoneAndFlags] = table.words[base + ZoneAndFlags]! | both | zone;
  }
  if (request.master !== undefined) tracker.inherit(flow, request.master);
  table.words[base + StatusWord] = table.words[base + StatusWord]! | status | ((request.status ?? 0) & ~(Status.Confirmed | Status.Dying));
  if (request.mark !== undefined) table.words[base + Mark] = request.mark;
  if (request.helper !== undefined) tracker.extras.attachHelper(flow, request.helper);
  if (request.labels !== undefined) tracker.extras.labels.set(flow, request.labels.slice());
  if (request.sequenceAdjustments !== undefined) adjustSequence(tracker, flow, request.sequenceAdjustments);
  if (request.synproxy !== undefined) tracker.extras.synproxy.set(flow, request.synproxy);
  if (request.tcp !== undefined) writeTcp(table, flow, request.tcp);
  if (request.sctp !== undefined) writeSctp(table, flow, request.sctp);
  tracker.setExpiry(flow, request.timeoutSeconds * second);
  if (!sameTuple(reply, invert(request.orig))) tracker.mayClash = true;
  tracker.happened = EventBit.New;
  const entered = tracker.confirm(flow, true);
  tracker.happened = 0;
  if (entered) tracker.statistics.insert++;
  return entered ? flow : 'EEXIST';
}

/** Stores the sequence number adjustments of a flow. Only flows that a request created can have them. */
export function adjustSequence(tracker: Tracker, flow: number, [original, reply]: SequenceAdjustments): void {
  if ((original === undefined && reply === undefined) || !isMadeByRequest(tracker, flow)) return;
  const { sequenceAdjustments } = tracker.extras;
  const before = sequenceAdjustments.get(flow);
  sequenceAdjustments.set(flow, [original ?? before?.[0], reply ?? before?.[1]]);
  addStatus(tracker, flow, Status.SeqAdjust);
}

/** Stores CTA_SYNPROXY_* of a flow. Only flows that a request created can have them. */
export function setSynproxy(tracker: Tracker, flow: number, numbers: SynproxyNumbers): void {
  if (isMadeByRequest(tracker, flow)) tracker.extras.synproxy.set(flow, numbers);
}

const isMadeByRequest = (tracker: Tracker, flow: number): boolean => (tracker.table.word(flow, ZoneAndFlags) & FlowFlag.ByHand) !== 0;

/** Removes the helper and the expectations of a flow; the flow keeps IPS_HELPER. */
export function dropHelper(tracker: Tracker, flow: number): void {
  const { words } = tracker.table;
  if (tracker.extras.helperOf(flow) === undefined) return;
  tracker.expectations.killOf(flow);
  words[flow * FlowWords + Attached] = words[flow * FlowWords + Attached]! & 0xffff;
  tracker.extras.helperData.delete(flow);
}

/** Sets both directions' counters to zero. */
export function zeroCounters(tracker: Tracker, flow: number): void {
  for (const offset of [PacketsOrig, BytesOrig, PacketsReply, BytesReply]) tracker.table.doubles[flow * FlowDoubles + offset] = 0;
}

/** Sets the mark. */
export function setMark(tracker: Tracker, flow: number, mark: number): void {
  tracker.table.words[flow * FlowWords + Mark] = mark;
}

/** Adds status bits. */
export function addStatus(tracker: Tracker, flow: number, status: number): void {
  tracker.table.words[flow * FlowWords + StatusWord] = tracker.table.word(flow, StatusWord) | status;
}

/** Number of flows that one slice visits. */
const sliceFlows = 512;

/** Ends every live flow that `which` selects, in slices: there may be millions. */
export class FlowDeletion {
  readonly #tracker: Tracker;
  readonly #which: (flow: number) => boolean;
  #next = 0;
  /** Number of flows that were ended. */
  count = 0;

  constructor(tracker: Tracker, which: (flow: number) => boolean = () => true) {
    this.#tracker = tracker;
    this.#which = which;
  }

  /** Visits the next slice of flows. @returns whether all were visited */
  next(): boolean {
    const tracker = this.#tracker;
    const end = Math.min(this.#next + sliceFlows, tracker.table.highest);
    for (; this.#next < end; this.#next++) {
      if (!tracker.isAlive(this.#next) || !this.#which(this.#next)) continue;
      tracker.destroy(this.#next);
      this.count++;
    }
    return this.#next >= tracker.table.highest;
  }
}

/** Ends every live flow that `which` selects, at once. @returns their number */
export function deleteFlows(tracker: Tracker, which?: (flow: number) => boolean): number {
  const deletion = new FlowDeletion(tracker, which);
  while (!deletion.next());
  return deletion.count;
}
