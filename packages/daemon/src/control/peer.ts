import type { Socket } from 'node:net';
import type { MaybePromise } from '@ring3/kit';
import {
  type ControlRequest,
  type ControlRequests,
  type ControlStream,
  type ControlStreams,
  type ControlVerb,
  longestLine,
} from './protocol.ts';

/** The handler of each verb. The peer receives the message of an exception as an error of one line. */
export type ControlHandlers = {
  readonly [V in ControlVerb]: (ask: ControlRequests[V]['ask']) => MaybePromise<ControlRequests[V]['answer']>;
} & {
  readonly [V in ControlStream]: (ask: ControlStreams[V]['ask']) => AsyncIterableIterator<ControlStreams[V]['line']>;
};

/** Maximum number of requests of a peer without a response. While there are more, ring3 does not read from it. */
const mostOpen = 64;
/** After the daemon has ended: how long a peer may leave its responses unread, milliseconds. */
const takeMs = 1000;

/** One program at the control socket. Responses are sent in the order of the requests, no faster than the program reads. */
export class Peer {
  readonly #socket: Socket;
  readonly #handlers: ControlHandlers;
  readonly #answered: () => void;
  #waiting = '';
  #last: Promise<void> = Promise.resolve();
  /** Requests without a response. */
  #open = 0;
  #leaving = false;

  /** @param answered called after each valid request */
  constructor(socket: Socket, handlers: ControlHandlers, answered: () => void) {
    this.#socket = socket;
    this.#handlers = handlers;
    this.#answered = answered;
    socket.on('error', () => socket.destroy());
    socket.setEncoding('utf8').on('data', (text: string) => this.#receive(text));
  }

  /**
   * Accepts no more requests, and closes after the pending responses.
   * @returns a promise that resolves when it is closed, or at once if a request is still in progress
   */
  leave(): Promise<void> | undefined {
    const socket = this.#socket;
    this.#leaving = true;
    socket.setTimeout(takeMs, () => void (socket.writableLength > 0 && socket.destroy()));
    if (this.#open > 0) return undefined;
    const closed = new Promise<void>((resolve) => socket.once('close', resolve));
    socket.destroySoon();
    return closed;
  }

  #receive(text: string): void {
    if (this.#leaving) return;
    this.#waiting += text;
    for (let end = this.#waiting.indexOf('\n'); end >= 0; end = this.#waiting.indexOf('\n')) {
      const line = this.#waiting.slice(0, end);
      this.#waiting = this.#waiting.slice(end + 1);
      this.#open++;
      this.#last = this.#last.then(() => this.#answer(line));
    }
    if (this.#open >= mostOpen) this.#socket.pause();
    if (this.#waiting.length <= longestLine) return;
    this.#socket.removeAllListeners('data').resume(); // the rest of the line is dropped
    this.#socket.end(`${JSON.stringify({ ok: false, error: `a line of more than ${longestLine} bytes` })}\n`);
  }

  async #answer(line: string): Promise<void> {
    const socket = this.#socket;
    let reply: object;
    let lines: AsyncIterableIterator<object> | undefined;
    try {
      const request = parse(line, this.#handlers);
      const handler = this.#handlers[request.do] as (ask: object) => MaybePromise<unknown>;
      const found = (await handler(request)) ?? null;
      if (isStream(found)) lines = found;
      reply = { ok: true, answer: lines === undefined ? found : null };
      this.#answered();
    } catch (error) {
      reply = { ok: false, error: error instanceof Error ? error.message : String(error) };
    }
    if (socket.writable && !socket.write(`${JSON.stringify(reply)}\n`)) await drained(socket);
    this.#open--;
    if (this.#open < mostOpen && socket.isPaused()) socket.resume();
    if (this.#leaving && this.#open === 0) socket.destroySoon();
    if (lines !== undefined) await pour(lines, socket);
  }
}

const isStream = (found: unknown): found is AsyncIterableIterator<object> =>
  typeof found === 'object' && found !== null && Symbol.asyncIterator in found;

/** Writes lines as fast as the peer reads, until it closes. Further input of the peer is dropped. */
async function pour(lines: AsyncIterableIterator<object>, socket: Socket): Promise<void> {
  socket.removeAllListeners('data').resume();
  const end = (): void => void lines.return?.();
  if (socket.writable) socket.once('close', end);
  else end();
  for await (const line of lines) if (!socket.write(`${JSON.stringify(line)}\n`)) await drained(socket);
}

/** Resolves when the peer has read enough, or when it closes. */
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
