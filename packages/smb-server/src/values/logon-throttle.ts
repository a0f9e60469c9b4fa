import type { Clock } from '@ring3/kit';

/** Failures in a row that cost no time: of one name at one address, of all names at one address, of one name at all addresses. */
const burst = { pair: 8, address: 32, name: 32 } as const;
/** Maximum time that an attempt waits for its turn, ms. */
const longestMs = 2000;
/** Time for which a name that failed at an address counts as known there, ms. */
const latelyMs = 600_000;
/** Names and addresses that are remembered, of each kind; then the least recently used one is dropped. */
const maxRemembered = 65_536;

/** Attempts by key: the time at which all of them are paid for, at one for each interval. */
class Rate {
  readonly #burst: number;
  readonly #due = new Map<string, number>();

  constructor(free: number) {
    this.#burst = free;
  }

  /** Milliseconds until one more attempt may be made. */
  wait(key: string, now: number, intervalMs: number): number {
    return Math.max(0, (this.#due.get(key) ?? 0) - now - (this.#burst - 1) * intervalMs);
  }

  /** Whether there was a recent attempt. */
  tried(key: string, now: number): boolean {
    const due = this.#due.get(key);
    return due !== undefined && due + latelyMs > now;
  }

  /** Counts one more attempt. @param longest maximum time that the next one waits, ms */
  charge(key: string, now: number, intervalMs: number, longest = Number.POSITIVE_INFINITY): void {
    const due = Math.max(this.#due.get(key) ?? 0, now) + intervalMs;
    remember(this.#due, key, Math.min(due, now + (this.#burst - 1) * intervalMs + longest));
  }

  /** A successful attempt costs nothing. */
  refund(key: string, intervalMs: number): void {
    const due = this.#due.get(key);
    if (due !== undefined) this.#due.set(key, due - intervalMs);
  }

  forget(key: string): void {
    this.#due.delete(key);
  }
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= maxRemembered) return;
  const { value: oldest } = map.keys().next();
  map.delete(oldest as string);
}

/**
 * Limits the rate of password attempts. Each attempt is paid for when it is made, and costs nothing if it succeeds.
 *
 * - One name at one address: after a few failures one attempt in an interval; an attempt whose turn is too far away is rejected unseen.
 * - All names at one address together have such a limit as well. It does not apply to an attempt for a name that has not failed there
 * lately: a user who shares an address with a guesser, and knows the password, can log on.
 * - One name at all addresses: attempts wait, but are never rejected, so that a user cannot be locked out from elsewhere. A name that has
 * logged on from an address before does not wait there for attempts of others.
 */
export class LogonThrottle {
  readonly #clock: Clock;
  readonly #pairs = new Rate(burst.pair);
  readonly #addresses = new Rate(burst.address);
  readonly #names = new Rate(burst.name);
  /** Names with the addresses that they have logged on from. */
  readonly #known = new Map<string, true>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * An attempt to log on.
   * @param intervalMs for each failure after the first few; 0: no limit
   * @returns milliseconds until the password may be checked; undefined: not at all
   */
  attempt(user: string, network: string, intervalMs: number): number | undefined {
    if (intervalMs === 0) return 0;
    const now = this.#clock.now();
    const [name, pair] = keysOf(user, network);
    const known = this.#known.has(pair);
    const limited = !known && this.#pairs.tried(pair, now);
    const wait = Math.max(this.#pairs.wait(pair, now, intervalMs), limited ? this.#addresses.wait(network, now, intervalMs) : 0);
    if (wait > longestMs) return undefined;
    const byName = known ? 0 : Math.min(longestMs, this.#names.wait(name, now, intervalMs));
    this.#pairs.charge(pair, now, intervalMs);
    this.#addresses.charge(network, now, intervalMs, longestMs + intervalMs);
    this.#names.charge(name, now, intervalMs, longestMs);
    return Math.max(wait, byName);
  }

  /** An attempt was successful. */
  succeeded(user: string, network: string, intervalMs: number): void {
    const [name, pair] = keysOf(user, network);
    remember(this.#known, pair, true);
    this.#pairs.forget(pair);
    this.#addresses.refund(network, intervalMs);
    this.#names.refund(name, intervalMs);
  }
}

/** Names are compared without case, as users are. */
const keysOf = (user: string, network: string): [name: string, pair: string] => {
  const name = user.toLowerCase().slice(0, 256);
  return [name, `${network} ${name}`];
};
