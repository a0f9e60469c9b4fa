import { bytes, flags, named, ne16, ne32, struct, type TypeOf } from '@ring3/wire';

/*
 * How netlink travels over ring3's AF_UNIX socket (SEQPACKET: one packet, one datagram).
 *
 * From ring3 to the program every packet is a netlink datagram and nothing else. From the program to ring3 there are three ways:
 * - A packet without a descriptor is a netlink datagram, so that a program needs to know nothing of this page. Nothing tells it when it was handled.
 * - A packet with one descriptor, an end of a socket pair, is a request: `UnixRequest` and what its kind has behind it. The answer, `UnixAnswer`, is
 *   sent on that descriptor when everything that belongs before it is queued; it is the end mark of a datagram that was sent as `Data`.
 * - After a Hello with `Push` every packet is a request, with or without a descriptor; without one there is no answer.
 *
 * A connection that said Hello without `Push` (the programs under `ring3 exec`) has a slot on the board, and dumps go on when it says `Pull`. To
 * every other one dumps are sent as fast as it receives, and NLMSG_OVERRUN says that something was lost.
 */

/** "rnl3": no netlink datagram of less than 800 MB begins so. */
export const magic = 0x336c6e72;
/** The version of these packets that Hello names. */
export const version = 1;

/** What a request asks for. */
export const UnixKind = {
  /** The first request: `first` the version, `second` the socket's type; behind it the namespace's name. Answer: the slot, the port id if bound, the server's name; with the board. */
  Hello: 1,
  /** A netlink datagram for the address `first` (port id), `second` (groups). */
  Data: 2,
  /** bind(2) to `first` (port id), `second` (groups). */
  Bind: 3,
  /** connect(2) to `first` (port id), `second` (groups); without `Addressed` the connection is given up. */
  Connect: 4,
  /** getsockname(2). Answer: port id, groups. */
  Name: 5,
  /** setsockopt(2): `first` the level, `second` the option; behind it the value. */
  SetOption: 6,
  /** getsockopt(2): `first` the level, `second` the option. Answer: `second` is 1 where the value is a list; the value. */
  GetOption: 7,
  /** The program received a datagram: a running dump goes on. */
  Pull: 8,
  /** The board again, for a program that was exec'd with the socket. */
  Board: 9,
  /** getpeername(2). Answer: port id, groups. */
  Peer: 10,
} as const;

export const UnixFlags = {
  /** Data, Connect: the program gave a destination address. */
  Addressed: 0x1,
  /** Hello: dumps are sent unasked; every packet is a request. */
  Push: 0x2,
} as const;

/** The head of a request: 24 bytes in the host's byte order. */
export const UnixRequest = struct('UnixRequest', {
  magic: ne32,
  kind: named(ne16, UnixKind),
  flags: flags(ne16, UnixFlags),
  processId: ne32, // of the caller, as it sees it
  largest: ne32, // the largest receive buffer that the socket has used, 0: not known
  first: ne32,
  second: ne32,
});
export type UnixRequest = TypeOf<typeof UnixRequest>;

/** The head of an answer: 16 bytes in the host's byte order, then `length` bytes, at most 256. */
export const UnixAnswer = struct('UnixAnswer', {
  error: ne32, // 0 or an errno
  first: ne32,
  second: ne32,
  length: ne32,
});
export type UnixAnswer = TypeOf<typeof UnixAnswer>;

/** When the program has to say Pull. */
export const Pulling = {
  No: 0,
  /** When it has received something. */
  Always: 1,
  /** When it has received something and nothing more waits. */
  WhenEmpty: 2,
} as const;

/** One line of the board: what a receive must know without asking. */
export const Slot = struct('Slot', {
  lost: ne32, // counted up by the server when datagrams were lost
  told: ne32, // the receiver's: how far it said ENOBUFS
  pull: named(ne32, Pulling), // the server's
  largest: ne32, // the receivers': the largest receive buffer
});
/** The board's head: the server's name, 16 hexadecimal digits. */
export const BoardHead = struct('BoardHead', { server: bytes(16), unused: bytes(48) });
