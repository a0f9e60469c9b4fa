import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import type { ControlAnswer, ControlRequests, ControlVerb } from './protocol.ts';

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
