import { systemClock, type Timer } from '@ring3/kit';
import {
  close,
  Errno,
  MessageDetails,
  MessageFlag,
  peerCredentials,
  Ready,
  readiness,
  receiveMessage,
  SocketLevel,
  SocketOption,
  send,
  sendMessage,
  setSocketOption,
  unread,
  type Watch,
} from '@ring3/linux';
import { Frame } from '@ring3/wire';
import { headerLength, MessageHeader, MessageType } from '../../message.ts';
import { dumpBlockSizes } from '../../server/netlink-port.ts';
import { allRights, type Port, type PortOptions } from '../../server/port.ts';
import { linkCharge } from '../../server/receive-queue.ts';
import type { NetlinkServer } from '../../server/server.ts';
import type { Board } from './board.ts';
import { magic, Pulling, UnixAnswer, UnixFlags, UnixKind, UnixRequest, version } from './packets.ts';

/** NETLINK_LIST_MEMBERSHIPS, uapi/linux/netlink.h. */
const listMemberships = 9;
/** Packets of one connection that are handled before other connections. */
const batch = 32;
/**
 * A dump continues block by block, like the kernel's, for this number of blocks; then many at a time, so that a program need not wait for
 * each of them.
 */
const singleBlocks = 16;
const blocksAtOnce = 16;
/** A program that receives with read(2) never sends Pull: its dump continues at this interval. */
const nudgeMs = 100;
/** The largest datagram, its request header, and one byte to detect a longer one. */
const received = new Frame(new Uint8Array(212_992 + UnixRequest.byteLength + 1));
const details = new MessageDetails();

/** The part of the listener that a connection uses. */
export interface ConnectionOwner {
  readonly board: Board;
  /** The namespace's server; undefined if the namespace does not exist. */
  namespace(name: string): NetlinkServer | undefined;
  opened(port: Port, connection: UnixConnection): void;
  closed(connection: UnixConnection): void;
}

interface Answer {
  readonly error: number;
  readonly first?: number;
  readonly second?: number;
  readonly body?: Uint8Array;
  /** A descriptor to send with it. */
  readonly fd?: number;
}
const fine: Answer = { error: 0 };
const refused = (errno: number): Answer => ({ error: Math.abs(errno) });
/** The result of a call of the port. */
const outcome = (answer: number): Answer => (answer < 0 ? refused(answer) : fine);

/** One program's socket: receives packets, uses a port of the server, sends datagrams. */
export class UnixConnection {
  readonly #owner: ConnectionOwner;
  #fd: number;
  readonly #watch: Watch;
  #port: Port | undefined;
  /** The process of the last request: an automatic bind uses the id of the process that causes it. */
  #processId = 0;
  /** connect(2): the destination of datagrams without an address. */
  #peer = { portId: 0, groups: 0 };
  /** The slot on the board; -1: dumps are pushed. */
  #slot = -1;
  #losses = 0;
  /** The dump state on the board: `Pulling`. */
  #pulling: number = Pulling.No;
  /** Pulls of the running dump. */
  #pulls = 0;
  /** Every packet is a request. */
  #framed = false;
  /** A datagram that did not fit; it is sent next. */
  #unsent: Uint8Array | undefined;
  /** The program has closed its socket. */
  #left = false;
  #pumping = false;
  #nudge: Timer | undefined;

  /** @param fd owned by the connection */
  constructor(fd: number, owner: ConnectionOwner) {
    this.#fd = fd;
    this.#owner = owner;
    const watch = readiness.watch(fd, Ready.Readable, (events) => this.#ready(events));
    if (typeof watch === 'number') throw new Error(`a unix socket cannot be waited for: errno ${-watch}`);
    this.#watch = watch;
  }

  /** Allows the process to end while the program is connected. */
  unref(): void {
    this.#watch.unref();
  }

  close(): void {
    if (this.#fd < 0) return;
    this.#watch.close();
    this.#nudge?.clear();
    close(this.#fd);
    this.#fd = -1;
    this.#port?.close();
    if (this.#slot >= 0) this.#owner.board.give(this.#slot);
    this.#owner.closed(this);
  }

  #ready(events: number): void {
    if ((events & Ready.HangUp) !== 0) this.#leave();
    if ((events & Ready.Writable) !== 0 && this.#unsent !== undefined) {
      this.#watch.update(Ready.Readable);
      const datagram = this.#unsent;
      this.#unsent = undefined;
      if (this.#send(datagram)) this.#pump();
    }
    for (let i = 0; i < batch && this.#fd >= 0; i++) {
      const length = receiveMessage(this.#fd, received.bytes, details);
      if (length === -Errno.EAGAIN) return;
      if (length === -Errno.ECONNRESET) continue; // it closed the socket with unread responses; its earlier packets are still queued
      const ended = length < 0 || (length === 0 && (events & (Ready.HangUp | Ready.PeerClosed)) !== 0);
      if (ended || !this.#packet(length)) this.close();
    }
  }

  /** @returns false if the program violates the protocol */
  /** The program has closed its socket: what it sent is still done, but nothing is built that it would receive. */
  #leave(): void {
    this.#left = true;
    this.#unsent = undefined;
    this.#nudge?.clear();
    this.#port?.abandon();
  }

  #packet(length: number): boolean {
    const { descriptors } = details;
    if (descriptors.length > 1) {
      for (const descriptor of descriptors) close(descriptor);
      return false;
    }
    if ((details.flags & MessageFlag.ControlTruncated) !== 0) return true; // no descriptors left in this process: the requester gets no response
    const reply = descriptors[0] ?? -1;
    if (reply < 0 && !this.#framed) {
      this.#bare(length);
      return true;
    }
    const answer = this.#request(length);
    if (reply >= 0) {
      answerTo(reply, answer);
      close(reply);
    }
    return true;
  }

  /** A datagram without a request header. */
  #bare(length: number): void {
    if (length === 0 || length >= received.bytes.length) return;
    if (this.#port === undefined) {
      const who = peerCredentials(this.#fd);
      const server = this.#owner.namespace('');
      if (server === undefined) return;
      this.#processId = typeof who === 'number' ? 0 : who.processId;
      this.#connect(server, true);
    }
    this.#port?.receive(received.bytes.slice(0, length));
    this.#pump();
  }

  #request(length: number): Answer {
    if (length < UnixRequest.byteLength) return refused(Errno.EPROTO);
    const request = UnixRequest.read(received, 0);
    if (request.magic !== magic) return refused(Errno.EPROTO);
    if (length >= received.bytes.length) return refused(Errno.EMSGSIZE);
    const body = received.bytes.slice(UnixRequest.byteLength, length);
    this.#processId = request.processId;
    if (request.kind === UnixKind.Hello) return this.#hello(request, body);
    const port = this.#port;
    if (port === undefined) return refused(Errno.ENOTCONN);
    const answer = this.#handle(port, request, body);
    this.#pump();
    return answer;
  }

  #handle(port: Port, request: UnixRequest, body: Uint8Array): Answer {
    const { kind, flags, first, second, largest } = request;
    switch (kind) {
      case UnixKind.Data: {
        const addressed = (flags & UnixFlags.Addressed) !== 0;
        if ((addressed ? first : this.#peer.portId) !== 0) return refused(Errno.ECONNREFUSED); // programs can only send to the kernel's port
        if (!port.dumping) port.received(largest);
        return outcome(port.receive(body, { addressed }));
      }
      case UnixKind.Bind:
        return outcome(port.bind(first, second));
      case UnixKind.Connect:
        this.#peer = { portId: first, groups: second };
        return port.portId === 0 && (flags & UnixFlags.Addressed) !== 0 ? outcome(port.bind(0, port.groups)) : fine;
      case UnixKind.Peer:
        return { error: 0, first: this.#peer.portId, second: this.#peer.groups };
      case UnixKind.Name:
        return { error: 0, first: port.portId, second: port.groups };
      case UnixKind.SetOption:
        return this.#setOption(port, first, second, body);
      case UnixKind.GetOption:
        return getOption(port, first, second);
      case UnixKind.Pull:
        this.#pull(port, largest);
        return fine;
      case UnixKind.Board:
        return { error: 0, fd: this.#owner.board.fd };
      default:
        return refused(Errno.EPROTO);
    }
  }

  #hello(request: UnixRequest, body: Uint8Array): Answer {
    if (this.#port !== undefined) return refused(Errno.EISCONN);
    if (request.first !== version) return refused(Errno.EPROTONOSUPPORT);
    const server = this.#owner.namespace(Buffer.from(body).toString());
    if (server === undefined) return refused(Errno.ENOENT);
    const { board } = this.#owner;
    const name = Buffer.from(board.server);
    if ((request.flags & UnixFlags.Push) !== 0) {
      this.#framed = true;
      const port = this.#connect(server, true);
      const bound = port.bind(0, 0);
      return bound < 0 ? refused(bound) : { error: 0, second: port.portId, body: name };
    }
    this.#slot = board.take();
    if (this.#slot < 0) return refused(Errno.ENFILE);
    this.#connect(server, false);
    return { error: 0, first: this.#slot, body: name, fd: board.fd };
  }

  #connect(server: NetlinkServer, push: boolean): Port {
    const port = server.connect(this.#portOptions(push));
    this.#port = port;
    if (this.#left) port.abandon();
    this.#owner.opened(port, this);
    this.#fitSendBuffer(port);
    return port;
  }

  #portOptions(push: boolean): PortOptions {
    const processId = (): number => this.#processId;
    return {
      opener: allRights,
      get processId() {
        return processId();
      },
      ready: () => this.#pump(),
      // the unreceived bytes of a program under exec are counted; for others the socket's own limit applies
      ...(push ? {} : { held: () => this.#held() }),
    };
  }

  /** Bytes that wait for the program in its socket, or for space there. */
  #held(): number {
    return Math.max(0, unread(this.#fd)) + (this.#unsent === undefined ? 0 : linkCharge(this.#unsent.length));
  }

  #setOption(port: Port, level: number, option: number, body: Uint8Array): Answer {
    const value = body.length >= 4 ? new DataView(body.buffer, body.byteOffset).getInt32(0, true) : 0;
    if (level === SocketLevel.Netlink) return outcome(port.setOption(option, value));
    const force = option === SocketOption.ReceiveBufferForce;
    if (level !== SocketLevel.Socket || !(force || option === SocketOption.ReceiveBuffer)) return refused(Errno.ENOPROTOOPT);
    if (body.length < 4) return refused(Errno.EINVAL);
    const answer = outcome(port.setReceiveBuffer(force ? Math.max(0, value) : value >>> 0, force));
    this.#fitSendBuffer(port);
    return answer;
  }

  /** Sets the socket's buffer to the port's limit, as far as the kernel allows. */
  #fitSendBuffer(port: Port): void {
    const bytes = Math.min(port.receiveBuffer, 0x3fffffff);
    const forced = setSocketOption(this.#fd, SocketLevel.Socket, SocketOption.SendBufferForce, bytes);
    if (forced < 0) setSocketOption(this.#fd, SocketLevel.Socket, SocketOption.SendBuffer, bytes);
  }

  /** Moves queued datagrams of the port to the program's socket. */
  #pump(): void {
    const port = this.#port;
    if (port === undefined || this.#left || this.#pumping || this.#unsent !== undefined || this.#fd < 0) return;
    this.#pumping = true;
    try {
      while (this.#pumpOne(port));
    } finally {
      this.#pumping = false;
    }
  }

  #pull(port: Port, largest: number): void {
    const blocks = this.#pulls++ < singleBlocks ? 1 : blocksAtOnce;
    for (let i = 0; i < blocks && port.dumping; i++) {
      port.received(largest);
      this.#pump();
    }
  }

  #pumpOne(port: Port): boolean {
    if (this.#slot >= 0) this.#tellPull(port);
    const datagram = this.#slot >= 0 ? port.take() : port.next(dumpBlockSizes.most);
    if (typeof datagram !== 'number') return this.#send(datagram);
    if (datagram !== -Errno.ENOBUFS) return false;
    if (this.#slot < 0) return this.#send(overrun);
    this.#losses = (this.#losses + 1) >>> 0;
    this.#owner.board.set(this.#slot, 'lost', this.#losses);
    return true;
  }

  /** @returns whether the next may be sent */
  #send(datagram: Uint8Array): boolean {
    const sent = send(this.#fd, datagram);
    if (sent >= 0) return true;
    if (sent === -Errno.EAGAIN) {
      this.#unsent = datagram;
      this.#watch.update(Ready.Readable | Ready.Writable);
    }
    return false; // if the program closed the socket, the watch reports it
  }

  #tellPull({ dumping }: Port): void {
    const pulling = !dumping ? Pulling.No : this.#pulls < singleBlocks ? Pulling.Always : Pulling.WhenEmpty;
    if (pulling === this.#pulling) return;
    if (this.#pulling === Pulling.No) this.#nudgeLater();
    this.#pulling = pulling;
    this.#owner.board.set(this.#slot, 'pull', pulling);
    if (pulling !== Pulling.No) return;
    this.#nudge?.clear();
    this.#pulls = 0;
  }

  #nudgeLater(): void {
    this.#nudge = systemClock.after(nudgeMs, () => {
      const port = this.#port;
      if (port === undefined || this.#pulling === Pulling.No || this.#fd < 0) return;
      if (this.#unsent === undefined && unread(this.#fd) === 0) {
        port.received(0);
        this.#pump();
      }
      if (this.#pulling !== Pulling.No) this.#nudgeLater();
    });
  }
}

/** NLMSG_OVERRUN, uapi/linux/netlink.h: data was lost. */
const overrun = ((): Uint8Array => {
  const frame = Frame.alloc(headerLength);
  MessageHeader.write(frame, 0, { length: headerLength, type: MessageType.Overrun, flags: 0, sequence: 0, portId: 0 });
  return frame.bytes;
})();

function getOption(port: Port, level: number, option: number): Answer {
  if (level === SocketLevel.Netlink && option === listMemberships) return { error: 0, second: 1, body: int(port.groups) };
  if (level === SocketLevel.Socket && option === SocketOption.ReceiveBuffer) return { error: 0, body: int(port.receiveBuffer) };
  const value = level === SocketLevel.Netlink ? port.option(option) : -Errno.ENOPROTOOPT;
  return value < 0 ? refused(value) : { error: 0, body: int(value) };
}

const int = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

/** Sends the response if the request has a descriptor for it. Failures are ignored: the program may have closed it or passed another type of descriptor. */
function answerTo(to: number, { error, first = 0, second = 0, body, fd }: Answer): void {
  const length = body?.length ?? 0;
  const frame = Frame.alloc(UnixAnswer.byteLength + length);
  UnixAnswer.write(frame, 0, { error, first, second, length });
  if (body !== undefined) frame.bytes.set(body, UnixAnswer.byteLength);
  if (fd === undefined) send(to, frame.bytes, MessageFlag.DontWait);
  else sendMessage(to, frame.bytes, [fd]);
}
