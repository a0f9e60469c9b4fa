/** A connection that holds fewer bytes is not paused for what other connections of its account hold: small requests have space. */
const smallShare = 64 * 1024;
/** Above this multiple of the limit, no connection of an account that exceeds its share continues. */
const hardLimit = 1.125;

/** The bytes that the connections of one user hold together, or those of one address without a logged-on user. */
export interface Account {
  readonly key: string;
  /** Bytes. */
  held: number;
  /** Number of its connections. */
  connections: number;
}

/**
 * Bytes that all connections together hold: received and unfinished, or unsent. If that is more than the limit, an account that holds more than its share
 * (the limit divided by the accounts that hold something) is to wait; the others continue.
 */
export class Budget {
  #limit: number;
  readonly #accounts = new Map<string, Account>();
  readonly #waiting = new Set<() => void>();
  #held = 0;
  /** Accounts that hold something. */
  #holders = 0;
  /** Times that the limit was no longer exceeded. */
  reliefs = 0;

  /** @param limit bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Changes the limit, bytes: connections that wait are woken if the new limit allows it. */
  set limit(bytes: number) {
    this.#limit = bytes;
    if (!this.over) this.#wake();
  }

  get held(): number {
    return this.#held;
  }

  /** Whether more is held than the limit. */
  get over(): boolean {
    return this.#held > this.#limit;
  }

  /** Bytes that each account may hold while the limit is exceeded. */
  get share(): number {
    return this.#limit / Math.max(1, this.#holders);
  }

  /** The account of a user or an address; it is counted until `leave`. */
  join(key: string): Account {
    let account = this.#accounts.get(key);
    if (account === undefined) this.#accounts.set(key, (account = { key, held: 0, connections: 0 }));
    account.connections++;
    return account;
  }

  /** A connection that holds nothing leaves its account. */
  leave(account: Account): void {
    if (--account.connections === 0) this.#accounts.delete(account.key);
  }

  /**
   * Whether a connection must wait until others have released something. @param held bytes of the connection, which its account includes
   */
  exceeds(account: Account, held: number): boolean {
    return this.over && account.held > this.share && (held > smallShare || this.#held > this.#limit * hardLimit);
  }

  /** Adds a change to an account. @returns whether more is held than the limit */
  change(account: Account, bytes: number): boolean {
    const before = this.over;
    if (bytes !== 0) {
      if (account.held === 0) this.#holders++;
      account.held += bytes;
      if (account.held === 0) this.#holders--;
      this.#held += bytes;
    }
    const { over } = this;
    if (before && !over) this.reliefs++;
    if (!over && bytes <= 0 && this.#waiting.size > 0) this.#wake();
    return over;
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /** Calls `wake` once the limit is no longer exceeded; several calls of one waiter count once. */
  wait(wake: () => void): void {
    this.#waiting.add(wake);
  }

  forget(wake: () => void): void {
    this.#waiting.delete(wake);
  }
}
