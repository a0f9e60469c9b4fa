import { inspect } from 'node:util';

/**
 * Limits on the cost of one client, and of all together. Sizes in bytes, times in milliseconds; integers. A change at run time applies at
 * once; a connection keeps what it negotiated with its client (`maxRead`, `maxWrite`, `maxTransact`, more credits than before) and what it
 * started with (`frameBeforeLogon`, `logonMs`).
 */
export interface Limits {
  /** Maximum size of a frame before a user has logged on. */
  readonly frameBeforeLogon: number;
  /** Time until a user must have logged on. */
  readonly logonMs: number;
  /** Bytes received and unfinished, being read, or unsent, of a connection. */
  readonly connectionBytes: number;
  /** The same for all connections together. Above it users and addresses that hold more than their share wait; the others continue. */
  readonly totalBytes: number;
  /** Time that the budget may stay exceeded; then as many connections as needed are ended, of those that hold the most. */
  readonly crowdedMs: number;
  /** MaxReadSize, MaxWriteSize, MaxTransactSize; 64 KiB at 2.0.2. */
  readonly maxRead: number;
  readonly maxWrite: number;
  readonly maxTransact: number;
  readonly maxCredits: number;
  /** Requests of a connection that run at a time; further ones wait for their turn. Those that wait for something do not count here. */
  readonly requestsForConnection: number;
  /** Requests of a connection that wait (for a lock, a change, a break); one more fails with INSUFFICIENT_RESOURCES (MS-SMB2 3.3.4.2). */
  readonly maxAsync: number;
  /** Connections; at the limit the oldest without a logged-on user is ended; without such a one, the new connection is closed at once. */
  readonly connections: number;
  readonly connectionsForAddress: number;
  /**
   * Complete logons; one more fails with REQUEST_NOT_ACCEPTED (MS-ERREF 2.3.1). A reconnect with PreviousSessionId does not count again.
   */
  readonly sessions: number;
  /** Above it a request fails with INSUFFICIENT_RESOURCES; likewise above `sessionsBeforeLogon` and `treesForSession`. */
  readonly sessionsForConnection: number;
  /** Logons of a connection that are not complete; if a user has logged on there, the oldest of them is dropped. */
  readonly sessionsBeforeLogon: number;
  readonly treesForSession: number;
  /** Connections that one session may be bound to, those in progress included; above it a binding fails with INSUFFICIENT_RESOURCES. */
  readonly channelsForSession: number;
  /** Channels in addition to the first one of each session, of all sessions; likewise. */
  readonly channels: number;
  /**
   * In all; a user holds less than four times what is free (quota.ts). The same applies to `opens`, `locks`, `waiting`, `keptBytes`,
   * `sessions`, and connections with a logon.
   */
  readonly trees: number;
  /** Open files, directories and pipes; above it a CREATE fails with TOO_MANY_OPENED_FILES (MS-SMB2 3.3.5.9). */
  readonly opens: number;
  readonly opensForSession: number;
  /** Persistent opens; above it an open is durable only. */
  readonly persistentOpens: number;
  /** Byte-range locks that are held; above it a LOCK fails with INSUFFICIENT_RESOURCES. */
  readonly locks: number;
  /** Waiting requests of all connections, as `maxAsync`. */
  readonly waiting: number;
  /** Bytes kept until a client requests them: changes of directories, responses of pipes. */
  readonly keptBytes: number;
  /** Time until a connection that sent nothing, has no file open and nothing in flight is disconnected; 0: never. */
  readonly idleMs: number;
  /**
   * Delay of the response to a failed logon; and, after the first few failures, the time for each further attempt of an address
   * (logon-throttle.ts). 0: neither.
   */
  readonly failedLogonDelayMs: number;
  /** Time until a broken oplock counts as acknowledged. */
  readonly oplockBreakMs: number;
  /** How long a durable open waits for its client if the client does not say, and at most; MS-SMB2 3.3.2.2. */
  readonly durableMs: number;
  readonly maxDurableMs: number;
  /** How long a resilient open waits for its client if the client does not say, and at most; MS-SMB2 3.3.5.15.9. */
  readonly resilientMs: number;
  readonly maxResilientMs: number;
  /** Time that `close` waits for stores that do not respond. */
  readonly closeMs: number;
}

/** The defaults. */
export const defaultLimits: Limits = Object.freeze({
  frameBeforeLogon: 16 * 1024,
  logonMs: 10_000,
  connectionBytes: 32 * 1024 * 1024,
  totalBytes: 1024 * 1024 * 1024,
  crowdedMs: 5_000,
  maxRead: 8 * 1024 * 1024,
  maxWrite: 8 * 1024 * 1024,
  maxTransact: 8 * 1024 * 1024,
  maxCredits: 8192,
  requestsForConnection: 1024,
  maxAsync: 512,
  connections: 16384,
  connectionsForAddress: 4096,
  sessions: 65536,
  sessionsForConnection: 4096,
  sessionsBeforeLogon: 16,
  treesForSession: 4096,
  channelsForSession: 32,
  channels: 65536,
  trees: 262144,
  opens: 262144,
  opensForSession: 16384,
  persistentOpens: 16384,
  locks: 524288,
  waiting: 65536,
  keptBytes: 256 * 1024 * 1024,
  idleMs: 0,
  failedLogonDelayMs: 250,
  oplockBreakMs: 35_000,
  durableMs: 60_000,
  maxDurableMs: 300_000,
  resilientMs: 120_000,
  maxResilientMs: 300_000,
  closeMs: 10_000,
});

/** Minimum and maximum of a count; of a size, or a time that must not be 0; of a time. */
const count = [1, 2 ** 31 - 1] as const;
const some = [1, Number.MAX_SAFE_INTEGER] as const;
const time = [0, Number.MAX_SAFE_INTEGER] as const;
/** A payload with what surrounds it must fit into a frame: its length has 24 bits (MS-SMB2 2.1). */
const payload = [65536, 0xfe0000] as const;

const bounds: Readonly<Record<keyof Limits, readonly [least: number, most: number]>> = {
  frameBeforeLogon: [1024, 0xffffff],
  logonMs: some,
  connectionBytes: some,
  totalBytes: some,
  crowdedMs: time,
  maxRead: payload,
  maxWrite: payload,
  maxTransact: payload,
  maxCredits: [1, 2 ** 20],
  requestsForConnection: count,
  maxAsync: count,
  connections: count,
  connectionsForAddress: count,
  sessions: count,
  sessionsForConnection: count,
  sessionsBeforeLogon: count,
  treesForSession: count,
  channelsForSession: count,
  channels: count,
  trees: count,
  opens: count,
  opensForSession: count,
  persistentOpens: count,
  locks: count,
  waiting: count,
  keptBytes: some,
  idleMs: time,
  failedLogonDelayMs: time,
  oplockBreakMs: some,
  durableMs: some,
  maxDurableMs: some,
  resilientMs: some,
  maxResilientMs: some,
  closeMs: time,
};

/** These limits with some of them changed, as a frozen object. @throws RangeError for an unknown name, or a number out of its bounds */
export function changeLimits(now: Limits, changes: Partial<Limits>): Limits {
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) {
    if (!Object.hasOwn(bounds, name)) throw new RangeError(`unknown limit ${name}`);
    const [least, most] = bounds[name as keyof Limits];
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new RangeError(`${name}: a whole number from ${least} to ${most}, not ${inspect(value)}`);
    }
  }
  return Object.freeze({ ...now, ...Object.fromEntries(given) });
}
