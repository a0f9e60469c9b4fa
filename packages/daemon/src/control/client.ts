import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { close, connectUnix, Errno, errnoName, listenerFault, openUnix, SocketType } from '@ring3/linux';
import { answerShapes, lineShapes, type Shape } from './answer-shapes.ts';
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

/** The program at a control socket sends no valid answer. The message is one line, with the path of the socket and what to do. */
export class ControlAnswerError extends Error {
  override readonly name = 'ControlAnswerError';
  /** Path of the control socket. */
  readonly path: string;
  constructor(path: string, message: string) {
    super(message);
    this.path = path;
  }
}

/** The limits of an answer. */
export interface AnswerLimits {
  /** Milliseconds without a byte, before the answer and in it. A stream has no such limit after its first line. */
  readonly silenceMs: number;
  /** UTF-16 units of a line. */
  readonly longest: number;
}

/** One minute, and a kibibyte for each of 262,144 opens. */
export const answerLimits: AnswerLimits = { silenceMs: 60_000, longest: 262_144 * 1024 };

/** How long requests in progress may delay the answer to `stop` that names no time, milliseconds: the default of the daemon. */
const usualDrainMs = 10_000;

/** How long a daemon may take to accept a connection when many wait for it, milliseconds, and the interval of the attempts. */
const backlogMs = 10_000;
const attemptMs = 50;

/** Connects, and checks that the listener does not belong to another user. @throws NoDaemonError, ControlAnswerError, Error in one line */
async function open(path: string, patienceMs = backlogMs): Promise<Socket> {
  const fd = openUnix(SocketType.Stream);
  let connected = fd < 0 ? fd : connectUnix(fd, path);
  // unix(7): a socket whose backlog is full rejects a non-blocking connection for the moment
  for (let waited = 0; connected === -Errno.EAGAIN && waited < patienceMs; waited += attemptMs) {
    await delay(attemptMs);
    connected = connectUnix(fd, path);
  }
  if (connected === -Errno.EAGAIN) {
    close(fd);
    throw new ControlAnswerError(path, `the program at ${path} accepts no connection: stop it, or ${advice}`);
  }
  const fault = connected < 0 ? undefined : listenerFault(fd, path);
  if (connected === 0 && fault === undefined) return new Socket({ fd });
  if (fd >= 0) close(fd);
  throw fault === undefined ? new NoDaemonError(path, errnoName(-connected)) : new Error(fault);
}

/**
 * Sends one request to a running daemon.
 * @throws NoDaemonError; ControlAnswerError if the answer is invalid or missing; Error in one line if the daemon rejects the request
 */
export async function askControl<V extends ControlVerb>(
  path: string,
  verb: V,
  ask: ControlRequests[V]['ask'],
  { silenceMs, longest }: AnswerLimits = answerLimits,
): Promise<ControlRequests[V]['answer']> {
  const socket = await open(path, Math.min(silenceMs, backlogMs));
  const { drainMs = usualDrainMs } = ask as ControlRequests['stop']['ask'];
  limitSilence(socket, path, verb === 'stop' ? silenceMs + drainMs : silenceMs);
  try {
    socket.write(`${JSON.stringify({ ...ask, do: verb })}\n`);
    const { value: reply } = await untilBroken(linesOf(socket, path, longest)).next();
    if (reply === undefined) throw endedEarly(path);
    const answer = parse(reply, path);
    if (!isAnswer<V>(answer, answerShapes[verb])) throw notRing3(path);
    if (!answer.ok) throw new Error(answer.error);
    return answer.answer;
  } finally {
    socket.destroy();
  }
}

/**
 * Requests a stream of lines from a running daemon. It ends with the loop or with the daemon.
 * @param signal ends it, also while no line arrives
 * @throws NoDaemonError; ControlAnswerError if an answer or line is invalid or missing; Error in one line if the daemon rejects the request
 */
export async function* followControl<V extends ControlStream>(
  path: string,
  verb: V,
  ask: ControlStreams[V]['ask'],
  signal?: AbortSignal,
  { silenceMs, longest }: AnswerLimits = answerLimits,
): AsyncGenerator<ControlStreams[V]['line'], void> {
  const socket = await open(path, Math.min(silenceMs, backlogMs));
  limitSilence(socket, path, silenceMs);
  signal?.addEventListener('abort', () => socket.destroy(), { once: true });
  try {
    socket.write(`${JSON.stringify({ ...ask, do: verb })}\n`);
    let answered = false;
    for await (const line of untilBroken(linesOf(socket, path, longest))) {
      const read = parse(line, path);
      if (answered) {
        if (!lineShapes[verb](read)) throw notRing3(path);
        yield read as ControlStreams[V]['line'];
      } else if (!isAnswer(read, (answer) => answer === null)) throw notRing3(path);
      else if (!read.ok) throw new Error(read.error);
      answered = true;
      socket.setTimeout(0);
    }
    if (!answered) throw endedEarly(path);
  } finally {
    socket.destroy();
  }
}

const advice = 'name the socket of a running ring3 with --control or RING3_CONTROL';
const notRing3 = (path: string): Error =>
  new ControlAnswerError(path, `the program that answers at ${path} is not ring3, or another version of it: ${advice}`);
const endedEarly = (path: string): Error =>
  new ControlAnswerError(path, `the ring3 at ${path} closed the connection without an answer: see its log, or ${advice}`);

/** Ends a socket that receives nothing for so long. */
function limitSilence(socket: Socket, path: string, ms: number): void {
  const end = (): void => {
    const limit = `${ms / 1000} seconds`;
    socket.destroy(new ControlAnswerError(path, `no answer at ${path} in ${limit}: stop the program that listens there, or ${advice}`));
  };
  socket.setTimeout(ms, () => {
    const before = socket.bytesRead;
    // the bytes that arrived while this process was suspended are read first
    setImmediate(() => void (socket.bytesRead === before && end()));
  });
}

/** Whether a JSON value is a response of the control protocol with an answer of this shape. */
function isAnswer<V extends ControlVerb>(read: unknown, shape: Shape): read is ControlAnswer<V> {
  const { ok, error, answer } = (read ?? {}) as { ok?: unknown; error?: unknown; answer?: unknown };
  return (ok === true && shape(answer)) || (ok === false && typeof error === 'string');
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
 * @throws ControlAnswerError if a line is too long
 */
async function* linesOf(socket: Socket, path: string, longest: number): AsyncGenerator<string, undefined> {
  let parts: string[] = [];
  let length = 0;
  for await (const text of socket.setEncoding('utf8') as AsyncIterable<string>) {
    let from = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      parts.push(text.slice(from, end));
      yield parts.join('');
      parts = [];
      length = 0;
      from = end + 1;
    }
    parts.push(text.slice(from));
    length += text.length - from;
    if (length > longest)
      throw new ControlAnswerError(
        path,
        `the program at ${path} sent a line of more than ${longest} characters: ask for less, or ${advice}`,
      );
  }
}

/** An error of the socket ends the lines. @throws ControlAnswerError */
async function* untilBroken(lines: AsyncGenerator<string, undefined>): AsyncGenerator<string> {
  try {
    yield* lines;
  } catch (error) {
    if (error instanceof ControlAnswerError) throw error;
  }
}
