import type { Counts } from '../server/view.ts';

/** The counts of a server when nothing is left in it. */
export const nothingLeft: Counts = {
  connections: 0,
  sessions: 0,
  trees: 0,
  opens: 0,
  detached: 0,
  leases: 0,
  closing: 0,
  files: 0,
  locks: 0,
  oplocks: 0,
  watches: 0,
  requests: 0,
  bytes: 0,
};
