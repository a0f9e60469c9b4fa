import { chmodSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { type ControlHandlers, Peer } from './peer.ts';

/** A control socket that listens. */
export interface ControlServer {
  readonly path: string;
  /** Listens no more and lets go of who is there; who waits for an answer gets it first, and nobody waits for that here. */
  close(): Promise<void>;
}

/** @returns whether somebody answers on a unix socket */
export const answers = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createConnection(path);
    probe.once('connect', () => resolve(true)).once('error', () => resolve(false));
    probe.once('connect', () => probe.destroy());
  });

/**
 * Listens on a unix socket of mode 0600. A socket file that nobody answers on is a dead daemon's, and replaced.
 * @param answered called after each request that was understood
 * @throws Error when somebody answers there, or the path cannot be bound
 */
export async function serveControl(path: string, handlers: ControlHandlers, answered: () => void = () => {}): Promise<ControlServer> {
  if (await answers(path)) throw new Error(`a running ring3 already answers on ${path}`);
  rmSync(path, { force: true });
  const peers = new Set<Peer>();
  const server = createServer((socket) => {
    const peer = new Peer(socket, handlers, answered);
    peers.add(peer);
    socket.once('close', () => peers.delete(peer));
  });
  const mask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
  } finally {
    process.umask(mask);
  }
  chmodSync(path, 0o600);
  return {
    path,
    close: async () => {
      server.close(); // at once: it accepts nobody any more, and its file is gone
      await Promise.all([...peers].map((peer) => peer.leave()));
    },
  };
}
