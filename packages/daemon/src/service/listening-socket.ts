import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import {
  bindTcp,
  check,
  close,
  Domain,
  duplicate,
  errnoName,
  inetName,
  SocketLevel,
  SocketOption,
  SocketType,
  shutdown,
  socketOption,
} from '@ring3/linux';
import type { HeldSocket } from '@ring3/smb-server';
import { listenFault } from '../listen-fault.ts';
import { type PassedDescriptor, passedDescriptors } from './passed-descriptors.ts';

/** A TCP socket that exists before the file server and across its resets. */
export interface ListeningSocket extends HeldSocket, Disposable {
  /** Whether it matches these settings; if not, the file server creates a socket. */
  isFor(host: string, port: number): boolean;
}

/** IPPROTO_TCP and IPPROTO_MPTCP, netinet/in.h. */
const streams = [6, 262];

/**
 * The socket that a service manager listens on for this process: socket activation, systemd.socket(5). It continues to listen when the file
 * server does not: clients that connect then wait.
 * @returns undefined if there is none
 * @throws Error in one line if the manager passed anything but one listening TCP socket
 */
export function passedSocket(passed: readonly PassedDescriptor[] = passedDescriptors()): ListeningSocket | undefined {
  const [first, ...more] = passed;
  if (first === undefined) return undefined;
  if (more.length > 0) {
    const names = passed.map(({ name }) => name).join(', ');
    throw new Error(
      `the service manager passed ${passed.length} sockets (${names}), ring3 serves one: leave one ListenStream= in its .socket unit`,
    );
  }
  const wrong = whyNot(first.fd);
  if (wrong !== undefined) throw new Error(`descriptor ${first.fd} (${first.name}) that the service manager passed ${wrong}`);
  const fd = check(duplicate(first.fd), 'fcntl'); // closed on exec, unlike the passed descriptor
  close(first.fd);
  return new Held(fd, () => true, false);
}

/** Why a descriptor cannot be served; undefined if it can. */
function whyNot(fd: number): string | undefined {
  const option = (which: number): number => socketOption(fd, SocketLevel.Socket, which);
  const type = option(SocketOption.Type);
  if (type < 0) return `is not a socket (${errnoName(-type)})`;
  const at = inetName(fd);
  if (typeof at === 'number') return `has no address (${errnoName(-at)})`;
  if (at.family !== Domain.Inet && at.family !== Domain.Inet6)
    return 'is not a TCP socket: ListenStream= takes a port, or an address and a port';
  if (type !== SocketType.Stream || !streams.includes(option(SocketOption.Protocol)))
    return 'is not a TCP socket: the .socket unit says ListenStream=, not ListenDatagram= or another protocol';
  return option(SocketOption.AcceptConnections) === 1 ? undefined : 'does not listen: the .socket unit says Accept=no';
}

/**
 * Binds a port before the rights to it are given up. It listens only while the file server runs.
 * @param host a name or an address
 * @throws Error in one line
 */
export async function boundSocket(host: string, port: number): Promise<ListeningSocket> {
  const { address } = await lookup(host).catch(({ code }: NodeJS.ErrnoException) => {
    throw new Error(listenFault(host, port, code ?? 'ENOTFOUND'));
  });
  const [bare = '', zone] = address.split('%');
  const scope = networkInterfaces()[zone ?? '']?.find(({ family }) => family === 'IPv6') as { scopeid?: number } | undefined;
  const fd = bindTcp({ host: bare, port, scope: scope?.scopeid ?? 0 });
  if (fd < 0) throw new Error(listenFault(host, port, errnoName(-fd)));
  return new Held(fd, (otherHost, otherPort) => otherHost === host && otherPort === port, true);
}

class Held implements ListeningSocket {
  readonly isFor: ListeningSocket['isFor'];
  readonly #fd: number;
  readonly #own: boolean;

  /** @param own whether this process is the only listener */
  constructor(fd: number, isFor: ListeningSocket['isFor'], own: boolean) {
    this.#fd = fd;
    this.isFor = isFor;
    this.#own = own;
  }

  take(): number {
    return check(duplicate(this.#fd), 'fcntl');
  }

  rest(): void {
    // the copy of a service manager would end with it: sd_listen_fds(3) advises against shutdown
    if (this.#own) shutdown(this.#fd, 0);
  }

  [Symbol.dispose](): void {
    close(this.#fd);
  }
}
