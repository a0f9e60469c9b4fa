import { classOf, directionOf, flowOf } from './answer.ts';
import { Protocol } from './engine.ts';
import type { Flows } from './flows.ts';
import { EventBit } from './l4/action.ts';
import { type Packet, PacketClass } from './packet/packet.ts';
import { OrigTuple, Serial, Status, StatusWord } from './table/layout.ts';

/** A packet that waits for a verdict at the helper's hook. */
export interface HeldPacket {
  readonly id: number;
  /** NFQUEUE number. */
  readonly queue: number;
  /** The result of `admit`. */
  readonly answer: number;
  /** The IP packet, a copy. */
  readonly bytes: Uint8Array;
  readonly ingress: string;
}

/** The queues in which user-space helpers receive packets. */
export interface QueueOutlet {
  /** Whether a queue has a listener; called before a packet is copied. */
  listens(queue: number): boolean;
  /**
   * Queues a packet.
   * @returns false if the queue is full: the packet is dropped; `'pass'` if the queue is full and fail-open: the packet passes
   */
  offer(packet: HeldPacket): boolean | 'pass';
}

/** The result of a verdict about a held packet. */
export interface Released {
  readonly answer: number;
  readonly bytes: Uint8Array;
  /** Whether the packet passes; false: it was dropped, or another flow has taken a tuple of its flow meanwhile. */
  readonly accepted: boolean;
}

interface Waiting {
  readonly packet: HeldPacket;
  readonly happened: number;
  readonly serial: number;
}

/** Maximum number of held packets, and of their bytes. */
const maxPackets = 4096;
const maxBytes = 16 << 20;

/** The decision of the helper's hook about a packet. */
export type HookDecision = 'pass' | 'passUnconfirmed' | 'held' | 'dropped';

/** Protocols for which a second first packet joins the flow of the first one: they have no state on which the two could disagree. */
const mayJoin: ReadonlySet<number> = new Set([Protocol.Udp, Protocol.UdpLite, Protocol.Gre, Protocol.Icmp, Protocol.Icmpv6]);

/** Packets of flows with a user-space helper, between the tracker and the verdict. */
export class HeldPackets {
  /** Receives the packets; without it no queue has a listener. */
  outlet: QueueOutlet | undefined;
  readonly #flows: Flows;
  readonly #waiting = new Map<number, Waiting>();
  #bytes = 0;
  #nextId = 1;

  constructor(flows: Flows) {
    this.#flows = flows;
  }

  get size(): number {
    return this.#waiting.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The helper's hook: decides whether a packet with this result of `admit` passes at once. */
  decide(answer: number, { view, at, length: whole }: Packet, ingress: string): HookDecision {
    const length = Math.min(whole, view.byteLength - at);
    const flows = this.#flows;
    const flow = flowOf(answer);
    const helper = flows.extras.helperOf(flow);
    if (helper === undefined || !helper.enabled || helper.queue < 0) return 'pass';
    if (classOf(answer) === PacketClass.Related && directionOf(answer) === 1) return 'pass';
    const queue = helper.queue & 0xffff;
    if (this.outlet === undefined || !this.outlet.listens(queue)) return 'passUnconfirmed';
    if (this.#waiting.size >= maxPackets || this.#bytes + length > maxBytes) return 'dropped';
    const id = this.#nextId;
    this.#nextId = id >= 0xffffffff ? 1 : id + 1;
    const bytes = new Uint8Array(view.buffer, view.byteOffset + at, length).slice();
    const packet: HeldPacket = { id, queue, answer, bytes, ingress };
    this.#waiting.set(id, { packet, happened: flows.happened, serial: flows.table.word(flow, Serial) });
    this.#bytes += length;
    const taken = this.outlet.offer(packet);
    if (taken === true) return 'held';
    this.#take(id);
    return taken === 'pass' ? 'pass' : 'dropped';
  }

  /**
   * Resumes a packet. A new flow is inserted into the table now.
   * @param bytes the packet as changed by the listener
   * @returns the result, or undefined for an unknown id
   */
  verdict(id: number, accept: boolean, bytes?: Uint8Array): Released | undefined {
    const waiting = this.#take(id);
    if (waiting === undefined) return undefined;
    const { packet, happened, serial } = waiting;
    const flows = this.#flows;
    const flow = flowOf(packet.answer);
    const result = { answer: packet.answer, bytes: bytes ?? packet.bytes };
    const isNew = (happened & EventBit.New) !== 0;
    const alive = flows.table.isUsed(flow) && flows.table.word(flow, Serial) === serial;
    if (!alive) return { ...result, accepted: accept && !isNew };
    const confirmed = (flows.table.word(flow, StatusWord) & Status.Confirmed) !== 0;
    if (!accept) {
      if (isNew && !confirmed) flows.forget(flow);
      return { ...result, accepted: false };
    }
    flows.happened = happened;
    if (isNew && !confirmed) {
      const protocol = flows.table.word(flow, OrigTuple + 3) & 255;
      const entered = flows.confirm(flow, true);
      flows.happened = 0;
      if (entered) return { ...result, accepted: true };
      if (mayJoin.has(protocol)) flows.statistics.clashResolve++;
      return { ...result, answer: packet.answer & 15, accepted: mayJoin.has(protocol) };
    }
    flows.emit('update', flow, happened);
    flows.happened = 0;
    return { ...result, accepted: true };
  }

  /** Drops the packets of a queue whose listener is closed. */
  dropQueue(queue: number): void {
    for (const { packet } of [...this.#waiting.values()]) if (packet.queue === queue) this.verdict(packet.id, false);
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(id);
    this.#bytes -= waiting.packet.bytes.byteLength;
    return waiting;
  }
}
