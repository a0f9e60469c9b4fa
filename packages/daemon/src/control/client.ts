import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import type { ControlAnswer, ControlRequests, ControlStream, ControlStreams, ControlVerb } from './protocol.ts';

/**
 * Asks a running daemon one thing.
 * @throws Error in one line, when nobody answers there or the daemon refuses
 */
export async function askControl<V extends ControlVerb>(
  path: string,
  verb: V,
  ask: ControlRequests[V]['ask'],
): Promise<ControlRequests[V]['answer']> {
  const socket = createConnection(path);
  try {
    socket.write(`${JSON.stringify({ ...ask, do: verb })}\n`);
    const { value: reply } = await linesOf(socket)
      .next()
      .catch((error: NodeJS.ErrnoException) => {
        throw new Error(`no ring3 answers on ${path} (${error.code})`);
      });
    if (reply === undefined) throw new Error(`the ring3 on ${path} closed without an answer`);
    const answer = JSON.parse(reply) as ControlAnswer<V>;
    if (!answer.ok) throw new Error(answer.error);
    return answer.answer;
  } finally {
    socket.destroy();
  }
}

/**
 * Asks a running daemon for line after line, until the loop ends or the daemon does.
 * @param signal ends it also while no line comes
 * @throws Error in one line, when nobody answers there or the daemon refuses
 */
export async function* followControl<V extends ControlStream>(
  path: string,
  verb: V,
  ask: ControlStreams[V]['ask'],
  signal?: AbortSignal,
): AsyncGenerator<ControlStreams[V]['line'], void> {
  const socket = createConnection({ path });
  signal?.addEventListener('abort', () => socket.destroy(), { once: true });
  try {
    await once(socket, 'connect').catch((error: NodeJS.ErrnoException) => {
      throw new Error(`no ring3 answers on ${path} (${error.code})`);
    });
    socket.write(`${JSON.stringify({ ...ask, do: verb })}\n`);
    let answered = false;
    for await (const line of untilBroken(linesOf(socket))) {
      const read = JSON.parse(line) as ControlStreams[V]['line'] & { readonly ok?: boolean; readonly error?: string };
      if (answered) yield read;
      else if (read.ok !== true) throw new Error(read.error ?? `what answers on ${path} is no ring3`);
      answered = true;
    }
    if (!answered) throw new Error(`the ring3 on ${path} closed without an answer`);
  } finally {
    socket.destroy();
  }
}

/** The lines of a socket. Only `\n` ends one: `node:readline` knows other ends, which stand in JSON as they are (U+2028), in names that clients chose. */
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

/** A socket that breaks, or is broken by who reads, is at its end. */
async function* untilBroken(lines: AsyncGenerator<string, undefined>): AsyncGenerator<string> {
  try {
    yield* lines;
  } catch {}
}
