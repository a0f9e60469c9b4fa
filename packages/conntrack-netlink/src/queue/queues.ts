import {
  classOf,
  directionOf,
  flowOf,
  type HeldPacket,
  type Namespace,
  PacketClass,
  type QueueOutlet,
  type Released,
} from '@ring3/conntrack';
import { Block, type NetlinkServer } from '@ring3/netlink';
import { messageType, QueueCommand, QueueCopyMode, QueueFlags, QueueMessage, Subsystem, Verdict } from '@ring3/nfnetlink';
import type { FlowWriter } from '../ctnetlink/write-flow.ts';

/** NFQNL_QMAX_DEFAULT: default maximum length of a queue. */
const usualLength = 1024;
/** NF_INET_POST_ROUTING: the hook at which helpers receive packets. */
const hook = 4;
/** ETH_P_IP and ETH_P_IPV6. */
const etherTypes = { 4: 0x0800, 6: 0x86dd } as const;

/** A bound queue. */
export interface Queue {
  readonly number: number;
  /** The listener. */
  readonly portId: number;
  copyMode: number;
  /** Maximum copied bytes of the payload. */
  copyRange: number;
  maxLength: number;
  /** `QueueFlags`. */
  flags: number;
  /** Waiting packets by packet id, in order of arrival. */
  readonly waiting: Map<number, HeldPacket>;
  nextId: number;
}

/** The queues of a namespace, in which packets of flows with a user-space helper wait for a verdict. nfnetlink_queue. */
export class Queues implements QueueOutlet {
  readonly #namespace: Namespace;
  readonly #writer: FlowWriter;
  readonly #byNumber = new Map<number, Queue>();
  readonly #released: ((released: Released) => void) | undefined;
  #server: NetlinkServer | undefined;

  /** @param released called with each packet after its verdict */
  constructor(namespace: Namespace, writer: FlowWriter, released?: (released: Released) => void) {
    this.#namespace = namespace;
    this.#writer = writer;
    this.#released = released;
  }

  /** The server of the listening programs; a queue is closed with its listener's socket. */
  attach(server: NetlinkServer): void {
    this.#server = server;
    server.onClose(({ portId }) => {
      for (const queue of [...this.#byNumber.values()]) if (queue.portId === portId) this.unbind(queue);
    });
  }

  get(number: number): Queue | undefined {
    return this.#byNumber.get(number);
  }

  bind(number: number, portId: number): Queue {
    this.#namespace.tracker.held.outlet = this;
    const queue: Queue = {
      number,
      portId,
      copyMode: QueueCopyMode.None,
      copyRange: 0xffff,
      maxLength: usualLength,
      flags: 0,
      waiting: new Map(),
      nextId: 1,
    };
    this.#byNumber.set(number, queue);
    return queue;
  }

  /** Closes a queue and drops its packets. */
  unbind(queue: Queue): void {
    this.#byNumber.delete(queue.number);
    for (const packet of queue.waiting.values()) this.#release(packet, false);
    queue.waiting.clear();
  }

  listens(number: number): boolean {
    return this.#byNumber.has(number);
  }

  offer(packet: HeldPacket): boolean | 'pass' {
    const queue = this.#byNumber.get(packet.queue);
    return queue !== undefined && this.#tell(queue, packet);
  }

  /** @returns whether the packet was queued; `'pass'` if the queue is full and fail-open */
  #tell(queue: Queue, packet: HeldPacket): boolean | 'pass' {
    const full = (queue.flags & QueueFlags.FailOpen) !== 0 ? 'pass' : false;
    if (queue.waiting.size >= queue.maxLength) return full;
    const id = queue.nextId;
    if (this.#server?.send(queue.portId, this.#message(queue, packet, id)) !== true) return full;
    queue.nextId = id >= 0xffffffff ? 1 : id + 1;
    queue.waiting.set(id, packet);
    return true;
  }

  #message(queue: Queue, packet: HeldPacket, id: number): Uint8Array {
    const { bytes } = packet;
    const version = (bytes[0] ?? 0) >>> 4 === 6 ? 6 : 4;
    const length = queue.copyMode === QueueCopyMode.Packet ? Math.min(bytes.length, queue.copyRange) : 0;
    const told = (queue.flags & QueueFlags.Conntrack) !== 0;
    const block = new Block();
    const head = {
      type: messageType(Subsystem.Queue, QueueCommand.Packet),
      flags: 0,
      sequence: 0,
      portId: 0,
      family: version === 6 ? 10 : 2,
      resourceId: queue.number,
    };
    block.add(head, QueueMessage, {
      packet: { id, protocol: etherTypes[version], hook },
      unknown: told ? [{ type: QueueMessage.table.conntrack.type | nested, bytes: this.#flow(packet) }] : undefined,
      conntrackInfo: told ? conntrackInfo(packet.answer) : undefined,
      capturedLength: length > 0 && length < bytes.length ? bytes.length : undefined,
      payload: length > 0 ? bytes.subarray(0, length) : undefined,
    });
    return block.bytes();
  }

  /** The attributes of the packet's flow. */
  #flow({ answer }: HeldPacket): Uint8Array {
    const block = new Block();
    this.#writer.answer(block, { type: 0, flags: 0, sequence: 0, portId: 0 }, flowOf(answer), 1);
    return block.bytes().subarray(messageHeaders);
  }

  /** Decides about one packet. @returns false for an unknown id */
  verdict(queue: Queue, id: number, verdict: number, payload?: Uint8Array): boolean {
    const packet = queue.waiting.get(id);
    if (packet === undefined) return false;
    queue.waiting.delete(id);
    const whole = payload === undefined ? packet : { ...packet, bytes: payload.slice() };
    switch (verdict & 0xff) {
      case Verdict.Repeat:
        this.#again(queue, whole);
        break;
      case Verdict.Queue:
        this.#again(this.#byNumber.get(verdict >>> 16), whole);
        break;
      default:
        this.#release(whole, (verdict & 0xff) !== Verdict.Drop);
    }
    return true;
  }

  /** Decides about all packets up to an id. @returns false if there are none */
  verdictBatch(queue: Queue, id: number, verdict: number): boolean {
    const ids = [...queue.waiting.keys()].filter((one) => one <= id);
    for (const one of ids) this.verdict(queue, one, verdict);
    return ids.length > 0;
  }

  /** Queues a packet again, here or in another queue; without a listener it is dropped. */
  #again(queue: Queue | undefined, packet: HeldPacket): void {
    const told = queue !== undefined && this.#tell(queue, { ...packet, queue: queue.number });
    if (told !== true) this.#release(packet, told === 'pass');
  }

  #release(packet: HeldPacket, accept: boolean): void {
    const { tracker, clock } = this.#namespace;
    tracker.flows.advance(clock.now());
    const released = tracker.held.verdict(packet.id, accept, packet.bytes);
    if (released !== undefined) this.#released?.(released);
  }
}

const nested = 0x8000;
/** The bytes of nlmsghdr and nfgenmsg. */
const messageHeaders = 20;

/** `enum ip_conntrack_info`, nf_conntrack_common.h: the packet's class; those of the reply direction from 3 on. */
function conntrackInfo(answer: number): number {
  const reply = directionOf(answer) === 1 ? 3 : 0;
  const packetClass = classOf(answer);
  return (packetClass === PacketClass.Established ? 0 : packetClass === PacketClass.Related ? 1 : 2) + reply;
}
