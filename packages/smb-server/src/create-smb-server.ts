import type { EventEmitter } from 'node:events';
import type { Link } from '@ring3/kit';
import { listenTcp, type TcpListener } from './links/tcp.ts';
import { resolveOptions, type SmbServerOptions } from './options.ts';
import { Server, type ServerEvents } from './server.ts';
import type { Shares } from './shares.ts';
import type { Users } from './users.ts';
import { type View, viewOf } from './view.ts';

/** A running server. */
export interface SmbServer extends AsyncDisposable {
  /** Where it listens; undefined with `listen: false`. */
  readonly address: { readonly host: string; readonly port: number } | undefined;
  readonly events: EventEmitter<ServerEvents>;
  /** Shares and users may be added and taken away while it runs. */
  readonly shares: Shares;
  readonly users: Users;
  /** Connections, sessions and opens as they are now, and the way to end one. */
  readonly view: View;
  /** Takes a connection that came some other way. */
  accept(link: Link, address?: string): void;
  /** Stops listening, ends all connections and resolves when the work in flight is done. */
  close(): Promise<void>;
}

/**
 * Starts an SMB server.
 * @throws RangeError for options that make no sense, and the socket's error where it cannot listen
 */
export async function createSmbServer(options: SmbServerOptions): Promise<SmbServer> {
  const server = new Server(resolveOptions(options));
  const { host = '127.0.0.1', port = 0, listen = true } = options;
  let listener: TcpListener | undefined;
  if (listen) listener = await listenTcp(host, port, (link, address) => void server.accept(link, address));
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closed ??= (async () => {
      const stopped = listener?.close();
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
    close,
    [Symbol.asyncDispose]: close,
  };
}
