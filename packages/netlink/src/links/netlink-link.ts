/** A program's end of a netlink socket. The other end is the kernel, a daemon or this process. */
export interface NetlinkLink {
  /** The socket's address. */
  readonly portId: number;
  /** The peer, for people: `kernel`, a path, `memory`. */
  readonly peer: string;
  /** Sends one datagram. @returns 0 or a negative errno */
  send(datagram: Uint8Array): number;
  /**
   * Returns the next datagram, which the caller then owns.
   * @returns it, or a negative errno: EAGAIN: none waits, ENOBUFS (once): datagrams were lost, another one: the link is closed
   */
  receive(): Uint8Array | number;
  /** Sets an option of level SOL_NETLINK. @returns 0 or a negative errno */
  setOption(option: number, value: number): number;
  /** Sets SO_RCVBUF. @returns 0 or a negative errno */
  setReceiveBuffer(bytes: number): number;
  /**
   * Calls back, one or more times, if `receive` has a datagram; one watcher at a time. Keeps the process alive if the link can.
   * @returns a function that ends the watch
   */
  watch(ready: () => void): () => void;
  close(): void;
}
