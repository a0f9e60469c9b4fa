import type { Timer } from '@ring3/kit';
import type { RunningServer } from './running-server.ts';

/** Minimum time between two checks of the connections, ms. */
const leastMs = 1000;

/**
 * Disconnects clients that sent nothing for `limits.idleMs`, have no file open and nothing in flight. One timer for all connections, and
 * none without connections.
 */
export class IdleSweep {
  readonly #server: RunningServer;
  #timer: Timer | undefined;

  constructor(server: RunningServer) {
    this.#server = server;
  }

  /** A new connection: it is checked when its idle time can have elapsed. */
  start(): void {
    const { idleMs } = this.#server.limits;
    if (this.#timer === undefined && idleMs > 0) this.#in(idleMs);
  }

  /** The limit has changed. */
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
        connection.end('idle timeout');
      }
    }
    if (connections.size > 0) this.#in(Math.max(soonest, Math.min(leastMs, idleMs)));
  }
}
