/** Bytes that all connections together hold: received and unfinished, or unsent. Whoever is paused for that is woken when there is room again. */
export class Budget {
  #limit: number;
  readonly #waiting = new Set<() => void>();
  #held = 0;
  /** Times that there was room again. */
  reliefs = 0;

  /** @param limit bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Changes the limit, bytes: who waits is woken where there is room now. */
  set limit(bytes: number) {
    this.#limit = bytes;
    this.change(0);
  }

  get held(): number {
    return this.#held;
  }

  /** Whether more is held than may be. */
  get over(): boolean {
    return this.#held > this.#limit;
  }

  /** Books a change. @returns whether more is held than may be */
  change(bytes: number): boolean {
    const before = this.over;
    this.#held += bytes;
    const { over } = this;
    if (before && !over) this.reliefs++;
    if (!over && bytes <= 0 && this.#waiting.size > 0) {
      const waiting = [...this.#waiting];
      this.#waiting.clear();
      for (const wake of waiting) wake();
    }
    return over;
  }

  /** Calls once there is room again; several calls of one waiter count once. */
  wait(wake: () => void): void {
    this.#waiting.add(wake);
  }

  forget(wake: () => void): void {
    this.#waiting.delete(wake);
  }
}
