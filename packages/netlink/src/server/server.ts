import { type Random, systemRandom } from '@ring3/kit';
import { Errno } from '@ring3/linux';
import { type AttrTable, attr, attrs, be32, Frame } from '@ring3/wire';
import { align, GetFlags, headerLength, MessageFlags, MessageHeader, MessageType } from '../message.ts';
import { type AttributeSet, describePolicy, ExtackText, isRefusal, validate } from '../policy.ts';
import { acknowledge } from './acknowledge.ts';
import { Block, familyHeaderLength } from './block.ts';
import { NetlinkPort, type PortOwner } from './netlink-port.ts';
import type { Port, PortOptions, Rights } from './port.ts';
import { eventCharge } from './receive-queue.ts';
import type { AnyCommand, Call, Slices, SubsystemRows } from './subsystem.ts';

/** NFNL_MSG_BATCH_BEGIN, uapi/linux/netfilter/nfnetlink.h: only subsystems with transactions accept batches, and ring3 has none. */
const batchBegin = 0x10;
/** NFNL_BATCH_*, uapi/linux/netfilter/nfnetlink.h: the attributes of a batch's first message. */
const Batch = attrs('NFNL_BATCH', { generation: attr(1, be32) });
/** NFNL_SUBSYS_COUNT: `res_id` of a batch must be below it. */
const subsystemCount = 13;

/** The name under which a request that failed inside ring3 is counted and logged. */
export interface ServerFault {
  readonly error: unknown;
  readonly type: number;
  readonly portId: number;
}

export interface NetlinkServerOptions {
  readonly subsystems: readonly SubsystemRows[];
  /** The source of port ids above 2^31. */
  readonly random?: Random;
  /** Called if a handler threw: the program gets EIO. */
  readonly fault?: (fault: ServerFault) => void;
  /** Called with each datagram: `in` from a program, `out` to one. */
  readonly trace?: Trace;
  /** Called after each datagram of a program with the time that its turn of the event loop took, in milliseconds. */
  readonly took?: (ms: number) => void;
}

/** The counters of a server. */
export interface NetlinkNumbers {
  /** Request messages. */
  readonly requests: number;
  /** Requests that failed with an error. */
  readonly refused: number;
  /** Requests that failed inside ring3. */
  readonly faults: number;
  /** Multicast datagrams, counted once for every port that received one. */
  readonly events: number;
  /** Multicast datagrams that did not fit into a port's queue: its program gets ENOBUFS, unless disabled. */
  readonly eventsLost: number;
  /** Number of open sockets. */
  readonly ports: number;
}

/** Called with a datagram; it must not be kept. */
export type Trace = (direction: 'in' | 'out', portId: number, datagram: Uint8Array) => void;

/** The kernel's side of NETLINK_NETFILTER for one namespace. */
export interface NetlinkServer {
  /** Opens a socket for a program. Called by links. */
  connect(options: PortOptions): Port;
  /** Returns whether any port is in the group, so that events without listeners are not built. @param group from 1 */
  listening(group: number): boolean;
  /**
   * Sends a datagram to every port of a group.
   * @param group from 1
   * @returns false if a port with NETLINK_BROADCAST_ERROR lost it
   */
  notify(group: number, datagram: Uint8Array): boolean;
  /** Returns whether no port with NETLINK_BROADCAST_ERROR would lose an event of that length. @param group from 1 */
  accepts(group: number, length: number): boolean;
  /** Sends a datagram to one port. @returns false if the port does not exist or its queue is full */
  send(portId: number, datagram: Uint8Array): boolean;
  /** The port with that id. */
  port(portId: number): Port | undefined;
  readonly numbers: NetlinkNumbers;
  /** Reports each closed port: its objects (queues) are released with it. */
  onClose(call: (port: Port) => void): void;
  /** Closes all ports. */
  close(): void;
}

/**
 * Creates the server. It implements sequence numbers, acknowledgements, dumps, privilege and framing; the subsystems implement the
 * messages.
 */
export const createServer = (options: NetlinkServerOptions): NetlinkServer => new Server(options);

class Server implements NetlinkServer, PortOwner {
  readonly #commands = new Map<number, AnyCommand>();
  readonly #ports = new Map<number, NetlinkPort>();
  readonly #unbound = new Set<NetlinkPort>();
  readonly #members = new Map<number, Set<NetlinkPort>>();
  readonly #closing: ((port: Port) => void)[] = [];
  readonly #random: Random;
  readonly #fault: ((fault: ServerFault) => void) | undefined;
  readonly #took: ((ms: number) => void) | undefined;
  #requests = 0;
  #refused = 0;
  #faults = 0;
  #events = 0;
  #eventsLost = 0;
  #closed = false;

  readonly trace: Trace | undefined;

  constructor(options: NetlinkServerOptions) {
    this.trace = options.trace;
    for (const { id, commands } of options.subsystems) {
      for (const [type, row] of Object.entries(commands)) if (row !== undefined) this.#commands.set((id << 8) | Number(type), row);
    }
    this.#random = options.random ?? systemRandom();
    this.#fault = options.fault;
    this.#took = options.took;
  }

  connect(options: PortOptions): Port {
    const port = new NetlinkPort(this, options);
    this.#unbound.add(port);
    return port;
  }

  listening(group: number): boolean {
    return (this.#members.get(group)?.size ?? 0) > 0;
  }

  notify(group: number, datagram: Uint8Array): boolean {
    let delivered = true;
    for (const port of this.#members.get(group) ?? []) {
      if (port.deliver(datagram, eventCharge)) this.#events++;
      else {
        this.#eventsLost++;
        if (port.reportsLoss) delivered = false;
      }
    }
    return delivered;
  }

  accepts(group: number, length: number): boolean {
    for (const port of this.#members.get(group) ?? []) if (port.reportsLoss && !port.accepts(length, eventCharge)) return false;
    return true;
  }

  send(portId: number, datagram: Uint8Array): boolean {
    return this.#ports.get(portId)?.deliver(datagram) ?? false;
  }

  port(portId: number): Port | undefined {
    return this.#ports.get(portId);
  }

  get numbers(): NetlinkNumbers {
    return {
      requests: this.#requests,
      refused: this.#refused,
      faults: this.#faults,
      events: this.#events,
      eventsLost: this.#eventsLost,
      ports: this.#ports.size + this.#unbound.size,
    };
  }

  onClose(call: (port: Port) => void): void {
    this.#closing.push(call);
  }

  close(): void {
    this.#closed = true;
    for (const port of [...this.#ports.values(), ...this.#unbound]) port.close();
  }

  assign(port: NetlinkPort, wanted: number, preferred: number): number {
    let portId = wanted !== 0 ? wanted : preferred;
    if (wanted !== 0 && this.#ports.has(wanted)) return -Errno.EADDRINUSE;
    while (portId === 0 || this.#ports.has(portId)) portId = (0x80000000 | this.#random.u32()) >>> 0;
    this.#ports.set(portId, port);
    this.#unbound.delete(port);
    return portId;
  }

  failed(error: unknown, type: number, portId: number): void {
    this.#faults++;
    this.#fault?.({ error, type, portId });
  }

  changed(port: NetlinkPort): void {
    for (let group = 1; group <= 32; group++) {
      const member = ((port.groups >>> (group - 1)) & 1) === 1;
      let members = this.#members.get(group);
      if (member && members === undefined) this.#members.set(group, (members = new Set()));
      if (member) members?.add(port);
      else members?.delete(port);
    }
    if (!port.closed) return;
    this.#unbound.delete(port);
    if (this.#ports.get(port.portId) === port) this.#ports.delete(port.portId);
    for (const call of this.#closing) call(port);
  }

  /** Handles a datagram from top to bottom. */
  process(port: NetlinkPort, datagram: Uint8Array, sender: Rights): void {
    this.trace?.('in', port.portId, datagram);
    const begun = this.#took === undefined ? 0 : performance.now();
    this.#walk(port, new Frame(datagram), 0, sender);
    this.#took?.(performance.now() - begun);
  }

  /** Handles the messages of a datagram from `start` on. Messages after one that takes long wait for it. */
  #walk(port: NetlinkPort, frame: Frame, start: number, sender: Rights): void {
    const end = frame.bytes.length;
    for (let at = start; end - at >= headerLength; ) {
      const header = MessageHeader.read(frame, at);
      if (header.length < headerLength || header.length > end - at) return;
      const refusal = at === 0 ? refuseAll(frame, header, sender) : 0;
      if (refusal < 0) return;
      const outcome = refusal === 0 ? this.#message(port, frame, at, header, sender) : { errno: refusal };
      if ((header.flags & MessageFlags.Request) !== 0) this.#requests++;
      const next = at + align(header.length);
      if (outcome.slices !== undefined) {
        const { slices } = outcome;
        const answered = at;
        port.pause();
        this.#sliceLater(header, port, slices, (errno) => {
          this.#conclude(port, frame, answered, header, { errno });
          port.resume(() => this.#walk(port, frame, next, sender));
        });
        return;
      }
      this.#conclude(port, frame, at, header, outcome);
      if (refusal !== 0) return;
      at = next;
    }
  }

  #conclude(port: NetlinkPort, frame: Frame, at: number, header: MessageHeader, outcome: Outcome): void {
    if (outcome.errno !== 0) this.#refused++;
    if (outcome !== unanswered && !port.closed) this.#answer(port, frame, at, header, outcome);
  }

  /** Slices of one turn. @returns how the work ended, or undefined if there is more */
  #slice(slices: Slices, header: MessageHeader, port: NetlinkPort): number | undefined {
    const until = performance.now() + turnMs;
    try {
      for (;;) {
        const errno = slices.next();
        if (errno !== undefined) return errno;
        if (performance.now() >= until) return undefined;
      }
    } catch (error) {
      this.failed(error, header.type, port.portId);
      return Errno.EIO;
    }
  }

  /** Continues the work in the following turns, like a kernel even if the program has closed its socket; it ends with the server. */
  #sliceLater(header: MessageHeader, port: NetlinkPort, slices: Slices, ended: (errno: number) => void): void {
    setImmediate(() => {
      if (this.#closed) return;
      const errno = this.#slice(slices, header, port);
      if (errno === undefined) this.#sliceLater(header, port, slices, ended);
      else ended(errno);
    });
  }

  #message(port: NetlinkPort, frame: Frame, at: number, header: MessageHeader, sender: Rights): Outcome {
    if ((header.flags & MessageFlags.Request) === 0 || header.type < MessageType.MinType) return { errno: 0 };
    const first = at + headerLength + familyHeaderLength;
    if (at + header.length < first) return { errno: 0 };
    const row = this.#commands.get(header.type);
    if (row === undefined) return { errno: Errno.EINVAL };
    if (row.needs !== undefined && !sender[row.needs]) return { errno: Errno.EPERM };
    const found = validate(row.attributes, frame, first, at + header.length - first, row);
    if (isRefusal(found)) {
      const { errno } = found;
      return {
        errno,
        message: ExtackText.Policy,
        offset: found.at - at,
        policy: () => (found.attr === undefined ? undefined : describePolicy(found.attr)),
      };
    }
    const call = new RunningCall(port, sender, header, frame, at, found);
    const errno = this.#run(row, call);
    if (errno === dumped) return unanswered;
    if (typeof errno === 'object') return { errno: 0, slices: errno };
    return { errno, message: call.extack ?? (found.leftover > 0 ? ExtackText.Leftover : undefined) };
  }

  /** @returns 0, a positive errno, or `dumped` if the response is a dump */
  #run(row: AnyCommand, call: RunningCall): number | Slices {
    try {
      if (row.dump === undefined || (call.header.flags & GetFlags.Dump) === 0) {
        const handled = row.handle(call) ?? 0;
        return typeof handled === 'number' ? handled : (this.#slice(handled, call.header, call.netlinkPort) ?? handled);
      }
      if (call.netlinkPort.dumping) return Errno.EBUSY;
      const list = row.dump(call);
      if (typeof list === 'number') return list;
      return call.netlinkPort.startDump(list, call.header) || dumped;
    } catch (error) {
      this.failed(error, call.header.type, call.port.portId);
      return Errno.EIO;
    }
  }

  #answer(port: NetlinkPort, frame: Frame, at: number, header: MessageHeader, outcome: Outcome): void {
    const { errno, message, offset, policy } = outcome;
    if (errno === 0 && (header.flags & MessageFlags.Ack) === 0) return;
    const details = port.extended && message !== undefined ? { message, offset, policy: policy?.() } : undefined;
    port.deliver(acknowledge(frame, at, header, errno, port.portId, port.capped, details));
  }
}

/** The result of a request, for its acknowledgement. */
interface Outcome {
  readonly errno: number;
  /** What is left to do before the request has ended. */
  readonly slices?: Slices;
  readonly message?: string | undefined;
  readonly offset?: number;
  readonly policy?: () => Uint8Array | undefined;
}

/** A dump has started: its end is the acknowledgement. */
const unanswered: Outcome = { errno: 0 };

/** The error with which the first message rejects a whole datagram; 0: not rejected, -1: dropped without a response. */
function refuseAll(frame: Frame, header: MessageHeader, sender: Rights): number {
  if (!sender.netAdmin) return Errno.EPERM;
  if (header.type !== batchBegin) return 0;
  if (frame.bytes.length < headerLength + familyHeaderLength) return -1;
  const first = headerLength + familyHeaderLength;
  const malformed = header.length > first ? validate(Batch, frame, first, header.length - first) : undefined;
  if (malformed !== undefined && isRefusal(malformed)) return malformed.errno;
  return frame.view.getUint16(headerLength + 2, false) < subsystemCount ? Errno.EOPNOTSUPP : Errno.EINVAL;
}

const dumped = -1;
/** No turn of the event loop works longer on one request, in milliseconds. */
const turnMs = 2;

class RunningCall implements Call {
  readonly netlinkPort: NetlinkPort;
  readonly sender: Rights;
  readonly header: MessageHeader;
  readonly family: number;
  readonly version: number;
  readonly resourceId: number;
  readonly attributes: AttributeSet<AttrTable>;
  extack: string | undefined;

  constructor(port: NetlinkPort, sender: Rights, header: MessageHeader, frame: Frame, at: number, attributes: AttributeSet<AttrTable>) {
    this.netlinkPort = port;
    this.sender = sender;
    this.header = header;
    this.attributes = attributes;
    this.family = frame.bytes[at + headerLength] as number;
    this.version = frame.bytes[at + headerLength + 1] as number;
    this.resourceId = frame.view.getUint16(at + headerLength + 2, false);
  }

  get port(): Port {
    return this.netlinkPort;
  }

  reply: Call['reply'] = (command, declaration, value, head) =>
    this.replyWith(command, (block, own) => block.add(head === undefined ? own : { ...own, ...head }, declaration, value));

  replyWith: Call['replyWith'] = (command, write) => {
    const block = new Block();
    write(block, {
      type: (this.header.type & 0xff00) | command,
      flags: MessageFlags.Multi,
      sequence: this.header.sequence,
      portId: this.netlinkPort.portId,
    });
    this.netlinkPort.deliver(block.bytes());
  };
}
