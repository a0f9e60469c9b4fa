import { lstatSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { type ControlHandlers, Peer } from './peer.ts';

/** A control socket that listens. */
export interface ControlServer {
  readonly path: string;
  /** Listens no more and lets go of who is there; who waits for an answer gets it first, and nobody waits for that here. */
  close(): Promise<void>;
}

/** Bytes of a socket's path at most, unix(7): `sun_path` has 108 with the zero at the end. */
const longestPath = 107;

/** Why a unix socket cannot be connected to; undefined where somebody answers on it. */
const whyNot = (path: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const probe = createConnection(path);
    probe.once('connect', () => resolve(undefined)).once('error', ({ code = '' }: NodeJS.ErrnoException) => resolve(code));
    probe.once('connect', () => probe.destroy());
  });

/** Takes a dead daemon's socket away, and nothing else. @throws Error in one line, where something else is there */
async function makeRoom(path: string): Promise<void> {
  if (Buffer.byteLength(path) > longestPath) throw new Error(`${path} is too long for a socket: ${longestPath} bytes at most`);
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined) return;
  if (!there.isSocket()) throw new Error(`${path} exists and is not a socket: choose another path`);
  const why = await whyNot(path);
  if (why === undefined) throw new Error(`a running ring3 already answers on ${path}`);
  if (why !== 'ECONNREFUSED' && why !== 'ENOENT') throw new Error(`${path} is a socket of another program (${why}): choose another path`);
  rmSync(path, { force: true });
}

/**
 * Listens on a unix socket of mode 0600. A socket file that nobody answers on is a dead daemon's, and replaced.
 * @param answered called after each request that was understood
 * @throws Error when somebody answers there, something else is there, or the path cannot be bound
 */
export async function serveControl(path: string, handlers: ControlHandlers, answered: () => void = () => {}): Promise<ControlServer> {
  await makeRoom(path);
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
  return {
    path,
    close: async () => {
      server.close(); // at once: it accepts nobody any more, and its file is gone
      await Promise.all([...peers].map((peer) => peer.leave()));
    },
  };
}
