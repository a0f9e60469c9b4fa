import { once } from 'node:events';
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
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
    const lines = createInterface({ input: socket }).on('error', () => {}); // the socket's own handler tells it
    const reply = await new Promise<string>((resolve, reject) => {
      socket.once('error', (error: NodeJS.ErrnoException) => reject(new Error(`no ring3 answers on ${path} (${error.code})`)));
      lines.once('line', resolve).once('close', () => reject(new Error(`the ring3 on ${path} closed without an answer`)));
      socket.write(`${JSON.stringify({ ...ask, do: verb })}\n`);
    });
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
    const lines = createInterface({ input: socket }).on('error', () => {});
    socket.on('error', () => {}).once('close', () => lines.close()); // a socket that breaks has no end
    socket.write(`${JSON.stringify({ ...ask, do: verb })}\n`);
    let answered = false;
    for await (const line of lines) {
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
