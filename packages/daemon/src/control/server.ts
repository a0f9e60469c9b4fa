import { chmodSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import type { MaybePromise } from '@ring3/kit';
import {
  type ControlRequest,
  type ControlRequests,
  type ControlStream,
  type ControlStreams,
  type ControlVerb,
  longestLine,
} from './protocol.ts';

/** What answers each verb. A handler's exception is the peer's one-line error. */
export type ControlHandlers = {
  readonly [V in ControlVerb]: (ask: ControlRequests[V]['ask']) => MaybePromise<ControlRequests[V]['answer']>;
} & {
  readonly [V in ControlStream]: (ask: ControlStreams[V]['ask']) => AsyncIterableIterator<ControlStreams[V]['line']>;
};

/** A control socket that listens. */
export interface ControlServer {
  readonly path: string;
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
  const peers = new Set<Socket>();
  const server = createServer((socket) => {
    peers.add(socket);
    socket.once('close', () => peers.delete(socket));
    socket.on('error', () => socket.destroy());
    serve(socket, handlers, answered);
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
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const peer of peers) peer.destroySoon();
      }),
  };
}

function serve(socket: Socket, handlers: ControlHandlers, answered: () => void): void {
  let waiting = '';
  let last: Promise<void> = Promise.resolve();
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    waiting += text;
    for (let end = waiting.indexOf('\n'); end >= 0; end = waiting.indexOf('\n')) {
      const line = waiting.slice(0, end);
      waiting = waiting.slice(end + 1);
      last = last.then(() => answer(socket, line, handlers, answered));
    }
    if (waiting.length <= longestLine) return;
    socket.removeAllListeners('data').resume(); // the rest of the line is nobody's
    socket.end(`${JSON.stringify({ ok: false, error: `a line of more than ${longestLine} bytes` })}\n`);
  });
}

async function answer(socket: Socket, line: string, handlers: ControlHandlers, answered: () => void): Promise<void> {
  let reply: object;
  let lines: AsyncIterableIterator<object> | undefined;
  try {
    const request = parse(line, handlers);
    const handler = handlers[request.do] as (ask: object) => MaybePromise<unknown>;
    const found = (await handler(request)) ?? null;
    if (isStream(found)) lines = found;
    reply = { ok: true, answer: lines === undefined ? found : null };
    answered();
  } catch (error) {
    reply = { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
  if (socket.writable) socket.write(`${JSON.stringify(reply)}\n`);
  if (lines !== undefined) await pour(lines, socket);
}

const isStream = (found: unknown): found is AsyncIterableIterator<object> =>
  typeof found === 'object' && found !== null && Symbol.asyncIterator in found;

/** Writes line after line, as fast as the peer reads, until it closes. What else it sends is nobody's. */
async function pour(lines: AsyncIterableIterator<object>, socket: Socket): Promise<void> {
  socket.removeAllListeners('data').resume();
  const end = (): void => void lines.return?.();
  if (socket.writable) socket.once('close', end);
  else end();
  for await (const line of lines) if (!socket.write(`${JSON.stringify(line)}\n`)) await drained(socket);
}

/** Resolves when there is room again, or when it closes. */
const drained = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    const go = (): void => {
      socket.off('drain', go).off('close', go);
      resolve();
    };
    socket.on('drain', go).on('close', go);
    if (socket.destroyed) go();
  });

function parse(line: string, handlers: ControlHandlers): ControlRequest {
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch {
    throw new Error('a request is one JSON object on one line');
  }
  const verb = typeof request === 'object' && request !== null ? (request as { do?: unknown }).do : undefined;
  if (typeof verb !== 'string' || !Object.hasOwn(handlers, verb)) throw new Error(`do: one of ${Object.keys(handlers).join(', ')}`);
  return request as ControlRequest;
}
