import { lost } from '@ring3/netlink';
import { Lines } from '../output.ts';

/**
 * Prints what happens, line by line, until SIGINT or SIGTERM, or until `most` lines are printed. What could not be told is said on standard error.
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
      if (event === lost) console.error('ring3: events came faster than they were read, and some were lost');
      else {
        await lines.add(textOf(event as T));
        await lines.flush();
        if (++shown >= most) break;
      }
    }
  } catch (error) {
    if (!stopped) throw error; // the link was closed under the iteration
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end);
  }
}
