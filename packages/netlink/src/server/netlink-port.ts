import { Errno } from '@ring3/linux';
import { MessageFlags, type MessageHeader } from '../message.ts';
import { done } from './acknowledge.ts';
import { Block, type MessageHead } from './block.ts';
import { type Port, PortOption, type PortOptions, type Rights, type SendOptions } from './port.ts';
import { ReceiveQueue, receiveBufferSizes } from './receive-queue.ts';
import type { Dump } from './subsystem.ts';

/** Block sizes of a dump: the first on a socket that never received, and the maximum for a large receive buffer (32 KiB minus overhead). */
export const dumpBlockSizes = { least: 3776, most: 32_448 } as const;

/** Number of multicast groups of NETLINK_NETFILTER. */
const groupCount = 32;
/** The largest datagram that a program may send: its send buffer minus 32 bytes. */
const longestDatagram = 212_992 - 32;

/** The part of the server that a port uses. */
export interface PortOwner {
  /** Allocates a port id. @param wanted 0: any, `preferred` first @returns it, or a negative errno */
  assign(port: NetlinkPort, wanted: number, preferred: number): number;
  process(port: NetlinkPort, datagram: Uint8Array, sender: Rights): void;
  readonly trace: ((direction: 'in' | 'out', portId: number, datagram: Uint8Array) => void) | undefined;
  /** A dump of that message type failed inside ring3. */
  failed(error: unknown, type: number, portId: number): void;
  /** The port joined or left groups, or was closed. */
  changed(port: NetlinkPort): void;
}

/** The server's side of one socket. */
export class NetlinkPort implements Port {
  readonly opener: Rights;
  readonly #owner: PortOwner;
  readonly #options: PortOptions;
  readonly #queue: ReceiveQueue;
  #portId = 0;
  #groups = 0;
  #capAck = 0;
  #extAck = 0;
  #broadcastError = 0;
  /** Stored for getsockopt: nfnetlink validates dump requests the same way with and without it. */
  #strictCheck = 0;
  #largestReceive = 0;
  #dump: { readonly list: Dump; readonly head: MessageHead; readonly type: number; ended: boolean } | undefined;
  /** No program receives any more. */
  #abandoned = false;
  #closed = false;
  /** A request is being worked on over several turns. */
  #paused = false;
  /** Datagrams that arrived meanwhile. */
  readonly #waiting: { readonly datagram: Uint8Array; readonly rights: Rights }[] = [];
  #waitingBytes = 0;

  constructor(owner: PortOwner, options: PortOptions) {
    this.#owner = owner;
    this.#options = options;
    this.opener = options.opener;
    this.#queue = new ReceiveQueue(options.held);
  }

  get portId(): number {
    return this.#portId;
  }

  get groups(): number {
    return this.#groups;
  }

  get receiveBuffer(): number {
    return this.#queue.limit;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** NETLINK_CAP_ACK. */
  get capped(): boolean {
    return this.#capAck !== 0;
  }

  /** NETLINK_EXT_ACK. */
  get extended(): boolean {
    return this.#extAck !== 0;
  }

  bind(portId: number, groups: number): number {
    if (this.#closed) return -Errno.EBADF;
    if (groups !== 0 && !this.opener.netAdmin) return -Errno.EPERM;
    if (this.#portId !== 0) {
      if (portId !== this.#portId) return -Errno.EINVAL;
    } else {
      const assigned = this.#owner.assign(this, portId >>> 0, this.#options.processId ?? 0);
      if (assigned < 0) return assigned;
      this.#portId = assigned;
    }
    this.#setGroups(groups >>> 0);
    return 0;
  }

  setOption(option: number, value: number): number {
    switch (option) {
      case PortOption.AddMembership:
      case PortOption.DropMembership: {
        if (!this.opener.netAdmin) return -Errno.EPERM;
        if (value < 1 || value > groupCount) return -Errno.EINVAL;
        const bit = (1 << (value - 1)) >>> 0;
        this.#setGroups(option === PortOption.AddMembership ? (this.#groups | bit) >>> 0 : (this.#groups & ~bit) >>> 0);
        return 0;
      }
      case PortOption.BroadcastError:
        this.#broadcastError = value === 0 ? 0 : 1;
        return 0;
      case PortOption.GetStrictCheck:
        this.#strictCheck = value === 0 ? 0 : 1;
        return 0;
      case PortOption.NoEnobufs:
        this.#queue.silent = value !== 0;
        return 0;
      case PortOption.CapAck:
        this.#capAck = value === 0 ? 0 : 1;
        return 0;
      case PortOption.ExtAck:
        this.#extAck = value === 0 ? 0 : 1;
        return 0;
      default:
        return -Errno.ENOPROTOOPT;
    }
  }

  option(option: number): number {
    switch (option) {
      case PortOption.BroadcastError:
        return this.#broadcastError;
      case PortOption.GetStrictCheck:
        return this.#strictCheck;
      case PortOption.NoEnobufs:
        return this.#queue.silent ? 1 : 0;
      case PortOption.CapAck:
        return this.#capAck;
      case PortOption.ExtAck:
        return this.#extAck;
      default:
        return -Errno.ENOPROTOOPT;
    }
  }

  setReceiveBuffer(bytes: number, force = false): number {
    if (force && !this.opener.netAdmin) return -Errno.EPERM;
    const wanted = force ? bytes : Math.min(bytes, receiveBufferSizes.most);
    this.#queue.limit = Math.min(Math.max(wanted * 2, receiveBufferSizes.least), 0x7ffffffe);
    return 0;
  }

  receive(datagram: Uint8Array, options: SendOptions = {}): number {
    if (this.#closed) return -Errno.EBADF;
    if (datagram.length === 0) return -Errno.ENODATA;
    if (datagram.length > longestDatagram) return -Errno.EMSGSIZE;
    if (this.#portId === 0) {
      const bound = this.bind(0, this.#groups);
      if (bound < 0) return bound;
    }
    const sender = options.sender ?? this.opener;
    const { addressed = true } = options;
    const rights = addressed ? sender : both(sender, this.opener);
    if (!this.#paused) {
      this.#owner.process(this, datagram, rights);
      return 0;
    }
    if (this.#waitingBytes + datagram.length > longestDatagram) return -Errno.EAGAIN;
    this.#waitingBytes += datagram.length;
    this.#waiting.push({ datagram, rights });
    return 0;
  }

  /** A request takes more than a turn: datagrams that follow wait for its end. */
  pause(): void {
    this.#paused = true;
  }

  /** The request has ended. @param rest handles the messages after it in its datagram, which may pause the port again */
  resume(rest: () => void): void {
    this.#paused = false;
    rest();
    for (;;) {
      const next = this.#paused ? undefined : this.#waiting.shift(); // what a program asked for is done, also after it closed its socket
      if (next === undefined) return;
      this.#waitingBytes -= next.datagram.length;
      this.#owner.process(this, next.datagram, next.rights);
    }
  }

  next(capacity: number): Uint8Array | number {
    const found = this.#queue.take();
    if (typeof found !== 'number') this.received(capacity);
    if (found !== -Errno.EAGAIN || this.#dump === undefined) return found;
    this.received(0); // a dump that was stopped by a full queue
    return this.#queue.take();
  }

  take(): Uint8Array | number {
    return this.#queue.take();
  }

  received(capacity: number): void {
    this.#largestReceive = Math.max(this.#largestReceive, Math.min(capacity, dumpBlockSizes.most));
    if (this.#dump !== undefined && !this.#queue.exceeds(this.#queue.limit / 2)) this.#continueDump();
  }

  abandon(): void {
    if (this.#abandoned) return;
    this.#abandoned = true;
    this.#dump?.list.close?.();
    this.#dump = undefined;
    this.#queue.clear();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.abandon();
    this.#groups = 0;
    this.#owner.changed(this);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** NETLINK_BROADCAST_ERROR: the sender of an event learns that it was lost here. */
  get reportsLoss(): boolean {
    return this.#broadcastError !== 0 && !this.#closed && !this.#abandoned;
  }

  /** Returns whether an event of that length would be accepted. */
  accepts(length: number, charge: number): boolean {
    return this.#queue.accepts(length, charge);
  }

  /** Queues a datagram for the program and notifies it if it may be waiting. @param charge minimum charge @returns false if the datagram was lost */
  deliver(datagram: Uint8Array, charge = 0): boolean {
    if (this.#closed || this.#abandoned) return false;
    this.#owner.trace?.('out', this.#portId, datagram);
    const waiting = this.#queue.readable;
    const kept = this.#queue.push(datagram, charge);
    if (!waiting && this.#queue.readable) this.#options.ready?.();
    return kept;
  }

  /** Starts a dump: its first block is queued at once. @returns 0, or EBUSY while another one runs */
  startDump(list: Dump, header: MessageHeader): number {
    if (this.#abandoned) {
      list.close?.();
      return 0;
    }
    if (this.#dump !== undefined) {
      list.close?.();
      return Errno.EBUSY;
    }
    const head = { type: 0, flags: MessageFlags.Multi, sequence: header.sequence, portId: this.#portId };
    this.#dump = { list, head, type: header.type, ended: false };
    this.#continueDump();
    return 0;
  }

  /** Returns whether a dump has more blocks. */
  get dumping(): boolean {
    return this.#dump !== undefined;
  }

  /** Builds the next block, or the end, which is a separate datagram. A dump that fails internally ends with EIO. */
  #continueDump(): void {
    const dump = this.#dump!;
    let errno = 0;
    if (!dump.ended) {
      const block = new Block(Math.max(this.#largestReceive, dumpBlockSizes.least));
      try {
        dump.ended = dump.list.fill(block, dump.head);
      } catch (error) {
        errno = Errno.EIO;
        this.#owner.failed(error, dump.type, this.#portId);
      }
      if (block.count > 0 && errno === 0) {
        this.deliver(block.bytes());
        return;
      }
      if (!dump.ended && errno === 0) {
        setImmediate(() => {
          if (this.#dump === dump) this.#continueDump();
        });
        return;
      }
    }
    this.#dump = undefined;
    dump.list.close?.();
    const interrupted = dump.list.interrupted === true ? MessageFlags.DumpInterrupted : 0;
    this.deliver(done(dump.head.sequence, dump.head.portId, errno, interrupted));
  }

  #setGroups(groups: number): void {
    if (groups === this.#groups) return;
    this.#groups = groups;
    this.#owner.changed(this);
  }
}

const both = (a: Rights, b: Rights): Rights => ({ netAdmin: a.netAdmin && b.netAdmin, hostAdmin: a.hostAdmin && b.hostAdmin });
