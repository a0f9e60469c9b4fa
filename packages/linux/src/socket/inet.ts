import { close } from '../close.ts';
import { Errno } from '../errno.ts';
import { native } from '../library.ts';
import { bind, Domain, Ipv6Option, SocketLevel, SocketOption, SocketType, setSocketOption, socket, socketName } from './socket.ts';

/** An address to listen on: `struct sockaddr_in`, `struct sockaddr_in6`. ip(7), ipv6(7). */
export interface InetAddress {
  /** Numeric: `192.0.2.1`, `2001:db8::1`. */
  readonly host: string;
  readonly port: number;
  /** The interface of a link-local IPv6 address, by its index; 0: none. */
  readonly scope?: number;
}

const libc = {
  inet_pton: native<[number, string, Uint8Array]>('int inet_pton(int, const char *, void *)'),
};

const longest = 28; // sockaddr_in6: family u16, port u16 big-endian, flow u32, address 16, scope u32; sockaddr_in: family, port, address 4, zeroes 8
const shortest = 16;

/** @returns the `sockaddr`, or a negative errno (`-EINVAL`: not a numeric address) */
function inetAddress({ host, port, scope = 0 }: InetAddress): Uint8Array | number {
  if (!Number.isInteger(port) || port < 0 || port > 65535 || host.includes('\0')) return -Errno.EINVAL;
  const six = host.includes(':');
  const bytes = new Uint8Array(six ? longest : shortest);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, six ? Domain.Inet6 : Domain.Inet, true);
  view.setUint16(2, port);
  if (six) view.setUint32(24, scope, true);
  const address = bytes.subarray(six ? 8 : 4);
  return libc.inet_pton.run(six ? Domain.Inet6 : Domain.Inet, host, address) === 1 ? bytes : -Errno.EINVAL;
}

/**
 * A bound TCP socket that does not listen yet: connections are refused. `SO_REUSEADDR` is set, so that earlier connections in TIME_WAIT
 * do not prevent it from using the port; `::` includes all IPv4 addresses.
 * @returns the descriptor or a negative errno (`-EADDRINUSE`, `-EACCES`: a port below 1024, `-EADDRNOTAVAIL`: not an address of this machine)
 */
export function bindTcp(at: InetAddress): number {
  const address = inetAddress(at);
  if (typeof address === 'number') return address;
  const six = at.host.includes(':');
  const fd = socket(six ? Domain.Inet6 : Domain.Inet, SocketType.Stream);
  if (fd < 0) return fd;
  if (six) setSocketOption(fd, SocketLevel.Ipv6, Ipv6Option.V6Only, 0);
  setSocketOption(fd, SocketLevel.Socket, SocketOption.ReuseAddress, 1);
  const bound = bind(fd, address);
  if (bound === 0) return fd;
  close(fd);
  return bound;
}

const name = new Uint8Array(longest);
const nameView = new DataView(name.buffer);

/** The family and the port of a socket's own address. getsockname(2). @returns them (the port is 0 if the family has none), or a negative errno */
export function inetName(fd: number): { readonly family: number; readonly port: number } | number {
  name.fill(0);
  const answer = socketName(fd, name);
  if (answer < 0) return answer;
  const family = nameView.getUint16(0, true);
  return { family, port: family === Domain.Inet || family === Domain.Inet6 ? nameView.getUint16(2) : 0 };
}
