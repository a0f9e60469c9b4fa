import { setTimeout as delay } from 'node:timers/promises';
import {
  close,
  connectUnix as connectSocket,
  Errno,
  listenerFault,
  openUnix,
  peerCredentials,
  Ready,
  readiness,
  receive,
  SocketLevel,
  SocketOption,
  SocketType,
  SystemError,
  sendMessage,
  socketPair,
  type Watch,
} from '@ring3/linux';
import { Frame } from '@ring3/wire';
import { headerLength, MessageHeader, MessageType } from '../../message.ts';
import type { NetlinkLink } from '../netlink-link.ts';
import { magic, UnixAnswer, UnixFlags, UnixKind, UnixRequest, version } from './packets.ts';

/** The largest datagram of a server: a dump's block, or an acknowledgement that contains the longest request. */
const bufferSize = 262_144;
/** The time limit for the server's response. */
const patienceMs = 5000;
/** The interval of attempts to connect, milliseconds. */
const attemptMs = 20;

export interface ConnectOptions {
  /** The namespace; default: the server's own. */
  readonly namespace?: string;
}

/** The program that listens at a path belongs to another user, who could have put it there. Nothing was sent to it. */
export class UntrustedListener extends Error {
  override readonly name = 'UntrustedListener';
}

/** A netlink socket of a running ring3. */
export interface UnixNetlinkLink extends NetlinkLink {
  /** The user id of the process that listens. */
  readonly owner: number;
}

/**
 * Opens a netlink socket of a running ring3 at its AF_UNIX path.
 * @throws UntrustedListener
 * @throws SystemError: ENOENT: the path or the namespace does not exist (`syscall` states which: connect, namespace), ECONNREFUSED: no process
 *   listens there, EACCES
 */
export async function connectUnix(path: string, options: ConnectOptions = {}): Promise<UnixNetlinkLink> {
  const fd = openUnix(SocketType.SeqPacket);
  let connected = fd < 0 ? fd : connectSocket(fd, path);
  // unix(7): a socket whose backlog is full rejects a non-blocking connection for the moment
  for (let waited = 0; connected === -Errno.EAGAIN && waited < patienceMs; waited += attemptMs) {
    await delay(attemptMs);
    connected = connectSocket(fd, path);
  }
  if (connected < 0) {
    if (fd >= 0) close(fd);
    throw new SystemError(connected, 'connect', path);
  }
  try {
    const fault = listenerFault(fd, path);
    if (fault !== undefined) throw new UntrustedListener(fault);
    const owner = peerCredentials(fd);
    if (typeof owner === 'number') throw new SystemError(owner, 'connect', path);
    const { namespace = '' } = options;
    const answer = await hello(fd, namespace);
    if (answer.error === Errno.ENOENT) throw new SystemError(-Errno.ENOENT, 'namespace', namespace);
    if (answer.error !== 0) throw new SystemError(-answer.error, 'connect', path);
    return new UnixLink(fd, path, answer.second, owner.userId);
  } catch (error) {
    close(fd);
    throw error;
  }
}

async function hello(fd: number, namespace: string): Promise<UnixAnswer> {
  const pair = socketPair(SocketType.SeqPacket);
  if (typeof pair === 'number') throw new SystemError(pair, 'socketpair', '');
  const [here, there] = pair;
  try {
    const head = request(UnixKind.Hello, version, SocketType.Raw, UnixFlags.Push);
    const sent = sendMessage(fd, [head, Buffer.from(namespace)], [there]);
    close(there);
    if (sent < 0) throw new SystemError(-Errno.ECONNREFUSED, 'connect', namespace);
    await readable(here);
    const frame = Frame.alloc(UnixAnswer.byteLength + 256);
    const length = receive(here, frame.bytes);
    if (length < UnixAnswer.byteLength) throw new SystemError(-Errno.ECONNREFUSED, 'connect', namespace);
    return UnixAnswer.read(frame, 0);
  } finally {
    close(here);
  }
}

/** Resolves when the descriptor is readable, or at the time limit. */
function readable(fd: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const watch = readiness.watch(fd, Ready.Readable, () => resolve());
  const timer = setTimeout(resolve, patienceMs);
  return promise.finally(() => {
    clearTimeout(timer);
    if (typeof watch === 'object') watch.close();
  });
}

function request(kind: number, first = 0, second = 0, flags = 0): Uint8Array {
  const frame = Frame.alloc(UnixRequest.byteLength);
  UnixRequest.write(frame, 0, { magic, kind, flags, processId: process.pid, largest: bufferSize, first, second });
  return frame.bytes;
}

class UnixLink implements UnixNetlinkLink {
  readonly peer: string;
  readonly portId: number;
  readonly owner: number;
  #fd: number;
  readonly #buffer = new Frame(new Uint8Array(bufferSize));
  #watch: Watch | undefined;
  #watcher: (() => void) | undefined;
  /** Packets that wait for buffer space. */
  readonly #outgoing: Uint8Array[][] = [];

  constructor(fd: number, path: string, portId: number, owner: number) {
    this.#fd = fd;
    this.peer = path;
    this.portId = portId;
    this.owner = owner;
  }

  send(datagram: Uint8Array): number {
    return this.#send([request(UnixKind.Data, 0, 0, UnixFlags.Addressed), datagram.slice()]);
  }

  receive(): Uint8Array | number {
    if (this.#fd < 0) return -Errno.EBADF;
    const length = receive(this.#fd, this.#buffer.bytes);
    if (length < 0) return length;
    if (length === 0) return -Errno.ECONNRESET;
    if (length === headerLength && MessageHeader.read(this.#buffer, 0).type === MessageType.Overrun) return -Errno.ENOBUFS;
    return this.#buffer.bytes.slice(0, length);
  }

  setOption(option: number, value: number): number {
    return this.#setOption(SocketLevel.Netlink, option, value);
  }

  setReceiveBuffer(bytes: number): number {
    return this.#setOption(SocketLevel.Socket, SocketOption.ReceiveBufferForce, bytes);
  }

  watch(ready: () => void): () => void {
    this.#watcher = ready;
    this.#update();
    return () => {
      if (this.#watcher !== ready) return;
      this.#watcher = undefined;
      this.#update();
    };
  }

  close(): void {
    if (this.#fd < 0) return;
    this.#watch?.close();
    close(this.#fd);
    this.#fd = -1;
  }

  #setOption(level: number, option: number, value: number): number {
    return this.#send([request(UnixKind.SetOption, level, option), new Uint8Array(Int32Array.of(value).buffer)]);
  }

  /** Packets keep their order, so the server applies the setting before later packets; the response is not awaited. */
  #send(packet: Uint8Array[]): number {
    if (this.#fd < 0) return -Errno.EBADF;
    const sent = this.#outgoing.length > 0 ? -Errno.EAGAIN : sendMessage(this.#fd, packet);
    if (sent !== -Errno.EAGAIN) return Math.min(0, sent);
    this.#outgoing.push(packet);
    this.#update();
    return 0;
  }

  #ready(events: number): void {
    if ((events & Ready.Writable) !== 0) {
      while (this.#outgoing.length > 0 && sendMessage(this.#fd, this.#outgoing[0]!) !== -Errno.EAGAIN) this.#outgoing.shift();
      this.#update();
    }
    if ((events & ~Ready.Writable) !== 0) this.#watcher?.();
  }

  #update(): void {
    if (this.#fd < 0) return;
    const wanted = (this.#watcher === undefined ? 0 : Ready.Readable) | (this.#outgoing.length === 0 ? 0 : Ready.Writable);
    if (wanted === 0) {
      this.#watch?.close();
      this.#watch = undefined;
    } else if (this.#watch !== undefined) this.#watch.update(wanted);
    else {
      const watch = readiness.watch(this.#fd, wanted, (events) => this.#ready(events));
      if (typeof watch === 'number') throw new SystemError(watch, 'epoll_ctl', this.peer);
      this.#watch = watch;
    }
  }
}
