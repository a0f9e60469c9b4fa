import { createServer, type Server as NetServer, type Socket } from 'node:net';
import type { Link, LinkEvents } from '@ring3/kit';

/** One accepted TCP connection as a link. What one piece of the stream brings about leaves in one vectored write. */
class TcpLink implements Link {
  readonly peer: string;
  readonly #socket: Socket;
  #ended = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    const host = socket.remoteFamily === 'IPv6' ? `[${socket.remoteAddress}]` : socket.remoteAddress;
    this.peer = `${host}:${socket.remotePort}`;
    socket.setNoDelay(true);
    socket.on('error', () => {}); // 'close' follows, with what there is to say
  }

  get queued(): number {
    return this.#socket.writableLength;
  }

  open(events: LinkEvents): void {
    const socket = this.#socket;
    const end = (reason: string): void => {
      if (this.#ended) return;
      this.#ended = true;
      events.end(reason);
    };
    socket.on('data', (bytes: Buffer) => {
      socket.cork();
      try {
        events.receive(bytes);
      } finally {
        socket.uncork();
      }
    });
    socket.on('drain', () => events.drain?.());
    socket.on('end', () => end('the client closed'));
    socket.on('error', (error) => end(error.message));
    socket.on('close', () => end('the socket closed'));
  }

  send(chunks: readonly Uint8Array[], sent?: () => void): boolean {
    const socket = this.#socket;
    if (socket.destroyed) {
      sent?.();
      return true;
    }
    if (chunks.length === 1) return socket.write(chunks[0] as Uint8Array, sent);
    socket.cork();
    const last = chunks.length - 1;
    for (let i = 0; i < last; i++) socket.write(chunks[i] as Uint8Array);
    const more = socket.write(chunks[last] as Uint8Array, sent);
    socket.uncork();
    return more;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(now = false): void {
    this.#ended = true;
    if (now) this.#socket.destroy();
    else this.#socket.end();
  }
}

/** A listening socket. */
export interface TcpListener {
  readonly host: string;
  readonly port: number;
  /** Stops to accept; what was accepted stays. */
  close(): Promise<void>;
}

/** Listens on a TCP port. @throws the socket's error where it cannot */
export async function listenTcp(host: string, port: number, accept: (link: Link, address: string) => void): Promise<TcpListener> {
  const server: NetServer = createServer({ keepAlive: true }, (socket) => accept(new TcpLink(socket), socket.remoteAddress ?? ''));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: 511 }, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('not a TCP address');
  return {
    host: address.address,
    port: address.port,
    close: () => new Promise((resolve, reject) => server.close((error) => (error === undefined ? resolve() : reject(error)))),
  };
}
