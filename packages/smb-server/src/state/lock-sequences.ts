/**
 * Open.LockSequenceArray, MS-SMB2 3.3.1.10: the number of the last successful LOCK in each of 64 places, so that a repeated LOCK is not
 * executed again.
 */
export class LockSequences {
  readonly #numbers = new Map<number, number>();

  /**
   * Whether this LOCK was executed already, MS-SMB2 3.3.5.14. Another number in the same place replaces the old one.
   * @param lockSequence of the request: number in the lower 4 bits, place in the others
   */
  replays(lockSequence: number): boolean {
    const place = lockSequence >>> 4;
    if (this.#numbers.get(place) === (lockSequence & 15)) return true;
    this.#numbers.delete(place);
    return false;
  }

  /** Puts back the number of a place. */
  restore(place: number, number: number): void {
    this.#numbers.set(place, number);
  }

  /** Records a successful LOCK. */
  done(lockSequence: number): void {
    const place = lockSequence >>> 4;
    if (place >= 1 && place <= 64) this.#numbers.set(place, lockSequence & 15);
  }
}
