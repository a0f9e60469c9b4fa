import {
  bindNetlink,
  check,
  close,
  Errno,
  NetlinkProtocol,
  netlinkName,
  openNetlink,
  Ready,
  readiness,
  receiveNetlink,
  SocketLevel,
  SocketOption,
  SystemError,
  sendNetlink,
  setSocketOption,
  type Watch,
} from '@ring3/linux';
import type { NetlinkLink } from './netlink-link.ts';

/** The largest datagram that this library receives. */
const bufferSize = 65_536;

/**
 * Opens a NETLINK_NETFILTER socket of the kernel, in the network namespace of this process. Responses are queued when `send` returns, so requests and
 * dumps do not use the event loop; events do.
 * @throws SystemError: EPROTONOSUPPORT if the kernel has no netfilter, EAFNOSUPPORT if it has no netlink
 */
export function kernelLink(): NetlinkLink {
  const fd = check(openNetlink(NetlinkProtocol.Netfilter), 'socket', 'NETLINK_NETFILTER');
  const bound = bindNetlink(fd);
  const name = bound < 0 ? bound : netlinkName(fd);
  if (typeof name === 'number') {
    close(fd);
    throw new SystemError(name, 'bind', 'NETLINK_NETFILTER');
  }
  return new KernelLink(fd, name.portId);
}

class KernelLink implements NetlinkLink {
  readonly peer = 'kernel';
  readonly portId: number;
  #fd: number;
  readonly #buffer = new Uint8Array(bufferSize);
  readonly #from = { portId: 0, groups: 0 };
  #watch: Watch | undefined;

  constructor(fd: number, portId: number) {
    this.#fd = fd;
    this.portId = portId;
  }

  send(datagram: Uint8Array): number {
    if (this.#fd < 0) return -Errno.EBADF;
    return Math.min(0, sendNetlink(this.#fd, datagram));
  }

  receive(): Uint8Array | number {
    if (this.#fd < 0) return -Errno.EBADF;
    for (;;) {
      const length = receiveNetlink(this.#fd, this.#buffer, this.#from);
      if (length < 0) return length;
      if (this.#from.portId !== 0) continue; // another process may send to this socket; only datagrams of the kernel are accepted
      return this.#buffer.slice(0, Math.min(length, bufferSize));
    }
  }

  setOption(option: number, value: number): number {
    return setSocketOption(this.#fd, SocketLevel.Netlink, option, value);
  }

  setReceiveBuffer(bytes: number): number {
    const forced = setSocketOption(this.#fd, SocketLevel.Socket, SocketOption.ReceiveBufferForce, bytes);
    return forced === 0 ? 0 : setSocketOption(this.#fd, SocketLevel.Socket, SocketOption.ReceiveBuffer, bytes);
  }

  watch(ready: () => void): () => void {
    this.#watch?.close();
    const watch = readiness.watch(this.#fd, Ready.Readable, ready);
    if (typeof watch === 'number') throw new SystemError(watch, 'epoll_ctl', 'netlink socket');
    this.#watch = watch;
    return () => {
      watch.close();
      if (this.#watch === watch) this.#watch = undefined;
    };
  }

  close(): void {
    this.#watch?.close();
    if (this.#fd >= 0) close(this.#fd);
    this.#fd = -1;
  }
}
