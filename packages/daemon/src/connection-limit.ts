import type { Socket } from 'node:net';

/**
 * Limits the connections of a server. To accept another, it closes the oldest connection without a request, else the oldest with a request
 * in progress. So silent connections keep no client out.
 */
export class ConnectionLimit {
  readonly #most: number;
  readonly #idle = new Set<Socket>();
  readonly #busy = new Set<Socket>();

  /** @param most number of connections */
  constructor(most: number) {
    this.#most = most;
  }

  /** Counts a connection until it is closed. */
  add(socket: Socket): void {
    this.#idle.add(socket);
    socket.once('close', () => {
      this.#idle.delete(socket);
      this.#busy.delete(socket);
    });
    if (this.#idle.size + this.#busy.size <= this.#most) return;
    const [oldest] = this.#idle.size > 1 ? this.#idle : this.#busy;
    (oldest ?? socket).destroy();
  }

  /** A connection has a request in progress. */
  busy(socket: Socket): void {
    if (this.#idle.delete(socket)) this.#busy.add(socket);
  }

  /** A connection has no request any more. */
  idle(socket: Socket): void {
    if (this.#busy.delete(socket) && !socket.destroyed) this.#idle.add(socket);
  }
}
