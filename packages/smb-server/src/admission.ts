import type { Connection } from './connection.ts';
import type { Server } from './server.ts';

/** The limits that one more connection may reach. */
type ConnectionLimit = 'connections' | 'connectionsForAddress';

/** Decides which connections are accepted, by their count from each address, and which connection is ended for a new one. */
export class Admission {
  readonly #server: Server;
  readonly #counts = new Map<string, number>();

  constructor(server: Server) {
    this.#server = server;
  }

  /** Connections from an address, or from a network that counts as one. */
  from(network: string): number {
    return this.#counts.get(network) ?? 0;
  }

  entered({ network }: Connection): void {
    this.#counts.set(network, this.from(network) + 1);
  }

  left({ network }: Connection): void {
    const rest = this.from(network) - 1;
    if (rest === 0) this.#counts.delete(network);
    else this.#counts.set(network, rest);
  }

  /** @returns the limit that one more connection would exceed, if no other connection can be ended for it */
  reachedBy(network: string): ConnectionLimit | undefined {
    const { limits, connections } = this.#server;
    const fromThere = (connection: Connection): boolean => connection.network === network;
    while (this.from(network) >= limits.connectionsForAddress) {
      if (!this.#makeRoom('connectionsForAddress', fromThere)) return 'connectionsForAddress';
    }
    while (connections.size >= limits.connections) if (!this.#makeRoom('connections')) return 'connections';
    return undefined;
  }

  /** Ends the oldest connection without a logon: an honest client has logged on long before so many others connected. @returns whether there was one */
  #makeRoom(limit: ConnectionLimit, among = (_connection: Connection): boolean => true): boolean {
    const { connections, numbers } = this.#server;
    for (const connection of connections.values()) {
      if (connection.authenticated || !among(connection)) continue;
      numbers.refused.add(limit);
      connection.end('another connection needed its place, and no user had logged on');
      return true;
    }
    return false;
  }
}
