import type { Connection } from '../connection/connection.ts';
import type { WatchedCount } from '../objects/outside-changes.ts';
import type { Services } from '../objects/services.ts';
import type { StateTotals } from '../state/index.ts';
import type { BreakDelivery } from './break-delivery.ts';

/** The server, as the parts that watch all of its connections use it. `Server` implements it. */
export interface RunningServer extends Services {
  readonly connections: ReadonlyMap<number, Connection>;
  /** Maximum number of connections: the limit, but at most a quarter of the file descriptors and what opens leave of these. */
  readonly maxConnections: number;
  readonly breaks: BreakDelivery;
  readonly watched: WatchedCount;
  /** The totals of all files. */
  readonly fileTotals: StateTotals;
}
