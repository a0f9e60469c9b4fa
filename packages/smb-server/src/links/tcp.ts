import { createServer, type Server as NetServer, Socket, type SocketConstructorOpts } from 'node:net';
import { hostPort, type Link, type LinkEvents } from '@ring3/kit';

/**
 * The accepted connection as a socket that receives into provided memory: `createServer` has no `onread`, so its handle moves to a socket
 * of our own (docs/decisions/0031-receiving-into-buffers.md). @returns undefined if this Node version keeps the handle elsewhere
 */
function receivingInto(accepted: Socket, buffer: () => Uint8Array, receive: (bytes: Uint8Array) => void): Socket | undefined {
  const holder = accepted as unknown as { _handle?: object | null };
  const handle = holder._handle;
  if (typeof handle !== 'object' || handle === null) return undefined;
  holder._handle = null;
  const onread = {
    buffer,
    callback: (length: number, bytes: Uint8Array) => {
      receive(bytes.subarray(0, length));
      return true;
    },
  };
  const socket = new Socket({ handle, readable: true, writable: true, onread } as unknown as SocketConstructorOpts);
  accepted.destroy(); // an empty shell: the listener no longer counts it
  return socket;
}

/**
 * One end of a TCP connection: an address as `inet_ntop` writes it, an IPv4 address also at a socket of both families; empty if the
 * connection has ended already.
 */
export interface TcpEnd {
  readonly host: string;
  readonly port: number;
}

/** Both ends of an accepted connection. */
export interface TcpEnds {
  readonly client: TcpEnd;
  readonly server: TcpEnd;
}

/** Bytes in the send buffer of a socket that its peer has not acknowledged; negative if that cannot be determined. */
export type UnacknowledgedOn = (fd: number) => number;

/** One accepted TCP connection as a link. The responses to one piece of the stream leave in one vectored write. */
class TcpLink implements Link {
  readonly peer: string;
  readonly #unacknowledgedOn: UnacknowledgedOn | undefined;
  #socket: Socket;
  #ended = false;

  /** @param socket as it was accepted, paused */
  constructor(socket: Socket, unacknowledgedOn?: UnacknowledgedOn) {
    this.#socket = socket;
    this.#unacknowledgedOn = unacknowledgedOn;
    const { host, port } = endsOf(socket).client;
    this.peer = hostPort(host, port);
    socket.setNoDelay(true);
    socket.on('error', () => {}); // 'close' follows, with the reason
  }

  get queued(): number {
    return this.#socket.writableLength;
  }

  get unsent(): number {
    const { _handle: handle } = this.#socket as unknown as { _handle?: { readonly writeQueueSize?: number } | null };
    return this.#socket.writableLength + (handle?.writeQueueSize ?? 0);
  }

  get unacknowledged(): number | undefined {
    const { _handle: handle } = this.#socket as unknown as { _handle?: { readonly fd?: number } | null };
    if (this.#unacknowledgedOn === undefined || handle?.fd === undefined || handle.fd < 0) return undefined;
    const inKernel = this.#unacknowledgedOn(handle.fd);
    return inKernel < 0 ? undefined : inKernel + this.#socket.writableLength;
  }

  open(events: LinkEvents): void {
    const receive = (bytes: Uint8Array): void => {
      const socket = this.#socket;
      socket.cork();
      try {
        events.receive(bytes);
      } finally {
        socket.uncork();
      }
    };
    const accepted = this.#socket;
    const own = events.buffer === undefined ? undefined : receivingInto(accepted, () => events.buffer!(), receive);
    const socket = own ?? accepted;
    this.#socket = socket;
    if (own === undefined) socket.on('data', receive);
    const end = (reason: string, broken = false): void => {
      if (this.#ended) return;
      this.#ended = true;
      events.end(reason, broken);
    };
    socket.on('drain', () => events.drain?.());
    socket.on('end', () => end('the client closed'));
    socket.on('error', (error) => end(error.message, true));
    socket.on('close', () => end('the socket closed'));
    socket.resume();
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
    else this.#socket.destroySoon();
  }
}

/** The IPv4 address of an IPv4-mapped IPv6 address, RFC 4291 section 2.5.5.2. */
const unmapped = (host: string): string => host.replace(/^::ffff:(?=[\d.]+$)/i, '');

const endsOf = ({ remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 }: Socket): TcpEnds => ({
  client: { host: unmapped(remoteAddress), port: remotePort },
  server: { host: unmapped(localAddress), port: localPort },
});

/** A listening socket. */
export interface TcpListener {
  readonly host: string;
  readonly port: number;
  /** Stops accepting; accepted connections stay. */
  close(): Promise<void>;
}

/** A listening TCP socket of another owner, with its address: it stays open when a listener on it is closed. */
export interface HeldSocket {
  /** A descriptor of it for one listener, which closes it. @throws its own error if there cannot be one */
  take(): number;
  /** The listener has closed its descriptor. */
  rest(): void;
}

/** Listens on a TCP port, or on an existing socket. @throws the socket's error if it cannot */
export async function listenTcp(
  at: { readonly host: string; readonly port: number } | HeldSocket,
  accept: (link: Link, ends: TcpEnds) => void,
  unacknowledgedOn?: UnacknowledgedOn,
): Promise<TcpListener> {
  const server: NetServer = createServer({ keepAlive: true, pauseOnConnect: true }, (socket) =>
    accept(new TcpLink(socket, unacknowledgedOn), endsOf(socket)),
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...('take' in at ? { fd: at.take() } : at), backlog: 511 }, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('not a TCP address');
  return {
    host: address.address,
    port: address.port,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        if ('rest' in at) at.rest();
      }),
  };
}
