/** Something that a store keeps open, and that may not be closed while a request uses it. */
export abstract class InUse {
  #users = 0;
  #idle: (() => void) | undefined;

  /** Keeps it from being closed. */
  enter(): void {
    this.#users++;
  }

  leave(): void {
    if (--this.#users === 0) this.#idle?.();
  }

  /** Whether nobody uses it. */
  get idle(): boolean {
    return this.#users === 0;
  }

  /** Calls when the last one has left. */
  whenIdle(call: () => void): void {
    this.#idle = call;
  }
}
