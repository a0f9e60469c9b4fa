/** A range that is to be locked, MS-FSA 2.1.5.8: exact 64-bit values. */
export interface LockRange {
  readonly offset: bigint;
  readonly length: bigint;
  readonly exclusive: boolean;
}

/** A lock that is held, with its bounds once exactly and once as numbers. */
interface Held extends LockRange {
  readonly openId: number;
  /** Its first and last byte, at most `beyond`: no I/O gets there, so comparing with I/O stays exact. Of a range without bytes `to` is below `from`. */
  readonly from: number;
  readonly to: number;
}

/** The first offset that no I/O reaches. */
const beyond = 2 ** 53;
const clamp = (value: bigint): number => (value >= 9007199254740992n ? beyond : Number(value));

/** The end of the last range there can be. */
const end64 = 1n << 64n;

/** Whether the range has bytes beyond the largest 64-bit offset: STATUS_INVALID_LOCK_RANGE, MS-FSA 2.1.5.8. */
export const leavesLockSpace = ({ offset, length }: LockRange): boolean => length !== 0n && offset + length > end64;

/**
 * Whether two ranges overlap as locks do, MS-FSA 2.1.4.10. A range without bytes lies between two bytes and overlaps whatever has both; at offset zero it
 * overlaps nothing.
 */
export function rangesOverlap(a: LockRange, b: LockRange): boolean {
  if ((a.offset === 0n && a.length === 0n) || (b.offset === 0n && b.length === 0n)) return false;
  return a.offset < b.offset + b.length && b.offset < a.offset + a.length;
}

/** Whether a lock stands against taking another one, MS-FSA 2.1.4.10: a shared one by the same open goes on top of an exclusive one, never the other way. */
export const locksExclude = (held: LockRange, ownedByAsker: boolean, asked: LockRange): boolean =>
  held.exclusive ? !ownedByAsker || asked.exclusive : asked.exclusive;

/** The byte-range locks of one file (or stream), MS-FSA 2.1.1.7 ByteRangeLockList. Rules alone: who waits is decided elsewhere. */
export class ByteRangeLocks {
  #held: Held[] = [];

  /** Locks that are held. */
  get size(): number {
    return this.#held.length;
  }

  /** Locks that the open holds. */
  countOf(openId: number): number {
    let count = 0;
    for (const held of this.#held) if (held.openId === openId) count++;
    return count;
  }

  /** Those of the open, in the order they were taken. */
  of(openId: number): LockRange[] {
    return this.#held.filter((held) => held.openId === openId).map(({ offset, length, exclusive }) => ({ offset, length, exclusive }));
  }

  /** Whether the open may take the lock now. */
  allows(openId: number, asked: LockRange): boolean {
    for (const held of this.#held) {
      if (locksExclude(held, held.openId === openId, asked) && rangesOverlap(held, asked)) return false;
    }
    return true;
  }

  /**
   * Takes all of the locks, or none.
   * @returns whether they were taken
   */
  take(openId: number, ranges: readonly LockRange[]): boolean {
    const before = this.#held.length;
    for (const range of ranges) {
      if (!this.allows(openId, range)) {
        this.#held.length = before;
        return false;
      }
      this.#add(openId, range);
    }
    return true;
  }

  #add(openId: number, { offset, length, exclusive }: LockRange): void {
    this.#held.push({ openId, offset, length, exclusive, from: clamp(offset), to: clamp(offset + length - 1n) });
  }

  /**
   * Gives one lock of exactly this range back, an exclusive one before the shared ones on top of it. MS-FSA 2.1.5.9.
   * @returns whether there was one
   */
  release(openId: number, offset: bigint, length: bigint): boolean {
    const held = this.#held;
    let found = -1;
    for (let i = 0; i < held.length; i++) {
      const lock = held[i] as Held;
      if (lock.openId !== openId || lock.offset !== offset || lock.length !== length) continue;
      if (found < 0 || lock.exclusive) found = i;
      if (lock.exclusive) break;
    }
    if (found < 0) return false;
    held.splice(found, 1);
    return true;
  }

  /** Gives back all that the open holds. @returns how many */
  releaseAll(openId: number): number {
    const before = this.#held.length;
    if (before === 0) return 0;
    this.#held = this.#held.filter((held) => held.openId !== openId);
    return before - this.#held.length;
  }

  /**
   * Whether reading or writing these bytes meets a lock that forbids it, MS-FSA 2.1.4.10: an exclusive one of another open; for writing also any shared
   * one, the open's own as well.
   * @param offset bytes, below 2^53, as is `offset + length`
   */
  forbids(openId: number, write: boolean, offset: number, length: number): boolean {
    if (length === 0) return false;
    const last = offset + length - 1;
    for (const held of this.#held) {
      if (held.exclusive ? held.openId === openId : !write) continue;
      if (offset <= held.to && last >= held.from) return true;
    }
    return false;
  }
}
