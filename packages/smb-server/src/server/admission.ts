import type { Connection } from '../connection/connection.ts';
import { Quota } from '../values/quota.ts';
import type { RunningServer } from './running-server.ts';

/** The limits that one more connection may reach. */
type ConnectionLimit = 'connections' | 'connectionsForAddress';

/** Decides which connections are accepted, by their count from each address, and which connection is ended for a new one. */
export class Admission {
  readonly #server: RunningServer;
  readonly #counts = new Map<string, number>();
  /** Connections with a logon by address, and there by user. */
  readonly #users = new Map<string, Quota>();

  constructor(server: RunningServer) {
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

  /** Whether a user may log on on one more connection from its address, so that other users there keep a place. */
  mayLogOn(owner: string, { network }: Pick<Connection, 'network'>): boolean {
    return this.#users.get(network)?.may(owner) !== false;
  }

  /** A user has logged on on a connection. */
  loggedOn({ network }: Connection, owner: string): void {
    let users = this.#users.get(network);
    if (users === undefined) this.#users.set(network, (users = new Quota(() => this.#server.limits.connectionsForAddress)));
    users.add(owner);
  }

  /** The connection no longer has a logon. */
  loggedOff({ network }: Connection, owner: string): void {
    const users = this.#users.get(network);
    users?.remove(owner);
    if (users?.total === 0) this.#users.delete(network);
  }

  /** @returns the limit that one more connection would exceed, if no other connection can be ended for it */
  reachedBy(network: string): ConnectionLimit | undefined {
    const { limits, connections } = this.#server;
    const fromThere = (connection: Connection): boolean => connection.network === network;
    while (this.from(network) >= limits.connectionsForAddress) {
      if (!this.#makeRoom('connectionsForAddress', fromThere)) return 'connectionsForAddress';
    }
    while (connections.size >= this.#server.maxConnections) if (!this.#makeRoom('connections')) return 'connections';
    return undefined;
  }

  /** Ends the oldest connection without a logon: a genuine client would have logged on long before. @returns whether there was one */
  #makeRoom(limit: ConnectionLimit, among = (_connection: Connection): boolean => true): boolean {
    const { connections } = this.#server;
    for (const connection of connections.values()) {
      if (connection.authenticated || !among(connection)) continue;
      this.#server.refuse(limit, { address: connection.network });
      connection.end('evicted: connection limit, not authenticated');
      return true;
    }
    return false;
  }
}
