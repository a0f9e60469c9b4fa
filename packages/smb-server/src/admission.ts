import type { Connection } from './connection.ts';
import type { Server } from './server.ts';

/** The limits that one more connection may reach. */
type ConnectionLimit = 'connections' | 'connectionsForAddress';

/** Which connections are let in: how many there are from each address, and who goes so that others come. */
export class Admission {
  readonly #server: Server;
  readonly #addresses = new WeakMap<Connection, string>();
  readonly #counts = new Map<string, number>();

  constructor(server: Server) {
    this.#server = server;
  }

  /** How many connections there are from an address. */
  from(address: string): number {
    return this.#counts.get(address) ?? 0;
  }

  entered(connection: Connection, address: string): void {
    this.#addresses.set(connection, address);
    this.#counts.set(address, this.from(address) + 1);
  }

  left(connection: Connection): void {
    const address = this.#addresses.get(connection) as string;
    const rest = this.from(address) - 1;
    if (rest === 0) this.#counts.delete(address);
    else this.#counts.set(address, rest);
  }

  /** @returns the limit that one more connection from an address would break, where nobody can make room for it */
  reachedBy(address: string): ConnectionLimit | undefined {
    const { limits, connections } = this.#server;
    const fromThere = (connection: Connection): boolean => this.#addresses.get(connection) === address;
    while (this.from(address) >= limits.connectionsForAddress) {
      if (!this.#makeRoom('connectionsForAddress', fromThere)) return 'connectionsForAddress';
    }
    while (connections.size >= limits.connections) if (!this.#makeRoom('connections')) return 'connections';
    return undefined;
  }

  /** The oldest connection on which nobody has logged on goes: whoever means it has logged on long before so many others came. @returns whether there was one */
  #makeRoom(limit: ConnectionLimit, among = (_connection: Connection): boolean => true): boolean {
    const { connections, numbers } = this.#server;
    for (const connection of connections.values()) {
      if (connection.authenticated || !among(connection)) continue;
      numbers.refused.add(limit);
      connection.end('room was needed, and nobody had logged on');
      return true;
    }
    return false;
  }
}
