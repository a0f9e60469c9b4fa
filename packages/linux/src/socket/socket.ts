import { native, result } from '../library.ts';

/** Address families, socket types and their flags, bits/socket.h. */
export const Domain = { Unix: 1, Inet: 2, Inet6: 10, Netlink: 16, Packet: 17 } as const;
export const SocketType = { Stream: 1, Dgram: 2, Raw: 3, SeqPacket: 5, NonBlock: 0o4000, CloseOnExec: 0o2000000 } as const;
/** Flags of a send or receive, bits/socket.h MSG_*. */
export const MessageFlag = {
  Peek: 0x2,
  ControlTruncated: 0x8,
  Truncated: 0x20,
  DontWait: 0x40,
  EndOfRecord: 0x80,
  NoSignal: 0x4000,
  CloseOnExec: 0x40000000,
} as const;
/** Levels of socket options. */
export const SocketLevel = { Socket: 1, Ipv6: 41, Netlink: 270 } as const;
/** Options at level IPPROTO_IPV6, linux/in6.h. */
export const Ipv6Option = { V6Only: 26 } as const;
/** Options at level SOL_SOCKET, asm-generic/socket.h. */
export const SocketOption = {
  ReuseAddress: 2,
  Type: 3,
  Error: 4,
  SendBuffer: 7,
  ReceiveBuffer: 8,
  PassCredentials: 16,
  PeerCredentials: 17,
  AttachFilter: 26,
  AcceptConnections: 30,
  SendBufferForce: 32,
  ReceiveBufferForce: 33,
  Protocol: 38,
  Domain: 39,
} as const;

const libc = {
  socket: native<[number, number, number]>('int socket(int, int, int)'),
  listen: native<[number, number]>('int listen(int, int)'),
  accept4: native<[number, null, null, number]>('int accept4(int, void *, void *, int)'),
  bind: native<[number, Uint8Array, number]>('int bind(int, const void *, uint)'),
  connect: native<[number, Uint8Array, number]>('int connect(int, const void *, uint)'),
  getsockname: native<[number, Uint8Array, Int32Array]>('int getsockname(int, void *, void *)'),
  setsockopt: native<[number, number, number, Uint8Array | Int32Array, number]>('int setsockopt(int, int, int, const void *, uint)'),
  getsockopt: native<[number, number, number, Uint8Array | Int32Array, Int32Array]>('int getsockopt(int, int, int, void *, void *)'),
  send: native<[number, Uint8Array, number, number]>('int64 send(int, const void *, size_t, int)'),
  recv: native<[number, Uint8Array, number, number]>('int64 recv(int, void *, size_t, int)'),
  shutdown: native<[number, number]>('int shutdown(int, int)'),
};

/** A new socket, non-blocking, close-on-exec. socket(2). @returns the descriptor or a negative errno */
export const socket = (domain: number, type: number, protocol = 0): number =>
  result(libc.socket.run(domain, type | SocketType.NonBlock | SocketType.CloseOnExec, protocol));

/** Binds a socket to an address. bind(2). @param bytes the `sockaddr` @returns 0 or a negative errno */
export const bind = (fd: number, bytes: Uint8Array): number => result(libc.bind.run(fd, bytes, bytes.length));

/** Connects to an address. connect(2). @param bytes the `sockaddr` @returns 0 or a negative errno */
export const connect = (fd: number, bytes: Uint8Array): number => result(libc.connect.run(fd, bytes, bytes.length));

/** Accepts connections from now on. listen(2). @returns 0 or a negative errno */
export const listen = (fd: number, backlog = 128): number => result(libc.listen.run(fd, backlog));

/** Accepts the next connection, non-blocking, close-on-exec. accept4(2). @returns the descriptor, or a negative errno (`-EAGAIN`: none waits) */
export const accept = (fd: number): number => result(libc.accept4.run(fd, null, null, SocketType.NonBlock | SocketType.CloseOnExec));

const length = new Int32Array(1);

/** A socket's own address. getsockname(2). @param into receives the `sockaddr` @returns its full length or a negative errno */
export function socketName(fd: number, into: Uint8Array): number {
  length[0] = into.length;
  const answer = libc.getsockname.run(fd, into, length);
  return answer < 0 ? result(answer) : length[0]!;
}

const integer = new Int32Array(1);

/** Sets an option. setsockopt(2). @param value an `int`, or the option's structure @returns 0 or a negative errno */
export function setSocketOption(fd: number, level: number, option: number, value: number | Uint8Array): number {
  if (typeof value !== 'number') return result(libc.setsockopt.run(fd, level, option, value, value.length));
  integer[0] = value;
  return result(libc.setsockopt.run(fd, level, option, integer, 4));
}

/** An option's `int` value. getsockopt(2). @returns the value (use `socketOptionBytes` for options with negative values) or a negative errno */
export function socketOption(fd: number, level: number, option: number): number {
  length[0] = 4;
  const answer = libc.getsockopt.run(fd, level, option, integer, length);
  return answer < 0 ? result(answer) : integer[0]!;
}

/** An option's structure. getsockopt(2). @returns its bytes, or a negative errno */
export function socketOptionBytes(fd: number, level: number, option: number, into: Uint8Array): number {
  length[0] = into.length;
  const answer = libc.getsockopt.run(fd, level, option, into, length);
  return answer < 0 ? result(answer) : length[0]!;
}

/** Sends bytes on a connected socket; never SIGPIPE. send(2). @returns the bytes sent or a negative errno (`-EAGAIN`: full) */
export const send = (fd: number, bytes: Uint8Array, flags = 0): number =>
  result(libc.send.run(fd, bytes, bytes.length, flags | MessageFlag.NoSignal));

/**
 * Receives into a buffer. recv(2).
 * @param flags with `MessageFlag.Truncated` a datagram's full length is returned, which may exceed the buffer
 * @returns the bytes received (0: closed by the peer, or an empty datagram) or a negative errno (`-EAGAIN`: none waits)
 */
export const receive = (fd: number, into: Uint8Array, flags = 0): number => result(libc.recv.run(fd, into, into.length, flags));

/** Ends one or both directions. shutdown(2). @param how 0: receiving, 1: sending, 2: both @returns 0 or a negative errno */
export const shutdown = (fd: number, how: 0 | 1 | 2): number => result(libc.shutdown.run(fd, how));
