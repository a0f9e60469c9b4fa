/** Open.LockSequenceArray, MS-SMB2 3.3.1.10: by number, the last LOCK that went well in each of 64 places; so one that is sent again is not done again. */
export class LockSequences {
  readonly #numbers = new Map<number, number>();

  /**
   * Whether this LOCK was done already, MS-SMB2 3.3.5.14. Another number in the same place takes the place over.
   * @param lockSequence of the request: number in the lower 4 bits, place in the others
   */
  replays(lockSequence: number): boolean {
    const place = lockSequence >>> 4;
    if (this.#numbers.get(place) === (lockSequence & 15)) return true;
    this.#numbers.delete(place);
    return false;
  }

  /** Remembers a LOCK that went well. */
  done(lockSequence: number): void {
    const place = lockSequence >>> 4;
    if (place >= 1 && place <= 64) this.#numbers.set(place, lockSequence & 15);
  }
}
