import type { Daemon } from '@ring3/daemon';
import type { Log } from '@ring3/kit';

/** SIGHUP reads the configuration again. During the start it is deferred; without a handler it would end the process. */
export function reloadOnSignal(starting: Promise<Daemon>, log: Log): void {
  process.on('SIGHUP', () => {
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
