import { connect, type Socket } from 'node:net';
import { hostPort, type Link, type LinkEvents } from '@ring3/kit';

class TcpLink implements Link {
  readonly peer: string;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.peer = hostPort(socket.remoteAddress ?? '', socket.remotePort ?? 0);
    socket.pause();
  }

  open(events: LinkEvents): void {
    let reason = 'closed by the peer';
    this.#socket
      .on('data', (bytes: Uint8Array) => events.receive(bytes))
      .on('error', (error) => {
        reason = error.message;
      })
      .on('close', () => events.end(reason))
      .on('drain', () => events.drain?.())
      .resume();
  }

  send(chunks: readonly Uint8Array[], sent?: () => void): boolean {
    this.#socket.cork();
    let room = true;
    chunks.forEach((chunk, i) => {
      room = this.#socket.write(chunk, i === chunks.length - 1 ? sent && (() => sent()) : undefined);
    });
    this.#socket.uncork();
    return room;
  }

  get queued(): number {
    return this.#socket.writableLength;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(now = false): void {
    if (now) this.#socket.destroy();
    else this.#socket.end(() => this.#socket.destroy());
  }
}

/** Connects over TCP. @throws the socket's error, such as ECONNREFUSED */
export function connectTcp(port: number, host = '127.0.0.1'): Promise<Link> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host, noDelay: true });
    socket.once('error', reject).once('connect', () => {
      socket.off('error', reject);
      resolve(new TcpLink(socket));
    });
  });
}
