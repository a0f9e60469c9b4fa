import type { Daemon } from '@ring3/daemon';
import type { Log } from '@ring3/kit';

/** A signal to end lets clients finish, a second one does not; SIGHUP reads the configuration again. */
export function obeySignals(daemon: Daemon, log: Log): void {
  let told = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      void daemon.stop(told ? 0 : undefined);
      told = true;
    });
  process.on('SIGHUP', () => {
    daemon.reload().catch((error: Error) => log.error(`the configuration stays as it was: ${error.message}`));
  });
}
