import type { EventEmitter } from 'node:events';
import type { Link } from '@ring3/kit';
import type { Connection } from './connection/connection.ts';
import { interfaceLister } from './links/network-interfaces.ts';
import { listenTcp, type TcpEnds, type TcpListener } from './links/tcp.ts';
import type { Shares } from './objects/shares.ts';
import { checkOptions } from './server/check-options.ts';
import { resolveOptions } from './server/options.ts';
import { restoreOpens } from './server/restore-opens.ts';
import type { RunTimeOptions } from './server/run-time-options.ts';
import { Server } from './server/server.ts';
import type { ConnectionUse, SmbServerOptions } from './server/smb-server-options.ts';
import { type View, viewOf } from './server/view.ts';
import type { ServerEvents } from './values/events.ts';
import type { Users } from './values/users.ts';

/** A running server. */
export interface SmbServer extends AsyncDisposable {
  /** The address that it listens on; undefined with `listen: false`. */
  readonly address: { readonly host: string; readonly port: number } | undefined;
  readonly events: EventEmitter<ServerEvents>;
  /** Shares and users can be added and removed while it runs. */
  readonly shares: Shares;
  readonly users: Users;
  /** What exists now, and the functions to end a part of it. */
  readonly view: View;
  /** Takes a connection that was accepted elsewhere. */
  accept(link: Link, address?: string): void;
  /**
   * Changes options while it runs, all of them at once. Names, limits and the guest options apply at once; what a connection negotiates
   * with its client (dialects, signing, encryption) applies to new connections.
   * @throws RangeError for an empty or bad value; then nothing is changed
   */
  configure(changes: RunTimeOptions): void;
  /**
   * Accepts nothing new, and ends each connection when it has no request in flight; those that wait for an action of a client (a change, a
   * lock, a message of a pipe) do not count. It does not run again after that: `close` it.
   * @param ms until the remaining connections are cut
   */
  drain(ms: number): Promise<void>;
  /**
   * Stops listening, ends all connections and resolves when the work in flight is done and the stores have released their handles, or after
   * `limits.closeMs`.
   */
  close(): Promise<void>;
}

const useOf = (connection: Connection | undefined): ConnectionUse => ({
  opens: [...(connection?.channels.values() ?? [])].reduce((sum, { session }) => sum + session.opens.size, 0),
  working: connection?.working === true,
});

/**
 * Starts an SMB server.
 * @throws TypeError for options of a wrong shape, RangeError for invalid values, and the socket's error if it cannot listen
 */
export async function createSmbServer(options: SmbServerOptions): Promise<SmbServer> {
  checkOptions(options);
  if (process.versions['bun'] !== undefined && options.listen !== false)
    throw new Error(
      'createSmbServer cannot listen on Bun, whose TCP sockets deliver no data to it: use Node.js 22.18 or later, or listen: false',
    );
  const server = new Server(resolveOptions(options));
  const { host = '127.0.0.1', port = 0, listen = true, carry = (link: Link) => link } = options;
  let listener: TcpListener | undefined;
  await restoreOpens(server);
  if (listen) {
    const accept = (link: Link, ends: TcpEnds): void => {
      let connection: Connection | undefined;
      const carried = carry(link, ends, () => useOf(connection));
      connection = server.accept(carried, ends.client.host);
    };
    const at = typeof listen === 'object' ? listen : { host, port };
    listener = await listenTcp(at, accept, options.unacknowledgedOn).catch(async (error: unknown) => {
      await server.close(); // removes its metrics
      throw error;
    });
  }
  if (listener !== undefined && options.interfaces === undefined) server.interfaces = interfaceLister(listener.host, server.clock);
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> | undefined => (stopped ??= listener?.close());
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closed ??= (async () => {
      stop();
      await server.close();
      await stopped;
    })());
  return {
    address: listener === undefined ? undefined : { host: listener.host, port: listener.port },
    events: server.events,
    shares: server.shares,
    users: server.users,
    view: viewOf(server),
    accept: (link, address) => void server.accept(link, address),
    configure: (changes) => server.configure(changes),
    drain: (ms) => {
      stop()?.catch(() => {}); // the caller of `close` receives the error
      return server.shutdown.drain(ms);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
