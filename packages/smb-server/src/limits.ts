import { inspect } from 'node:util';

/**
 * What one client may cost, and all together. Sizes in bytes, times in milliseconds; whole numbers. Changed while the server runs, they hold at once; what a
 * connection has agreed on with its client (`maxRead`, `maxWrite`, `maxTransact`, more credits than before) and what it started with (`frameBeforeLogon`,
 * `logonMs`) it keeps.
 */
export interface Limits {
  /** A frame before somebody has logged on. */
  readonly frameBeforeLogon: number;
  /** Time until somebody has to have logged on. */
  readonly logonMs: number;
  /** Received and unfinished, being read, or unsent, for a connection. */
  readonly connectionBytes: number;
  /** The same for all connections together. Beyond it users and addresses that hold more than their share wait; the others continue. */
  readonly totalBytes: number;
  /** Until connections of those that hold the most are ended, as many as needed, because those are exceeded. */
  readonly crowdedMs: number;
  /** MaxReadSize, MaxWriteSize, MaxTransactSize; 64 KiB at 2.0.2. */
  readonly maxRead: number;
  readonly maxWrite: number;
  readonly maxTransact: number;
  readonly maxCredits: number;
  /** Requests of a connection that are worked on at a time; what is more waits for its turn. Those that wait for something do not count here. */
  readonly requestsForConnection: number;
  /** Requests of a connection that wait (for a lock, a change, a break); one more is answered INSUFFICIENT_RESOURCES (MS-SMB2 3.3.4.2). */
  readonly maxAsync: number;
  /** Connections; the oldest on which nobody has logged on makes room, else one more is closed at once. */
  readonly connections: number;
  readonly connectionsForAddress: number;
  /** Log-ons that are complete; one more is answered REQUEST_NOT_ACCEPTED (MS-ERREF 2.3.1). A client that comes back for its previous session is none more. */
  readonly sessions: number;
  /** Beyond it INSUFFICIENT_RESOURCES is answered; so beyond `sessionsBeforeLogon` and `treesForSession`. */
  readonly sessionsForConnection: number;
  /** Log-ons that are begun on a connection and not complete; where somebody has logged on, the oldest of them makes room. */
  readonly sessionsBeforeLogon: number;
  readonly treesForSession: number;
  /** In all; a user holds less than four times what is free (quota.ts). So are `opens`, `locks`, `waiting`, `keptBytes`, `sessions`, and connections with a logon. */
  readonly trees: number;
  /** Files, folders and pipes that are open; beyond it TOO_MANY_OPENED_FILES is answered (MS-SMB2 3.3.5.9). */
  readonly opens: number;
  readonly opensForSession: number;
  /** Byte-range locks that are held; beyond it INSUFFICIENT_RESOURCES is answered. */
  readonly locks: number;
  /** Requests of all connections that wait, as `maxAsync`. */
  readonly waiting: number;
  /** What is kept until a client asks for it: changes of directories, responses of pipes. */
  readonly keptBytes: number;
  /** Until a connection that sent nothing, has no file open and nothing in flight is let go; 0: never. */
  readonly idleMs: number;
  /** Before a failed log-on is answered; and, after the first few failures, the time for each further attempt of an address (logon-throttle.ts). 0: neither. */
  readonly failedLogonDelayMs: number;
  /** Until a broken oplock counts as acknowledged. */
  readonly oplockBreakMs: number;
  /** How long a durable open waits for its client if the client does not say, and at most; MS-SMB2 3.3.2.2. */
  readonly durableMs: number;
  readonly maxDurableMs: number;
  /** Until `close` waits no more for stores that do not answer. */
  readonly closeMs: number;
}

/** What holds unless the embedder says otherwise. */
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
  trees: 262144,
  opens: 262144,
  opensForSession: 16384,
  locks: 524288,
  waiting: 65536,
  keptBytes: 256 * 1024 * 1024,
  idleMs: 0,
  failedLogonDelayMs: 250,
  oplockBreakMs: 35_000,
  durableMs: 60_000,
  maxDurableMs: 300_000,
  closeMs: 10_000,
});

/** The least and the most of a count; of a size, or a time that cannot be nothing; of a time. */
const count = [1, 2 ** 31 - 1] as const;
const some = [1, Number.MAX_SAFE_INTEGER] as const;
const time = [0, Number.MAX_SAFE_INTEGER] as const;
/** A payload with what comes around it has to fit into a frame: its length has 24 bits (MS-SMB2 2.1). */
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
  trees: count,
  opens: count,
  opensForSession: count,
  locks: count,
  waiting: count,
  keptBytes: some,
  idleMs: time,
  failedLogonDelayMs: time,
  oplockBreakMs: some,
  durableMs: some,
  maxDurableMs: some,
  closeMs: time,
};

/** These limits with some of them changed, as a frozen object. @throws RangeError for a name that is no limit, or a number out of its bounds */
export function changeLimits(now: Limits, changes: Partial<Limits>): Limits {
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) {
    if (!Object.hasOwn(bounds, name)) throw new RangeError(`no such limit: ${name}`);
    const [least, most] = bounds[name as keyof Limits];
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new RangeError(`${name}: a whole number from ${least} to ${most}, not ${inspect(value)}`);
    }
  }
  return Object.freeze({ ...now, ...Object.fromEntries(given) });
}
