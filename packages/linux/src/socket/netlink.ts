import { native, result } from '../library.ts';
import { bind, Domain, MessageFlag, SocketLevel, SocketType, setSocketOption, socket, socketName } from './socket.ts';

/** Netlink protocols, uapi/linux/netlink.h NETLINK_*. */
export const NetlinkProtocol = { Route: 0, SockDiag: 4, Audit: 9, Netfilter: 12, KobjectUevent: 15, Generic: 16 } as const;
/** Options at level SOL_NETLINK, uapi/linux/netlink.h. */
export const NetlinkOption = {
  AddMembership: 1,
  DropMembership: 2,
  PacketInfo: 3,
  BroadcastError: 4,
  NoEnobufs: 5,
  ListMemberships: 9,
  CapAck: 10,
  ExtAck: 11,
  GetStrictCheck: 12,
} as const;

/** The sender or receiver of a netlink datagram: `struct sockaddr_nl`. `portId` is a u32 (0: the kernel), `groups` the bits of groups 1 to 32. */
export interface NetlinkAddress {
  portId: number;
  groups: number;
}

const libc = {
  sendto: native<[number, Uint8Array, number, number, Uint8Array, number]>(
    'int64 sendto(int, const void *, size_t, int, const void *, uint)',
  ),
  recvfrom: native<[number, Uint8Array, number, number, Uint8Array, Int32Array]>(
    'int64 recvfrom(int, void *, size_t, int, void *, void *)',
  ),
};

const size = 12; // family u16, pad u16, pid u32, groups u32; all in host order
const there = new Uint8Array(size);
const thereView = new DataView(there.buffer);
const here = new Uint8Array(size);
const hereView = new DataView(here.buffer);
const hereLength = new Int32Array(1);
thereView.setUint16(0, Domain.Netlink, true);

function destination(portId: number, groups: number): Uint8Array {
  thereView.setUint32(4, portId, true);
  thereView.setUint32(8, groups, true);
  return there;
}

/** A new netlink socket, non-blocking, close-on-exec. netlink(7). @returns the descriptor or a negative errno */
export const openNetlink = (protocol: number): number => socket(Domain.Netlink, SocketType.Raw, protocol);

/**
 * Binds a netlink socket. netlink(7).
 * @param portId 0: the kernel chooses one
 * @param groups bits of groups 1 to 32; higher ones by `NetlinkOption.AddMembership`
 * @returns 0 or a negative errno (`-EADDRINUSE`: the port id is taken)
 */
export const bindNetlink = (fd: number, portId = 0, groups = 0): number => bind(fd, destination(portId, groups));

/** A netlink socket's own address. getsockname(2). @returns it, or a negative errno */
export function netlinkName(fd: number): NetlinkAddress | number {
  const answer = socketName(fd, here);
  return answer < 0 ? answer : { portId: hereView.getUint32(4, true), groups: hereView.getUint32(8, true) };
}

/** Joins a multicast group. @param group its number, from 1 @returns 0 or a negative errno */
export const joinNetlinkGroup = (fd: number, group: number): number =>
  setSocketOption(fd, SocketLevel.Netlink, NetlinkOption.AddMembership, group);

/**
 * Sends a datagram. The kernel's responses are queued when this returns: receive until `-EAGAIN`.
 * @param portId 0: to the kernel
 * @returns the bytes sent or a negative errno
 */
export const sendNetlink = (fd: number, bytes: Uint8Array, portId = 0, groups = 0): number =>
  result(libc.sendto.run(fd, bytes, bytes.length, MessageFlag.NoSignal, destination(portId, groups), size));

/**
 * Receives one datagram.
 * @param from is filled with the sender: a `portId` that is not 0 is another process, not the kernel
 * @param flags `MessageFlag.Peek` leaves the datagram in the queue
 * @returns the datagram's full length, more than the buffer's if it was truncated; or a negative errno: `-EAGAIN`: none waits, `-ENOBUFS`: events
 *   were lost (the socket remains usable)
 */
export function receiveNetlink(fd: number, into: Uint8Array, from?: NetlinkAddress, flags = 0): number {
  hereLength[0] = size;
  const answer = libc.recvfrom.run(fd, into, into.length, flags | MessageFlag.DontWait | MessageFlag.Truncated, here, hereLength);
  if (answer < 0) return result(answer);
  if (from !== undefined) {
    from.portId = hereView.getUint32(4, true);
    from.groups = hereView.getUint32(8, true);
  }
  return answer;
}
