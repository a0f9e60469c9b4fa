/** A reference count for an object of a store that must not be closed while a request uses it. */
export abstract class RefCounted {
  #users = 0;
  #idle: (() => void) | undefined;

  /** Adds a reference. */
  enter(): void {
    this.#users++;
  }

  leave(): void {
    if (--this.#users === 0) this.#idle?.();
  }

  /** Whether it has no reference. */
  get idle(): boolean {
    return this.#users === 0;
  }

  /** Calls when the last reference is released. */
  whenIdle(call: () => void): void {
    this.#idle = call;
  }
}
