/** How long the work of one request may hold a turn of the event loop, ms. */
export const turnMs = 2;

/** Resolves in the next turn of the event loop, when others have had theirs. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Says when work has held its turn for `turnMs`. The clock is read at every 16th question. */
export class Turn {
  #until = performance.now() + turnMs;
  #asked = 0;

  /** Whether the turn is over; then `await nextTurn()` and `begin`. */
  get over(): boolean {
    return (++this.#asked & 15) === 0 && performance.now() >= this.#until;
  }

  /** A new turn begins. */
  begin(): void {
    this.#until = performance.now() + turnMs;
  }
}
