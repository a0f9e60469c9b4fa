import { lstatSync, unlinkSync } from 'node:fs';
import { type Clock, type Log, silentLog, systemClock } from '@ring3/kit';
import {
  accept,
  bindUnix,
  close,
  connectUnix,
  Errno,
  listen,
  openUnix,
  Ready,
  readiness,
  SocketType,
  SystemError,
  type Watch,
} from '@ring3/linux';
import type { Port } from '../../server/port.ts';
import type { NetlinkServer } from '../../server/server.ts';
import { Board } from './board.ts';
import { type ConnectionOwner, UnixConnection } from './connection.ts';

export interface UnixServerOptions {
  /** The server of the namespace that a program names ('' for the default); undefined if the namespace does not exist. */
  readonly namespace: (name: string) => NetlinkServer | undefined;
  readonly clock?: Clock;
  readonly log?: Log;
}

/** A listening socket that carries netlink. */
export interface UnixServer {
  readonly path: string;
  /** Number of open programs' sockets. */
  readonly connections: number;
  /** Allows the process to end while the socket listens and programs are connected. */
  unref(): this;
  /** Closes it and all connections, and removes the socket's path. */
  close(): void;
}

/** The pause before the next accept if the process has no descriptors left. */
const restMs = 100;

/**
 * Listens at a path for programs that speak netlink (packets.ts). Only this user may connect (mode 0600); connected programs are privileged.
 * The socket of a dead server at the path is replaced.
 * @throws SystemError: EADDRINUSE: another process listens there, or the path is not a socket, ENAMETOOLONG the path has more than 107 bytes, EACCES, ENOENT
 */
export function listenUnix(path: string, options: UnixServerOptions): UnixServer {
  const fd = openUnix(SocketType.SeqPacket);
  const mask = process.umask(0o177); // bind(2) makes the name with mode 0600: chmod(2) would follow a link that another user puts there
  const answer = fd < 0 ? fd : bindFresh(fd, path);
  process.umask(mask);
  if (answer < 0) {
    if (fd >= 0) close(fd);
    throw new SystemError(answer, 'bind', path);
  }
  const listening = listen(fd);
  if (listening < 0) {
    close(fd);
    throw new SystemError(listening, 'listen', path);
  }
  return new Listener(path, fd, options);
}

/** Binds, replacing a socket on which no process listens. */
function bindFresh(fd: number, path: string): number {
  const answer = bindUnix(fd, path);
  if (answer !== -Errno.EADDRINUSE || !isDead(path)) return answer;
  unlinkSync(path);
  return bindUnix(fd, path);
}

/** Returns whether the path is a socket on which no process listens; a path that is not a socket refuses connections too. */
function isDead(path: string): boolean {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return false;
  const fd = openUnix(SocketType.SeqPacket);
  if (fd < 0) return false;
  const answer = connectUnix(fd, path);
  close(fd);
  return answer === -Errno.ECONNREFUSED;
}

class Listener implements UnixServer, ConnectionOwner {
  readonly path: string;
  readonly board: Board = new Board();
  readonly #options: UnixServerOptions;
  readonly #log: Log;
  readonly #connections = new Set<UnixConnection>();
  readonly #ports = new WeakMap<Port, UnixConnection>();
  readonly #servers = new WeakSet<NetlinkServer>();
  #fd: number;
  #watch: Watch | undefined;
  #held = true;

  constructor(path: string, fd: number, options: UnixServerOptions) {
    this.path = path;
    this.#fd = fd;
    this.#options = options;
    this.#log = options.log ?? silentLog;
    this.#listen();
  }

  get connections(): number {
    return this.#connections.size;
  }

  unref(): this {
    this.#held = false;
    this.#watch?.unref();
    for (const connection of this.#connections) connection.unref();
    return this;
  }

  close(): void {
    if (this.#fd < 0) return;
    this.#watch?.close();
    try {
      unlinkSync(this.path);
    } catch (error) {
      this.#log.warn('the netlink socket was gone already', { error });
    }
    close(this.#fd);
    this.#fd = -1;
    for (const connection of this.#connections) connection.close();
    this.board.close();
  }

  namespace(name: string): NetlinkServer | undefined {
    const server = this.#options.namespace(name);
    if (server !== undefined && !this.#servers.has(server)) {
      this.#servers.add(server);
      server.onClose((port) => this.#ports.get(port)?.close()); // deleting a namespace closes its sockets
    }
    return server;
  }

  opened(port: Port, connection: UnixConnection): void {
    this.#ports.set(port, connection);
  }

  closed(connection: UnixConnection): void {
    this.#connections.delete(connection);
  }

  #listen(): void {
    const watch = readiness.watch(this.#fd, Ready.Readable, () => this.#accept());
    if (typeof watch === 'number') throw new SystemError(watch, 'epoll_ctl', this.path);
    this.#watch = watch;
    if (!this.#held) watch.unref();
  }

  #accept(): void {
    for (;;) {
      const fd = accept(this.#fd);
      if (fd === -Errno.EAGAIN) return;
      if (fd === -Errno.ECONNABORTED || fd === -Errno.EINTR) continue;
      if (fd < 0) {
        this.#rest(fd);
        return;
      }
      const connection = new UnixConnection(fd, this);
      if (!this.#held) connection.unref();
      this.#connections.add(connection);
    }
  }

  /** No descriptors left: pending connections stay in the backlog until the next attempt. */
  #rest(error: number): void {
    this.#log.error('no connection can be taken', { error: new SystemError(error, 'accept', this.path).message });
    this.#watch?.close();
    (this.#options.clock ?? systemClock).after(restMs, () => {
      if (this.#fd >= 0) this.#listen();
    });
  }
}
