import type { Daemon } from '@ring3/daemon';
import type { Log } from '@ring3/kit';

/** SIGHUP reads the configuration again; one that comes while it starts, when it has: it ended the process otherwise. */
export function reloadOnSignal(starting: Promise<Daemon>, log: Log): void {
  process.on('SIGHUP', () => {
    starting.then((daemon) => daemon.reload()).catch((error: Error) => log.error(`the configuration was not changed: ${error.message}`));
  });
}

/** A signal to end lets clients finish, a second one does not. */
export function obeySignals(daemon: Daemon): void {
  let told = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      void daemon.stop(told ? 0 : undefined);
      told = true;
    });
}
