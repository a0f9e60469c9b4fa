import { isatty } from 'node:tty';
import type { Daemon } from '@ring3/daemon';
import type { Log } from '@ring3/kit';

/**
 * SIGHUP reads the configuration again; if the kernel sends it because the terminal of the daemon was closed, the daemon stops. During the
 * start it is deferred; without a handler it would end the process.
 */
export function reloadOnSignal(starting: Promise<Daemon>, log: Log): void {
  const onTerminal = isatty(0);
  process.on('SIGHUP', () => {
    // a terminal that hung up does not count: tcgetattr(3) fails with EIO
    if (onTerminal && !isatty(0)) {
      log.info('the terminal was closed: ring3 stops');
      return void starting.then((daemon) => daemon.stop()).catch(() => {});
    }
    starting.then((daemon) => daemon.reload()).catch((error: Error) => log.error(`the configuration was not changed: ${error.message}`));
  });
}

/** The first SIGINT or SIGTERM waits for requests in progress, the second does not. */
export function obeySignals(daemon: Daemon): void {
  let told = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      void daemon.stop(told ? 0 : undefined);
      told = true;
    });
}
