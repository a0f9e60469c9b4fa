import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import {
  bindNetlink,
  check,
  close,
  joinNetlinkGroup,
  NetlinkOption,
  NetlinkProtocol,
  newNetworkNamespace,
  openNetlink,
  receiveNetlink,
  SocketLevel,
  SocketOption,
  send,
  sendNetlink,
  setSocketOption,
} from '@ring3/linux';
import { Unsupported, type VectorOptions } from './format.ts';
import type { Party, Socket } from './party.ts';

/**
 * The kernel of this machine for one vector: the calling thread moves into a new network namespace. Requires root.
 * @throws Unsupported for root of a user namespace, which a running process cannot become
 * @throws SystemError without the right to create namespaces
 */
export class KernelParty implements Party {
  readonly #options: VectorOptions;
  readonly #sockets = new Map<string, KernelSocket>();

  constructor(options: VectorOptions = {}) {
    if (options.userns !== undefined) throw new Unsupported('a process with threads cannot enter a user namespace');
    check(newNetworkNamespace(), 'unshare', 'network namespace');
    this.#options = options;
  }

  socket(label: string): Socket {
    let socket = this.#sockets.get(label);
    if (socket === undefined) {
      socket = as(this.#options.open_euid, () => new KernelSocket(this.#options));
      this.#sockets.set(label, socket);
    }
    return socket;
  }

  closeSocket(label: string): void {
    this.#sockets.get(label)?.close();
    this.#sockets.delete(label);
  }

  setSysctl(name: string, value: string): string | undefined {
    try {
      writeFileSync(pathOf(name), value);
      return undefined;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    }
  }

  sysctl(name: string): string {
    try {
      return readFileSync(pathOf(name), 'utf8').trim();
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? 'EIO';
    }
  }

  async shell(line: string): Promise<number> {
    return spawnSync('sh', ['-c', line], { stdio: 'ignore' }).status ?? -1;
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }
}

const pathOf = (name: string): string => `/proc/sys/${name.replaceAll('.', '/')}`;

/** Runs a function as another user. */
function as<T>(userId: number | undefined, act: () => T): T {
  if (userId === undefined) return act();
  process.seteuid?.(userId);
  try {
    return act();
  } finally {
    process.seteuid?.(0);
  }
}

class KernelSocket implements Socket {
  readonly #fd: number;
  readonly #options: VectorOptions;

  constructor(options: VectorOptions) {
    this.#options = options;
    this.#fd = check(openNetlink(NetlinkProtocol.Netfilter), 'socket', 'NETLINK_NETFILTER');
    setSocketOption(this.#fd, SocketLevel.Socket, SocketOption.ReceiveBuffer, 1 << 20);
    setSocketOption(this.#fd, SocketLevel.Netlink, NetlinkOption.ExtAck, options.ext_ack ?? 1);
    setSocketOption(this.#fd, SocketLevel.Netlink, NetlinkOption.CapAck, options.cap_ack ?? 0);
    check(bindNetlink(this.#fd), 'bind', 'NETLINK_NETFILTER');
  }

  send(datagram: Uint8Array): number {
    const { send_euid, noaddr } = this.#options;
    return as(send_euid, () => Math.min(0, noaddr === undefined ? sendNetlink(this.#fd, datagram) : send(this.#fd, datagram)));
  }

  join(group: number): number {
    return joinNetlinkGroup(this.#fd, group);
  }

  receive(capacity: number): Uint8Array | number {
    const buffer = new Uint8Array(capacity);
    const length = receiveNetlink(this.#fd, buffer);
    return length < 0 ? length : buffer.subarray(0, Math.min(length, capacity));
  }

  close(): void {
    close(this.#fd);
  }
}
