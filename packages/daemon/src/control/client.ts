import { Socket } from 'node:net';
import { close, connectUnix, errnoName, listenerFault, openUnix, SocketType } from '@ring3/linux';
import type { ControlAnswer, ControlRequests, ControlStream, ControlStreams, ControlVerb } from './protocol.ts';

/** No daemon listens on a control socket. The message is one line. */
export class NoDaemonError extends Error {
  override readonly name = 'NoDaemonError';
  /** Path of the control socket. */
  readonly path: string;
  /** Name of the errno, such as ENOENT. */
  readonly code: string;
  constructor(path: string, code: string) {
    super(`no ring3 answers at ${path} (${code})`);
    this.path = path;
    this.code = code;
  }
}

/** Connects, and checks that the listener does not belong to another user. @throws NoDaemonError, Error in one line */
function open(path: string): Socket {
  const fd = openUnix(SocketType.Stream);
  const connected = fd < 0 ? fd : connectUnix(fd, path);
  const fault = connected < 0 ? undefined : listenerFault(fd, path);
  if (connected === 0 && fault === undefined) return new Socket({ fd });
  if (fd >= 0) close(fd);
  throw fault === undefined ? new NoDaemonError(path, errnoName(-connected)) : new Error(fault);
}

/**
 * Sends one request to a running daemon.
 * @throws NoDaemonError, and Error in one line if the daemon rejects the request or does not respond
 */
export async function askControl<V extends ControlVerb>(
  path: string,
  verb: V,
  ask: ControlRequests[V]['ask'],
): Promise<ControlRequests[V]['answer']> {
  const socket = open(path);
  try {
    socket.write(`${JSON.stringify({ ...ask, do: verb })}\n`);
    const { value: reply } = await untilBroken(linesOf(socket)).next();
    if (reply === undefined) throw new Error(`the ring3 at ${path} closed the connection without an answer`);
    const answer = parse(reply, path);
    if (!isAnswer<V>(answer)) throw notRing3(path);
    if (!answer.ok) throw new Error(answer.error);
    return answer.answer;
  } finally {
    socket.destroy();
  }
}

/**
 * Requests a stream of lines from a running daemon. It ends with the loop or with the daemon.
 * @param signal ends it, also while no line arrives
 * @throws NoDaemonError, and Error in one line if the daemon rejects the request or does not respond
 */
export async function* followControl<V extends ControlStream>(
  path: string,
  verb: V,
  ask: ControlStreams[V]['ask'],
  signal?: AbortSignal,
): AsyncGenerator<ControlStreams[V]['line'], void> {
  const socket = open(path);
  signal?.addEventListener('abort', () => socket.destroy(), { once: true });
  try {
    socket.write(`${JSON.stringify({ ...ask, do: verb })}\n`);
    let answered = false;
    for await (const line of untilBroken(linesOf(socket))) {
      const read = parse(line, path);
      if (answered) yield read as ControlStreams[V]['line'];
      else if (!isAnswer(read)) throw notRing3(path);
      else if (!read.ok) throw new Error(read.error);
      answered = true;
    }
    if (!answered) throw new Error(`the ring3 at ${path} closed the connection without an answer`);
  } finally {
    socket.destroy();
  }
}

const notRing3 = (path: string): Error => new Error(`the program that answers at ${path} is not ring3`);

/** Whether a JSON value is a response of the control protocol. */
function isAnswer<V extends ControlVerb>(read: unknown): read is ControlAnswer<V> {
  const { ok, error } = (read ?? {}) as { ok?: unknown; error?: unknown };
  return ok === true || (ok === false && typeof error === 'string');
}

/** @throws Error in one line if the text is not JSON */
function parse(line: string, path: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw notRing3(path);
  }
}

/**
 * The lines of a socket. Only `\n` ends a line: `node:readline` also ends lines at U+2028, which JSON does not escape and clients can put
 * into names.
 */
async function* linesOf(socket: Socket): AsyncGenerator<string, undefined> {
  let parts: string[] = [];
  for await (const text of socket.setEncoding('utf8') as AsyncIterable<string>) {
    let from = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      parts.push(text.slice(from, end));
      yield parts.join('');
      parts = [];
      from = end + 1;
    }
    parts.push(text.slice(from));
  }
}

/** An error of the socket ends the lines. */
async function* untilBroken(lines: AsyncGenerator<string, undefined>): AsyncGenerator<string> {
  try {
    yield* lines;
  } catch {}
}
