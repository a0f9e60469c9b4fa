import type { Timer } from '@ring3/kit';
import type { Server } from './server.ts';

/** Connections are not looked at more often than that, ms. */
const leastMs = 1000;

/** Lets connections go that sent nothing for `limits.idleMs`, have no file open and nothing in flight. One timer for all of them, and none where there are none. */
export class IdleSweep {
  readonly #server: Server;
  #timer: Timer | undefined;

  constructor(server: Server) {
    this.#server = server;
  }

  /** A connection came: it is looked at when its time is over at the earliest. */
  start(): void {
    const { idleMs } = this.#server.limits;
    if (this.#timer === undefined && idleMs > 0) this.#in(idleMs);
  }

  /** The limit is another one now. */
  restart(): void {
    this.stop();
    if (this.#server.connections.size > 0 && this.#server.limits.idleMs > 0) this.#in(0);
  }

  stop(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }

  #in(ms: number): void {
    this.#timer = this.#server.clock.after(ms, () => this.#sweep());
  }

  #sweep(): void {
    this.#timer = undefined;
    const { connections, clock, limits, numbers } = this.#server;
    const { idleMs } = limits;
    let soonest = idleMs;
    for (const connection of [...connections.values()]) {
      const left = connection.heard + idleMs - clock.now();
      if (left > 0) soonest = Math.min(soonest, left);
      else if (connection.idle) {
        numbers.refused.add('idleMs');
        connection.end('it was idle for too long');
      }
    }
    if (connections.size > 0) this.#in(Math.max(soonest, Math.min(leastMs, idleMs)));
  }
}
