import { printable } from '@ring3/kit';
import { lost } from '@ring3/netlink';
import { Lines } from '../output.ts';

/**
 * Prints events, one line each, until SIGINT or SIGTERM, or until `most` lines are printed. Lost events are reported on standard error.
 * @param stop ends the events
 */
export async function watch<T>(
  events: AsyncIterable<T | typeof lost>,
  textOf: (event: T) => string,
  stop: () => void,
  most: number,
): Promise<void> {
  const lines = new Lines();
  let stopped = false;
  const end = (): void => {
    stopped = true;
    stop();
  };
  process.once('SIGINT', end).once('SIGTERM', end);
  let shown = 0;
  try {
    for await (const event of events) {
      if (event === lost) console.error('ring3: events arrived faster than they were read, and some were lost');
      else {
        await lines.add(printable(textOf(event as T)));
        await lines.flush();
        if (++shown >= most) break;
      }
    }
  } catch (error) {
    if (!stopped) throw error; // the link was closed during the iteration
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end);
  }
}
