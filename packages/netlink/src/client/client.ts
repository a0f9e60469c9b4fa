import { Errno } from '@ring3/linux';
import { type Attrs, type AttrsInput, type AttrTable, Frame, littleEndianHost } from '@ring3/wire';
import type { NetlinkLink } from '../links/netlink-link.ts';
import {
  AckFlags,
  align,
  ExtendedAck,
  eachMessage,
  GetFlags,
  headerLength,
  type Message,
  MessageFlags,
  type MessageHeader,
  MessageType,
} from '../message.ts';
import { type Extack, NetlinkError } from '../netlink-error.ts';
import { Block } from '../server/block.ts';
import { PortOption } from '../server/port.ts';

/** One request: the message type with its subsystem, and its attributes. */
export interface Request<A extends AttrTable = AttrTable> {
  /** `nlmsg_type`: subsystem << 8 | command. */
  readonly type: number;
  /** NLM_F_* in addition to REQUEST and ACK, which the client sets. */
  readonly flags?: number;
  /** `nfgen_family`; default 0. */
  readonly family?: number;
  /** `version` of nfgenmsg; default 0. */
  readonly version?: number;
  /** `res_id`; default 0. */
  readonly resourceId?: number;
  readonly attributes: Attrs<A>;
  readonly value: AttrsInput<A>;
  /** A description of the request for error messages: `add timeout "web"`. */
  readonly what: string;
}

/** Events were lost: the known state is out of date; dump again. */
export const lost = 'lost';

/** Typed requests, dumps and events over one link. */
export interface NetlinkClient {
  readonly link: NetlinkLink;
  /** Sends a request and waits for its acknowledgement. @returns the messages before it @throws NetlinkError */
  request<A extends AttrTable>(request: Request<A>): Promise<Message[]>;
  /**
   * Sends a dump request and yields its messages as they arrive; receives only as fast as the caller consumes them.
   * @throws NetlinkError; EINTR after the last message if the list changed meanwhile (NLM_F_DUMP_INTR)
   */
  dump<A extends AttrTable>(request: Request<A>): AsyncIterableIterator<Message>;
  /** Joins groups and yields their messages, until the iteration ends or the link is closed. @param groups from 1 @throws NetlinkError */
  events(groups: readonly number[]): AsyncIterableIterator<Message | typeof lost>;
  close(): void;
}

/** Creates a client, which then owns the link. */
export const createClient = (link: NetlinkLink): NetlinkClient => new Client(link);

/** A pending request. */
interface Exchange {
  readonly what: string;
  readonly messages: Message[];
  ended: boolean;
  error: NetlinkError | undefined;
  interrupted: boolean;
}

class Client implements NetlinkClient {
  readonly link: NetlinkLink;
  #sequence = 0;
  readonly #exchanges = new Map<number, Exchange>();
  readonly #listeners = new Set<(event: Message | typeof lost) => void>();
  readonly #waiting = new Set<() => void>();
  #unwatch: (() => void) | undefined;
  #dumping: Promise<void> = Promise.resolve();
  #broken: number | undefined;

  constructor(link: NetlinkLink) {
    this.link = link;
    link.setOption(PortOption.ExtAck, 1);
  }

  async request<A extends AttrTable>(request: Request<A>): Promise<Message[]> {
    const exchange = this.#send(request, MessageFlags.Ack);
    while (!exchange.ended) if (!this.#receive()) await this.#ready();
    if (exchange.error !== undefined) throw exchange.error;
    return exchange.messages;
  }

  async *dump<A extends AttrTable>(request: Request<A>): AsyncIterableIterator<Message> {
    const before = this.#dumping; // a socket runs one dump at a time
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#dumping = promise;
    await before;
    let exchange: Exchange | undefined;
    try {
      exchange = this.#send(request, GetFlags.Dump);
      for (;;) {
        if (exchange.messages.length > 0) for (const message of exchange.messages.splice(0)) yield message;
        else if (exchange.ended) break;
        else if (!this.#receive()) await this.#ready();
      }
      if (exchange.error !== undefined) throw exchange.error;
      if (exchange.interrupted) throw new NetlinkError(Errno.EINTR, `${request.what}: the list changed meanwhile`);
    } finally {
      // an abandoned dump still completes before the next one begins
      while (exchange?.ended === false) {
        exchange.messages.length = 0;
        if (!this.#receive()) await this.#ready();
      }
      resolve();
    }
  }

  async *events(groups: readonly number[]): AsyncIterableIterator<Message | typeof lost> {
    const found: (Message | typeof lost)[] = [];
    const listen = (event: Message | typeof lost): void => void found.push(event);
    for (const group of groups) {
      const answer = this.link.setOption(PortOption.AddMembership, group);
      if (answer < 0) throw new NetlinkError(answer, `join group ${group}`);
    }
    this.#listeners.add(listen);
    try {
      for (;;) {
        if (found.length > 0) for (const event of found.splice(0)) yield event;
        else if (this.#broken !== undefined) throw new NetlinkError(this.#broken, 'events');
        else if (!this.#receive()) await this.#ready();
      }
    } finally {
      this.#listeners.delete(listen);
      if (this.#broken === undefined) for (const group of groups) this.link.setOption(PortOption.DropMembership, group);
    }
  }

  close(): void {
    if (this.#broken === undefined) this.#break(Errno.EBADF);
    this.link.close();
  }

  #send<A extends AttrTable>(request: Request<A>, flags: number): Exchange {
    this.#sequence = this.#sequence === 0xffffffff ? 1 : this.#sequence + 1;
    const sequence = this.#sequence;
    const block = new Block();
    const head = {
      type: request.type,
      flags: MessageFlags.Request | flags | (request.flags ?? 0),
      sequence,
      portId: 0,
      family: request.family ?? 0,
      version: request.version ?? 0,
      resourceId: request.resourceId ?? 0,
    };
    block.add(head, request.attributes, request.value);
    const exchange: Exchange = { what: request.what, messages: [], ended: false, error: undefined, interrupted: false };
    const answer = this.#broken !== undefined ? -this.#broken : this.link.send(block.bytes());
    if (answer < 0) throw new NetlinkError(answer, request.what);
    this.#exchanges.set(sequence, exchange);
    return exchange;
  }

  /** Reads one datagram from the link. @returns false if none waits */
  #receive(): boolean {
    if (this.#broken !== undefined) return true;
    const datagram = this.link.receive();
    if (typeof datagram !== 'number') {
      const frame = new Frame(datagram);
      eachMessage(frame, (header, at) => this.#dispatch({ header, frame, at }));
      if (this.#waiting.size > 0) this.#wake();
      return true;
    }
    if (datagram === -Errno.EAGAIN || datagram === -Errno.EINTR) return false;
    if (datagram === -Errno.ENOBUFS) this.#lose();
    else this.#break(-datagram);
    return true;
  }

  #dispatch(message: Message): void {
    const { header } = message;
    const exchange = header.sequence === 0 ? undefined : this.#exchanges.get(header.sequence);
    const mine = exchange !== undefined && header.portId === this.link.portId;
    if (!mine) {
      if (header.type >= MessageType.MinType) for (const listen of this.#listeners) listen(message);
      return;
    }
    if ((header.flags & MessageFlags.DumpInterrupted) !== 0 && header.type !== MessageType.Error) exchange.interrupted = true;
    if (header.type === MessageType.Error || header.type === MessageType.Done) {
      exchange.error = refusal(message, exchange.what);
      exchange.ended = true;
      this.#exchanges.delete(header.sequence);
    } else if (header.type >= MessageType.MinType) exchange.messages.push(message);
  }

  /** Datagrams were lost: a pending request might wait forever, so all of them fail. */
  #lose(): void {
    for (const listen of this.#listeners) listen(lost);
    this.#fail(Errno.ENOBUFS);
  }

  #break(errno: number): void {
    this.#broken = errno;
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#fail(errno);
  }

  #fail(errno: number): void {
    for (const exchange of this.#exchanges.values()) {
      exchange.error = new NetlinkError(errno, exchange.what);
      exchange.ended = true;
    }
    this.#exchanges.clear();
    this.#wake();
  }

  #ready(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.add(resolve);
      this.#unwatch ??= this.link.watch(() => this.#wake());
    });
  }

  #wake(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** The error of NLMSG_ERROR or NLMSG_DONE: undefined for success. */
function refusal({ header, frame, at }: Message, what: string): NetlinkError | undefined {
  if (header.length < headerLength + 4) return undefined;
  const errno = -(frame.view.getInt32(at + headerLength, littleEndianHost) | 0);
  if (errno === 0) return undefined;
  return new NetlinkError(errno, what, extackOf(header, frame, at));
}

/** The extended part of an NLMSG_ERROR. */
function extackOf(header: MessageHeader, frame: Frame, at: number): Extack {
  if (header.type !== MessageType.Error || (header.flags & AckFlags.AckTlvs) === 0) return {};
  const echo = at + headerLength + 4;
  const end = at + header.length;
  if (echo + headerLength > end) return {};
  const echoed = (header.flags & AckFlags.Capped) !== 0 ? headerLength : align(frame.view.getUint32(echo, littleEndianHost));
  if (echo + echoed > end) return {};
  const { message, offset } = ExtendedAck.read(frame, echo + echoed, end - echo - echoed);
  return { message, offset };
}
