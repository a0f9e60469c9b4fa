import type { Socket } from 'node:net';
import type { MaybePromise } from '@ring3/kit';
import type { LongTurns } from '../long-turns.ts';
import {
  type ControlRequest,
  type ControlRequests,
  type ControlStream,
  type ControlStreams,
  type ControlVerb,
  longestLine,
} from './protocol.ts';
import type { SharedTurn } from './shared-turn.ts';

/** What a handler returns: a list row by row, so that a long one is made and written in parts. */
type Given<A> = A extends readonly (infer T)[] ? Iterable<T> : A;

/** The handler of each verb. The peer receives the message of an exception as an error of one line. */
export type ControlHandlers = {
  readonly [V in ControlVerb]: (ask: ControlRequests[V]['ask']) => MaybePromise<Given<ControlRequests[V]['answer']>>;
} & {
  readonly [V in ControlStream]: (ask: ControlStreams[V]['ask']) => AsyncIterableIterator<ControlStreams[V]['line']>;
};

/** After the daemon has ended: how long a peer may leave its responses unread, milliseconds. */
const takeMs = 1000;
/** How long a peer may leave a response unread before it is disconnected, milliseconds. A stream has no such limit. */
const unreadMs = 60_000;
/** Characters of a list that are written at a time. */
const pieceLength = 65_536;

/** How a socket counts its use: `ConnectionLimit`. */
export interface Use {
  /** It has a request in progress. */
  busy(): void;
  /** It has none. */
  idle(): void;
}

/** What all programs at a control socket share. */
export interface PeerParts {
  readonly handlers: ControlHandlers;
  /** Called after each valid request. */
  readonly answered: () => void;
  readonly turn: SharedTurn;
  /** Measures the turns of requests. */
  readonly turns: LongTurns;
}

/**
 * One program at the control socket. Its requests are handled one after the other, no faster than it reads the responses.
 */
export class Peer {
  readonly #socket: Socket;
  readonly #shared: PeerParts;
  readonly #use: Use;
  /** Received text that was not handled yet: from `#from` on. */
  #text = '';
  #from = 0;
  /** No line feed is in the text before this position. */
  #searched = 0;
  #working = false;
  #leaving = false;
  /** It sends no more, but still reads. */
  #ended = false;
  /** It has a stream, or has sent an invalid line: nothing more is accepted. */
  #over = false;

  constructor(socket: Socket, shared: PeerParts, use: Use) {
    this.#socket = socket;
    this.#shared = shared;
    this.#use = use;
    socket.on('error', () => socket.destroy());
    socket.setEncoding('utf8').on('data', (text: string) => this.#receive(text));
    socket.on('end', () => {
      this.#ended = true;
      if (!this.#working) socket.end(); // also a stream: its peer has probably disconnected
    });
  }

  /**
   * Accepts no more requests, and closes after the pending responses.
   * @returns a promise that resolves when it is closed, or at once if a request is still in progress
   */
  leave(): Promise<void> | undefined {
    const socket = this.#socket;
    this.#leaving = true;
    socket.setTimeout(takeMs, () => void (socket.writableLength > 0 && socket.destroy()));
    if (this.#working) return undefined;
    const closed = new Promise<void>((resolve) => socket.once('close', resolve));
    socket.destroySoon();
    return closed;
  }

  #receive(text: string): void {
    if (this.#leaving || this.#over) return;
    this.#text += text;
    if (!this.#working) void this.#work();
    if (this.#working && this.#text.length - this.#from > longestLine) this.#socket.pause();
  }

  /** The next line; undefined if there is none. */
  #line(): string | undefined {
    const end = this.#text.indexOf('\n', this.#searched);
    if (end < 0) {
      this.#text = this.#text.slice(this.#from);
      this.#from = 0;
      this.#searched = this.#text.length;
      return undefined;
    }
    const line = this.#text.slice(this.#from, end);
    this.#from = this.#searched = end + 1;
    return line;
  }

  async #work(): Promise<void> {
    const socket = this.#socket;
    this.#working = true;
    for (let line = this.#line(); line !== undefined && !this.#over && !socket.destroyed; line = this.#line()) {
      this.#use.busy();
      if (line.length > longestLine) this.#reject();
      else await this.#shared.turn.run(() => this.#answer(line));
    }
    this.#working = false;
    if (this.#over) return;
    if (this.#text.length > longestLine) return this.#reject();
    this.#use.idle();
    if (this.#leaving) socket.destroySoon();
    else if (this.#ended) socket.end();
    else socket.resume();
  }

  /** A line that is too long: the rest of it is dropped. */
  #reject(): void {
    this.#over = true;
    this.#socket.removeAllListeners('data').resume();
    this.#socket.end(`${JSON.stringify({ ok: false, error: `a line of more than ${longestLine} bytes` })}\n`);
  }

  async #answer(line: string): Promise<void> {
    const socket = this.#socket;
    const { handlers, answered, turn, turns } = this.#shared;
    let operation = '';
    let reply: object;
    let lines: AsyncIterableIterator<object> | undefined;
    let rows: Iterable<unknown> | undefined;
    try {
      const request = parse(line, handlers);
      operation = `control ${request.do}`;
      const handler = handlers[request.do] as (ask: object) => MaybePromise<unknown>;
      const found = (await turns.run(operation, () => handler(request))) ?? null;
      if (isStream(found)) lines = found;
      else if (isList(found)) rows = found;
      reply = { ok: true, answer: lines === undefined ? found : null };
      answered();
    } catch (error) {
      reply = { ok: false, error: error instanceof Error ? error.message : String(error) };
    }
    if (rows !== undefined) return writeList(rows, socket, (piece) => turn.run(() => turns.run(operation, () => piece(turn))));
    await write(socket, `${JSON.stringify(reply)}\n`);
    if (lines === undefined) return;
    this.#over = true;
    if (this.#ended) socket.end();
    void pour(lines, socket);
  }
}

const isStream = (found: unknown): found is AsyncIterableIterator<object> =>
  typeof found === 'object' && found !== null && Symbol.asyncIterator in found;
const isList = (found: unknown): found is Iterable<unknown> => typeof found === 'object' && found !== null && Symbol.iterator in found;

/** Writes text, and waits until the peer has read enough. A peer that reads nothing for `unreadMs` is disconnected. */
async function write(socket: Socket, text: string): Promise<void> {
  if (!socket.writable || socket.write(text)) return;
  const before = socket.timeout;
  const end = (): void => void socket.destroy();
  if (!before) socket.setTimeout(unreadMs, end);
  await drained(socket);
  if (!before) socket.setTimeout(0).off('timeout', end);
}

/** Writes a response that is a list, in parts: it is made no faster than the peer reads, and others have turns in between. */
async function writeList(
  rows: Iterable<unknown>,
  socket: Socket,
  run: (piece: (turn: SharedTurn) => string) => Promise<string>,
): Promise<void> {
  const iterator = rows[Symbol.iterator]();
  let separator = '';
  let ended = false;
  const piece = (turn: SharedTurn): string => {
    let text = '';
    do {
      const { done = false, value } = iterator.next();
      ended = done;
      if (done) break;
      text += `${separator}${JSON.stringify(value)}`;
      separator = ',';
    } while (text.length < pieceLength && !turn.over);
    return text;
  };
  try {
    for (let text = '{"ok":true,"answer":['; !ended && !socket.destroyed; text = '') await write(socket, text + (await run(piece)));
  } catch {
    socket.destroy(); // the response cannot be completed
    return;
  }
  await write(socket, ']}\n');
}

/** Writes lines as fast as the peer reads, until it closes. Further input of the peer is dropped. */
async function pour(lines: AsyncIterableIterator<object>, socket: Socket): Promise<void> {
  socket.removeAllListeners('data').resume();
  const end = (): void => void lines.return?.();
  if (socket.writable) socket.once('close', end);
  else end();
  for await (const line of lines) if (socket.writable && !socket.write(`${JSON.stringify(line)}\n`)) await drained(socket);
  if (socket.writable) socket.end();
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
