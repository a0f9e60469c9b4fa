/** What one client may cost. Sizes in bytes, times in milliseconds. */
export interface Limits {
  /** A frame before somebody has logged on. */
  readonly frameBeforeLogon: number;
  /** Time until somebody has to have logged on. */
  readonly logonMs: number;
  /** Received and unfinished, or unsent, for a connection. */
  readonly connectionBytes: number;
  /** The same for all connections together. */
  readonly totalBytes: number;
  /** Until a connection is ended because those are used up. */
  readonly crowdedMs: number;
  /** MaxReadSize, MaxWriteSize, MaxTransactSize; 64 KiB at 2.0.2. */
  readonly maxRead: number;
  readonly maxWrite: number;
  readonly maxTransact: number;
  readonly maxCredits: number;
  /** Requests of a connection that wait (for a lock, a change, a break). */
  readonly maxAsync: number;
  readonly connections: number;
  readonly connectionsForAddress: number;
  readonly sessionsForConnection: number;
  /** Log-ons that are begun on a connection where nobody has logged on yet. */
  readonly sessionsBeforeLogon: number;
  readonly treesForSession: number;
  readonly opensForSession: number;
  /** Before a failed log-on is answered. */
  readonly failedLogonDelayMs: number;
  /** Until a broken oplock counts as acknowledged. */
  readonly oplockBreakMs: number;
}

/** What holds unless the embedder says otherwise. */
export const defaultLimits: Limits = {
  frameBeforeLogon: 16 * 1024,
  logonMs: 10_000,
  connectionBytes: 32 * 1024 * 1024,
  totalBytes: 1024 * 1024 * 1024,
  crowdedMs: 5_000,
  maxRead: 8 * 1024 * 1024,
  maxWrite: 8 * 1024 * 1024,
  maxTransact: 8 * 1024 * 1024,
  maxCredits: 8192,
  maxAsync: 512,
  connections: 16384,
  connectionsForAddress: 4096,
  sessionsForConnection: 4096,
  sessionsBeforeLogon: 16,
  treesForSession: 4096,
  opensForSession: 16384,
  failedLogonDelayMs: 250,
  oplockBreakMs: 35_000,
};
