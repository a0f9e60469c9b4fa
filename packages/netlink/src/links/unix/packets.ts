import { bytes, flags, named, ne16, ne32, struct, type TypeOf } from '@ring3/wire';

/*
 * Netlink over ring3's AF_UNIX socket (SEQPACKET: one packet is one datagram).
 *
 * From ring3 to the program every packet is a netlink datagram. From the program to ring3 there are three forms:
 * - A packet without a descriptor is a netlink datagram, so that a program does not need this protocol. It gets no notice when the datagram was handled.
 * - A packet with one descriptor, an end of a socket pair, is a request: `UnixRequest` and the data of its kind. The response, `UnixAnswer`, is
 *   sent on that descriptor after all preceding datagrams are queued; it marks the end of a datagram that was sent as `Data`.
 * - After a Hello with `Push` every packet is a request, with or without a descriptor; without one there is no response.
 *
 * A connection whose Hello had no `Push` (the programs under `ring3 exec`) has a slot on the board, and dumps continue at its `Pull`. To
 * every other one dumps are sent as fast as it receives, and NLMSG_OVERRUN reports lost datagrams.
 */

/** "rnl3": no netlink datagram of less than 800 MB begins with these bytes. */
export const magic = 0x336c6e72;
/** The version of these packets, sent in Hello. */
export const version = 1;

/** The kinds of requests. */
export const UnixKind = {
  /** The first request: `first` the version, `second` the socket's type; followed by the namespace's name. Response: the slot, the port id if bound, the server's name; with the board's descriptor. */
  Hello: 1,
  /** A netlink datagram for the address `first` (port id), `second` (groups). */
  Data: 2,
  /** bind(2) to `first` (port id), `second` (groups). */
  Bind: 3,
  /** connect(2) to `first` (port id), `second` (groups); without `Addressed` the association is removed. */
  Connect: 4,
  /** getsockname(2). Response: port id, groups. */
  Name: 5,
  /** setsockopt(2): `first` the level, `second` the option; followed by the value. */
  SetOption: 6,
  /** getsockopt(2): `first` the level, `second` the option. Response: `second` is 1 if the value is a list; the value. */
  GetOption: 7,
  /** The program received a datagram: a running dump continues. */
  Pull: 8,
  /** Requests the board again, for a program that was exec'd with the socket. */
  Board: 9,
  /** getpeername(2). Response: port id, groups. */
  Peer: 10,
} as const;

export const UnixFlags = {
  /** Data, Connect: the program gave a destination address. */
  Addressed: 0x1,
  /** Hello: dumps are sent without Pull; every packet is a request. */
  Push: 0x2,
} as const;

/** The header of a request: 24 bytes in the host's byte order. */
export const UnixRequest = struct('UnixRequest', {
  magic: ne32,
  kind: named(ne16, UnixKind),
  flags: flags(ne16, UnixFlags),
  processId: ne32, // of the caller, as it sees it
  largest: ne32, // the largest receive buffer used on the socket, 0: not known
  first: ne32,
  second: ne32,
});
export type UnixRequest = TypeOf<typeof UnixRequest>;

/** The header of a response: 16 bytes in the host's byte order, then `length` bytes, at most 256. */
export const UnixAnswer = struct('UnixAnswer', {
  error: ne32, // 0 or an errno
  first: ne32,
  second: ne32,
  length: ne32,
});
export type UnixAnswer = TypeOf<typeof UnixAnswer>;

/** When the program must send Pull. */
export const Pulling = {
  No: 0,
  /** After it received a datagram. */
  Always: 1,
  /** After it received a datagram and none waits. */
  WhenEmpty: 2,
} as const;

/** One slot of the board: the state that a receive reads without a request. */
export const Slot = struct('Slot', {
  lost: ne32, // incremented by the server when datagrams were lost
  told: ne32, // the receiver's: the losses that it reported as ENOBUFS
  pull: named(ne32, Pulling), // the server's
  largest: ne32, // the receivers': the largest receive buffer
});
/** The board's header: the server's name, 16 hexadecimal digits. */
export const BoardHead = struct('BoardHead', { server: bytes(16), unused: bytes(48) });
