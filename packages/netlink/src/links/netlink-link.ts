/** A program's end of a netlink socket, wherever the other end is: the kernel, a daemon, this process. */
export interface NetlinkLink {
  /** The socket's address. */
  readonly portId: number;
  /** Who is at the far end, for people: `kernel`, a path, `memory`. */
  readonly peer: string;
  /** Sends one datagram. @returns 0 or a negative errno */
  send(datagram: Uint8Array): number;
  /**
   * The next datagram, which is the caller's to keep.
   * @returns it, or a negative errno: EAGAIN nothing waits, ENOBUFS (once) something was lost, another one: the link is at its end
   */
  receive(): Uint8Array | number;
  /** Sets an option of level SOL_NETLINK. @returns 0 or a negative errno */
  setOption(option: number, value: number): number;
  /** Sets SO_RCVBUF. @returns 0 or a negative errno */
  setReceiveBuffer(bytes: number): number;
  /**
   * Calls back, once or oftener, when `receive` has something; one watcher at a time. Keeps the process alive meanwhile where the link can.
   * @returns what ends the watching
   */
  watch(ready: () => void): () => void;
  close(): void;
}
