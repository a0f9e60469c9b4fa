import { Command } from '@ring3/smb-proto';
import type { VfsCode } from '@ring3/vfs';
import type { BreakLevel } from '../state/index.ts';
import type { Limits } from '../values/limits.ts';
import { disconnect, type Nothing } from '../values/no-response.ts';

/** Upper ends of the buckets of latencies, milliseconds. */
export const latencyBounds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000] as const;
const buckets = latencyBounds.length + 1;
/** Number of commands that are counted separately; all others are counted as one more. */
const commandCount = Math.max(...Object.values(Command)) + 1;

/** Counts by kind. */
export class Tally<K> {
  readonly #counts = new Map<K, number>();

  add(kind: K): void {
    this.#counts.set(kind, this.of(kind) + 1);
  }

  of(kind: K): number {
    return this.#counts.get(kind) ?? 0;
  }

  /** In the order in which each kind first occurred. */
  [Symbol.iterator](): IterableIterator<[kind: K, count: number]> {
    return this.#counts[Symbol.iterator]();
  }
}

/** Responses, times and payload by command: adding to them allocates no object. */
export class RequestNumbers {
  readonly #success = new Float64Array(commandCount + 1);
  readonly #others = new Map<number | Nothing, Float64Array>();
  readonly #latencies = new Float64Array((commandCount + 1) * buckets);
  readonly #milliseconds = new Float64Array(commandCount + 1);
  readonly #waited = new Float64Array(commandCount + 1);
  readonly #moved = new Float64Array(commandCount + 1);

  /** @param outcome the status of the response, or why there is not one */
  answered(command: number, outcome: number | Nothing): void {
    let counts = outcome === 0 ? this.#success : this.#others.get(outcome);
    if (counts === undefined) this.#others.set(outcome, (counts = new Float64Array(commandCount + 1)));
    counts[row(command)]! += 1;
  }

  /** A response was passed to the link. @param ms since its frame had arrived */
  took(command: number, ms: number): void {
    const at = row(command);
    let bucket = 0;
    while (bucket < latencyBounds.length && ms > latencyBounds[bucket]!) bucket++;
    this.#latencies[at * buckets + bucket]! += 1;
    this.#milliseconds[at]! += ms;
  }

  /** A response was late on purpose: its time does not measure the server. */
  waited(command: number): void {
    this.#waited[row(command)]! += 1;
  }

  /** Bytes of payload were read or written. */
  moved(command: number, bytes: number): void {
    this.#moved[row(command)]! += bytes;
  }

  /** Requests by command and outcome: counts above zero. */
  *answers(): Iterable<readonly [command: number, outcome: number | Nothing, count: number]> {
    for (const [command, count] of present(this.#success)) yield [command, 0, count];
    for (const [outcome, counts] of this.#others) for (const [command, count] of present(counts)) yield [command, outcome, count];
  }

  /** Responses by bucket of `latencyBounds`, and seconds in all, of commands that were answered. */
  *latencies(): Iterable<readonly [command: number, counts: Float64Array, seconds: number]> {
    for (let at = 0; at <= commandCount; at++) {
      const counts = this.#latencies.subarray(at * buckets, (at + 1) * buckets);
      if (counts.some((count) => count > 0)) yield [at, counts, this.#milliseconds[at]! / 1000];
    }
  }

  waits(): Iterable<readonly [command: number, count: number]> {
    return present(this.#waited);
  }

  /** Bytes of payload that a command read or wrote. */
  payload(command: Command): number {
    return this.#moved[row(command)]!;
  }
}

const row = (command: number): number => (command < commandCount ? command : commandCount);

function* present(counts: Float64Array): Iterable<readonly [command: number, count: number]> {
  for (let at = 0; at <= commandCount; at++) if (counts[at]! > 0) yield [at, counts[at]!];
}

/** Limits that reject something, those of a share among them. */
export const refusingLimits = [
  'connections',
  'connectionsForAddress',
  'sessions',
  'sessionsForConnection',
  'sessionsBeforeLogon',
  'treesForSession',
  'channelsForSession',
  'channels',
  'trees',
  'opens',
  'opensForSession',
  'fileDescriptors',
  'locks',
  'maxAsync',
  'waiting',
  'keptBytes',
  'frameBeforeLogon',
  'logonMs',
  'failedLogonDelayMs',
  'idleMs',
  'crowdedMs',
  'maxConnections',
  'persistentOpens',
] as const satisfies readonly (keyof Limits | 'maxConnections' | 'fileDescriptors')[];
/** The name of a limit. */
export type RefusingLimit = (typeof refusingLimits)[number];

/** Counts of a running server: plain fields that any part may read. They only grow. */
export class Numbers {
  /** Channels that were added to sessions. */
  channels = 0;
  /** Notifications of breaks that were sent on a further connection. */
  oplockBreaksResent = 0;
  readonly requests: RequestNumbers = new RequestNumbers();
  readonly refused: Tally<RefusingLimit> = new Tally();
  readonly logons: Tally<'user' | 'guest' | 'anonymous'> = new Tally();
  /** By status. */
  readonly logonFailures: Tally<number> = new Tally();
  /** Oplock and lease breaks that a client was notified of, by the remaining level. */
  readonly oplockBreaks: Tally<BreakLevel> = new Tally();
  /** Oplock breaks that were not acknowledged in time. */
  oplockBreaksExpired = 0;
  /** Files whose deletion at their last close failed, by the store's code. */
  readonly notDeleted: Tally<VfsCode> = new Tally();
  /** Turns of the event loop that one request blocked for too long, by command. */
  readonly heldTurns: Tally<number> = new Tally();
  connections = 0;
  /** Of connections that have ended. */
  bytesIn = 0;
  bytesOut = 0;
  errors = 0;
}

/** The name of the reason for a missing response. */
export const nothingName = (outcome: Nothing): string => (outcome === disconnect ? 'Disconnect' : 'NoResponse');
