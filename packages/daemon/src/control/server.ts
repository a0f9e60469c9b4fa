import { lstatSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { ConnectionLimit } from '../connection-limit.ts';
import type { LongTurns } from '../long-turns.ts';
import { type ControlHandlers, Peer } from './peer.ts';
import { SharedTurn } from './shared-turn.ts';

/** A listening control socket. */
export interface ControlServer {
  readonly path: string;
  /**
   * Stops listening and disconnects the peers. A peer with a request in progress receives its response first; this call does not wait for
   * that.
   */
  close(): Promise<void>;
}

/** Programs that can be connected at a time. Another one takes the place of the one that has been idle for longest. */
const mostPeers = 128;

/** A daemon listens on a control socket already. */
export class ControlHeldError extends Error {
  override readonly name = 'ControlHeldError';
}

/** Maximum bytes of the path of a socket, unix(7): `sun_path` has 108 with the final NUL. */
const longestPath = 107;

/** Why a connection to a unix socket fails; undefined if it succeeds. */
const whyNot = (path: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const probe = createConnection(path);
    probe.once('connect', () => resolve(undefined)).once('error', ({ code = '' }: NodeJS.ErrnoException) => resolve(code));
    probe.once('connect', () => probe.destroy());
  });

/** Dependencies of a control socket. */
export interface ControlParts {
  readonly handlers: ControlHandlers;
  /** Called after each valid request. */
  readonly answered?: () => void;
  /** Measures the turns of requests. */
  readonly turns: LongTurns;
}

/** Removes the socket of a dead daemon, and nothing else. @throws Error in one line if something else is there */
async function makeRoom(path: string): Promise<void> {
  if (Buffer.byteLength(path) > longestPath) throw new Error(`${path} is too long for a socket: ${longestPath} bytes at most`);
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined) return;
  if (!there.isSocket()) throw new Error(`${path} exists and is not a socket: choose another path`);
  const why = await whyNot(path);
  if (why === undefined) throw new ControlHeldError(`a running ring3 already answers on ${path}`);
  if (why !== 'ECONNREFUSED' && why !== 'ENOENT') throw new Error(`${path} is a socket of another program (${why}): choose another path`);
  rmSync(path, { force: true });
}

/**
 * Listens on a unix socket of mode 0600. A socket file without a listener belongs to a dead daemon and is replaced.
 * @throws Error if a program listens there, something else is there, or the path cannot be bound
 */
export async function serveControl(path: string, parts: ControlParts): Promise<ControlServer> {
  const { handlers, answered = () => {}, turns } = parts;
  await makeRoom(path);
  const peers = new Set<Peer>();
  const limit = new ConnectionLimit(mostPeers);
  const turn = new SharedTurn();
  const shared = { handlers, answered, turn, turns };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    limit.add(socket);
    const peer = new Peer(socket, shared, { busy: () => limit.busy(socket), idle: () => limit.idle(socket) });
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
      server.close(); // at once: it accepts no connection any more, and its file is removed
      await Promise.all([...peers].map((peer) => peer.leave()));
    },
  };
}
