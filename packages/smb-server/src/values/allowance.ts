/** Bytes that may be allocated for what clients have announced and not sent yet, for all connections together. */
export class Allowance {
  #left: number;

  /** @param bytes at a time */
  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** @returns false if less is left; then nothing was taken */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#left += bytes;
  }
}
