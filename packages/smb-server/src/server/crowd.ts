import type { Timer } from '@ring3/kit';
import type { Connection } from '../connection/connection.ts';
import type { RunningServer } from './running-server.ts';

/**
 * Ends connections while the budget for unfinished requests and unsent responses is exceeded. Its holders may never release it: a frame that
 * never ends, responses that the client does not read. If that does not end in time, as many connections as needed are ended at once: of the
 * users and addresses that hold more than their share, those with the most first, and of each the connection with the most first.
 */
export class Crowd {
  readonly #server: RunningServer;
  /** Set while the budget is exceeded. */
  #timer: Timer | undefined;

  constructor(server: RunningServer) {
    this.#server = server;
  }

  /** The budget is exceeded. */
  begin(): void {
    if (this.#timer !== undefined) return;
    const { budget, clock, limits, connections } = this.#server;
    const { reliefs } = budget;
    this.#timer = clock.after(limits.crowdedMs, () => {
      this.#timer = undefined;
      if (!budget.over) return;
      if (budget.reliefs === reliefs) this.#relieve();
      if (budget.over) this.begin();
    });
    for (const connection of connections.values()) connection.recount();
  }

  #relieve(): void {
    const { budget, numbers, log, connections, limits } = this.#server;
    const bySize = [...connections.values()].sort((a, b) => b.account.held - a.account.held || b.held - a.held);
    let ended = 0;
    const end = (connection: Connection): void => {
      numbers.refused.add('crowdedMs');
      ended++;
      connection.end('memory budget exceeded');
    };
    for (const connection of bySize) if (budget.exceeds(connection.account, connection.held)) end(connection);
    for (const connection of bySize) if (budget.over && !connection.ended) end(connection); // many that hold little each
    log.warn('the budget for unfinished requests and unsent responses was exceeded', { limit: limits.totalBytes, ended });
  }

  /** The server closes. */
  stop(): void {
    this.#timer?.clear();
  }
}
