/** The rights of a sender: the two capabilities that the netfilter subsystems require. */
export interface Rights {
  /** CAP_NET_ADMIN in the user namespace that owns the network namespace. */
  readonly netAdmin: boolean;
  /** CAP_NET_ADMIN in the initial user namespace; cthelper requires it. */
  readonly hostAdmin: boolean;
}

/** The rights of a program that may connect to ring3's socket. */
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

/** Options of a program's socket. */
export interface PortOptions {
  /** The rights of the opener. */
  readonly opener: Rights;
  /** The port id that an automatic bind tries first: the program's process id. Without it, or if it is in use, an id above 2^31. */
  readonly processId?: number;
  /** Called when a receive would no longer block: a datagram was added to an empty queue, or an error is pending. Never called from inside `next`. */
  readonly ready?: () => void;
  /**
   * The bytes, with overhead, that a link took from the queue and the program has not received. They count against the receive buffer; called only
   * if the result matters.
   */
  readonly held?: () => number;
}

/** Properties of one send. */
export interface SendOptions {
  /** The rights of the sender; default: the opener's. */
  readonly sender?: Rights;
  /** False if the program gave no destination address (`send` rather than `sendto` port 0): then the opener's rights are also required. Default: true. */
  readonly addressed?: boolean;
}

/**
 * The kernel's end of one netlink socket: a port id, groups, options, and a queue of datagrams for the program. Links (memory, AF_UNIX) move bytes
 * between programs and ports. All calls are synchronous; responses to a datagram are queued when `receive` returns.
 */
export interface Port {
  /** The socket's address: 0 until it is bound. Always below 2^32. */
  readonly portId: number;
  /** Groups 1 to 32 as bits (`nl_groups`). */
  readonly groups: number;
  /** Bytes that may wait in the queue, overhead included; getsockopt SO_RCVBUF. */
  readonly receiveBuffer: number;
  /** Number of queued datagrams, without dump blocks that are not built yet. */
  readonly queued: number;
  /** True if a dump has more blocks, which `next` or `received` builds. */
  readonly dumping: boolean;
  /**
   * bind(2). A second bind with the same port id sets the groups.
   * @param portId 0: the port chooses, or keeps its id
   * @returns 0, or a negative errno: EINVAL: a different port id, EADDRINUSE: in use, EPERM: no right to join the groups
   */
  bind(portId: number, groups: number): number;
  /**
   * setsockopt(2) at level SOL_NETLINK.
   * @param option one of `PortOption`
   * @returns 0, or a negative errno: ENOPROTOOPT: unknown option, EINVAL: no such group, EPERM: no right to join
   */
  setOption(option: number, value: number): number;
  /** getsockopt(2) at level SOL_NETLINK. @returns the value, or -ENOPROTOOPT */
  option(option: number): number;
  /** setsockopt(2) SO_RCVBUF (doubled and bounded like the kernel's) or, with `force`, SO_RCVBUFFORCE. @returns 0 or -EPERM */
  setReceiveBuffer(bytes: number, force?: boolean): number;
  /**
   * Handles a datagram from the program. Binds the port if it is not bound.
   * @returns 0, or the negative errno with which the program's send fails: ENODATA for an empty datagram. Errors of requests are reported in the
   *   queue, not here.
   */
  receive(datagram: Uint8Array, options?: SendOptions): number;
  /**
   * Returns the next datagram for the program, which then owns it: recvmsg(2). Continues a running dump.
   * @param capacity bytes of the program's buffer; dump blocks grow with the largest one seen. The whole datagram is returned in any case.
   * @returns the datagram, or a negative errno: EAGAIN: none waits, ENOBUFS (once): datagrams were lost
   */
  next(capacity: number): Uint8Array | number;
  /**
   * Removes a datagram from the queue, for a link that keeps it until the program receives it and then calls `received`. Both together equal `next`.
   * @returns the datagram, or a negative errno as `next`
   */
  take(): Uint8Array | number;
  /** The program received, with a buffer of `capacity` bytes: a running dump continues. */
  received(capacity: number): void;
  /** No program receives any more: responses and dumps are dropped from now on. What the program sent before is still done. */
  abandon(): void;
  /** Closes the port and releases all that it holds; a second call does nothing. */
  close(): void;
}
