/** A user may hold at most this many times what is free. */
const timesFree = 4;

/**
 * A count with a limit for all users together, shared between them: a user may take more only while it holds less than four times what is
 * free. So one user gets four fifths of the limit, two get four ninths each, and however much others hold, some is free for a user who
 * holds nothing.
 */
export class Quota {
  readonly #limit: () => number;
  readonly #held = new Map<string, number>();
  #total = 0;

  /** @param limit returns the current limit for all users */
  constructor(limit: () => number) {
    this.#limit = limit;
  }

  /** What all users hold. */
  get total(): number {
    return this.#total;
  }

  /** What a user holds. */
  of(owner: string): number {
    return this.#held.get(owner) ?? 0;
  }

  /** Whether a user may hold this many more. @param released what the user releases for it */
  may(owner: string, count = 1, released = 0): boolean {
    const free = this.#limit() - this.#total + released - count;
    return free >= 0 && this.of(owner) - released + count - 1 < timesFree * (free + 1);
  }

  add(owner: string, count = 1): void {
    this.#total += count;
    this.#held.set(owner, this.of(owner) + count);
  }

  remove(owner: string, count = 1): void {
    this.#total -= count;
    const rest = this.of(owner) - count;
    if (rest > 0) this.#held.set(owner, rest);
    else this.#held.delete(owner);
  }
}
