import { createMetrics, gaugeOf, type Log, type Metrics, type Random } from '@ring3/kit';
import { type DaemonStatus, lifecycleStates } from '../control/protocol.ts';
import type { LongTurns } from '../long-turns.ts';
import { type ConsoleOptions, type ConsoleServer, serveConsole } from './server.ts';

/** A listening console, and the metrics that it shows. */
export interface Console extends ConsoleServer {
  readonly metrics: Metrics;
}

/** Dependencies of a console. */
export interface ConsoleParts {
  readonly status: () => DaemonStatus;
  readonly stateDir: string;
  readonly random: Random;
  readonly log: Log;
  /** Measures the turns of requests. */
  readonly turns: LongTurns;
}

/**
 * Collects metrics and serves them over HTTP with the status of the daemon. Without a console neither the HTTP library nor the metrics
 * library is loaded.
 * @throws Error in one line
 */
export async function openConsole(options: ConsoleOptions, { status, ...parts }: ConsoleParts): Promise<Console> {
  const metrics = createMetrics({ process: true });
  metrics.show([
    gaugeOf('ring3_state', 'The state of the file server: 1 for the one that it is in.', ['state'], () => {
      const now = status().state;
      return lifecycleStates.map((state) => [Number(state === now), state] as const);
    }),
  ]);
  return { metrics, ...(await serveConsole(options, { metrics, status }, parts)) };
}
