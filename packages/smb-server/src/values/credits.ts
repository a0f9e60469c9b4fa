/**
 * Connection.CommandSequenceWindow, MS-SMB2 3.3.1.1 and 3.3.1.2: which message ids the client may use, each once. Ids below `#low` are
 * used, ids from
 * `#high` on are not granted yet; between them a byte records whether an id is used. The distance is bounded, so that a client that leaves
 * gaps gets no more.
 */
export class CommandSequenceWindow {
  readonly maxCredits: number;
  /** Twice as many ids as credits, and a power of two: gaps may lie between used ids. */
  readonly #span: number;
  /** Allocated when the first id arrives out of order: most clients never need it, so an idle one costs nothing. */
  #used: Uint8Array | undefined;
  /** Ids above `#low` that are used. */
  #ahead = 0;
  #low = 0;
  #high = 1;
  #available = 1;

  /** @param maxCredits ids that may be granted and unused at a time */
  constructor(maxCredits: number) {
    this.maxCredits = maxCredits;
    this.#span = 2 ** Math.ceil(Math.log2(Math.max(16, maxCredits * 2)));
  }

  /** Credits that the client holds. */
  get available(): number {
    return this.#available;
  }

  /**
   * Takes `charge` consecutive ids from `messageId` on, all or none. MS-SMB2 3.3.5.2.3.
   * @returns false if one of them is used already, or was never granted: the connection must be closed
   */
  consume(messageId: number, charge: number): boolean {
    if (!(messageId >= this.#low) || messageId + charge > this.#high) return false;
    if (messageId === this.#low && this.#ahead === 0) this.#low += charge;
    else if (!this.#consumeAhead(messageId, charge)) return false;
    this.#available -= charge;
    return true;
  }

  #consumeAhead(messageId: number, charge: number): boolean {
    const used = (this.#used ??= new Uint8Array(this.#span));
    const mask = used.length - 1;
    for (let id = messageId; id < messageId + charge; id++) if (used[id & mask] === 1) return false;
    for (let id = messageId; id < messageId + charge; id++) used[id & mask] = 1;
    this.#ahead += charge;
    for (; this.#ahead > 0 && used[this.#low & mask] === 1; this.#ahead--) used[this.#low++ & mask] = 0;
    return true;
  }

  /**
   * Grants credits for one response, MS-SMB2 3.3.1.2.
   * @param asked credits in the request header, 0..65535
   * @param limit ids that may be granted and unused now; never more than the window was made for
   * @returns credits to grant; at least 1 while the client holds none, because clients stall there
   */
  grant(asked: number, limit = this.maxCredits): number {
    const span = this.#span - (this.#high - this.#low);
    const room = Math.min(limit, this.maxCredits) - this.#available;
    const least = this.#available === 0 ? 1 : 0;
    const granted = Math.max(least, Math.min(Math.max(asked, 1), room, span));
    this.#high += granted;
    this.#available += granted;
    return granted;
  }
}
