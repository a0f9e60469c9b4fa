/** What a sender may do: the two capabilities that the netfilter subsystems ask for. */
export interface Rights {
  /** CAP_NET_ADMIN in the user namespace that owns the network namespace. */
  readonly netAdmin: boolean;
  /** CAP_NET_ADMIN in the initial user namespace; cthelper wants it. */
  readonly hostAdmin: boolean;
}

/** Whoever may connect to ring3's own socket. */
export const allRights: Rights = { netAdmin: true, hostAdmin: true };
/** An ordinary user. */
export const noRights: Rights = { netAdmin: false, hostAdmin: false };

/** Options at level SOL_NETLINK that a port understands, uapi/linux/netlink.h. */
export const PortOption = {
  AddMembership: 1,
  DropMembership: 2,
  BroadcastError: 4,
  NoEnobufs: 5,
  CapAck: 10,
  ExtAck: 11,
  GetStrictCheck: 12,
} as const;

/** How a program's socket is opened. */
export interface PortOptions {
  /** The rights of whoever opened the socket. */
  readonly opener: Rights;
  /** The number that an automatic bind tries first: the program's process id. Without it, or where it is taken, a number above 2^31. */
  readonly processId?: number;
  /** Called when a receive would no longer wait: something was queued in an empty queue, or an error has to be told. Never called from inside `next`. */
  readonly ready?: () => void;
  /**
   * What a link took from the queue and the program has not received, in bytes with overhead. It counts against the receive buffer; asked only
   * where the answer matters.
   */
  readonly held?: () => number;
}

/** What is known about one send. */
export interface SendOptions {
  /** The rights of whoever sends now; the opener's unless given. */
  readonly sender?: Rights;
  /** False where the program gave no destination address (`send` rather than `sendto` port 0): then the opener's rights count too. True unless given. */
  readonly addressed?: boolean;
}

/**
 * The kernel's end of one netlink socket: a port id, groups, options, and a queue of datagrams for the program. Links (memory, AF_UNIX) move bytes
 * between programs and ports and know nothing else. All calls answer at once; answers to a datagram are queued when `receive` returns.
 */
export interface Port {
  /** The socket's address: 0 until it is bound. Always below 2^32. */
  readonly portId: number;
  /** Groups 1 to 32 as bits (`nl_groups`). */
  readonly groups: number;
  /** Bytes that may wait in the queue, overhead included; getsockopt SO_RCVBUF. */
  readonly receiveBuffer: number;
  /** Datagrams that wait, dump blocks not yet made aside. */
  readonly queued: number;
  /** Whether a dump has blocks to come, which `next` or `received` makes. */
  readonly dumping: boolean;
  /**
   * bind(2). A second bind with the same port id sets the groups.
   * @param portId 0: the port chooses, or keeps what it has
   * @returns 0, or a negative errno: EINVAL another port id than before, EADDRINUSE taken, EPERM groups without the right to listen
   */
  bind(portId: number, groups: number): number;
  /**
   * setsockopt(2) at level SOL_NETLINK.
   * @param option one of `PortOption`
   * @returns 0, or a negative errno: ENOPROTOOPT unknown option, EINVAL no such group, EPERM no right to listen
   */
  setOption(option: number, value: number): number;
  /** getsockopt(2) at level SOL_NETLINK. @returns the value, or -ENOPROTOOPT */
  option(option: number): number;
  /** setsockopt(2) SO_RCVBUF (doubled and bounded as the kernel does it) or, with `force`, SO_RCVBUFFORCE. @returns 0 or -EPERM */
  setReceiveBuffer(bytes: number, force?: boolean): number;
  /**
   * A datagram from the program. Binds the port if it is not bound.
   * @returns 0, or the negative errno with which the program's send fails: ENODATA for an empty datagram. Refused requests are answered in the
   *   queue, not here.
   */
  receive(datagram: Uint8Array, options?: SendOptions): number;
  /**
   * The next datagram for the program, which now is its own to keep: recvmsg(2). Goes on with a running dump.
   * @param capacity bytes of the program's buffer; dump blocks grow with the largest one seen. The datagram is given whole all the same.
   * @returns the datagram, or a negative errno: EAGAIN nothing waits, ENOBUFS (once) something was lost
   */
  next(capacity: number): Uint8Array | number;
  /**
   * Takes a datagram out of the queue, for a link that keeps it until the program receives it; says `received` then. The two are what `next` is.
   * @returns the datagram, or a negative errno as `next`
   */
  take(): Uint8Array | number;
  /** The program received, with a buffer of `capacity` bytes: a running dump goes on. */
  received(capacity: number): void;
  /** Ends the port with all that it holds; a second call does nothing. */
  close(): void;
}
