import { boundAt, boundOf, type Interval, LockTree } from './lock-tree.ts';

/** A range that is to be locked, MS-FSA 2.1.5.8: exact 64-bit values. */
export interface LockRange {
  readonly offset: bigint;
  readonly length: bigint;
  readonly exclusive: boolean;
}

/** A part of a range, and how it is locked. */
export interface LockSegment {
  readonly offset: bigint;
  readonly length: bigint;
  readonly how: 'shared' | 'exclusive' | 'none';
}

/** A lock that is held. */
interface Held extends LockRange, Interval {}

/** The end of the last range there can be. */
const end64 = 1n << 64n;

/** Whether the range has bytes beyond the largest 64-bit offset: STATUS_INVALID_LOCK_RANGE, MS-FSA 2.1.5.8. */
export const leavesLockSpace = ({ offset, length }: LockRange): boolean => length !== 0n && offset + length > end64;

/**
 * Whether two ranges overlap as locks do, MS-FSA 2.1.4.10. A range without bytes lies between two bytes and overlaps a range that has both;
 * at offset zero it overlaps nothing.
 */
export function rangesOverlap(a: LockRange, b: LockRange): boolean {
  if ((a.offset === 0n && a.length === 0n) || (b.offset === 0n && b.length === 0n)) return false;
  return a.offset < b.offset + b.length && b.offset < a.offset + a.length;
}

/**
 * Whether a lock conflicts with a new one, MS-FSA 2.1.4.10: a shared one by the same open may overlap an exclusive one, but not the
 * reverse.
 */
export const locksExclude = (held: LockRange, ownedByAsker: boolean, asked: LockRange): boolean =>
  held.exclusive ? !ownedByAsker || asked.exclusive : asked.exclusive;

/** The exclusive and the shared locks of one open on exactly one range. */
interface Stack {
  readonly exclusive: Held[];
  readonly shared: Held[];
}

/** The byte-range locks of one file (or stream), MS-FSA 2.1.1.7 ByteRangeLockList. Rules only: waiting is implemented elsewhere. */
export class ByteRangeLocks {
  /** Those of each open, in the order they were taken. */
  readonly #byOpen = new Map<number, Set<Held>>();
  readonly #byRange = new Map<string, Stack>();
  readonly #tree = new LockTree<Held>();
  #size = 0;

  /** Locks that are held. */
  get size(): number {
    return this.#size;
  }

  /** Locks that the open holds. */
  countOf(openId: number): number {
    return this.#byOpen.get(openId)?.size ?? 0;
  }

  /** Those of the open, in the order they were taken. */
  of(openId: number): LockRange[] {
    return [...(this.#byOpen.get(openId) ?? [])].map(({ offset, length, exclusive }) => ({ offset, length, exclusive }));
  }

  /** Whether the open may take the lock now: as `locksExclude` and `rangesOverlap` say for each lock that is held. */
  allows(openId: number, { offset, length, exclusive }: LockRange): boolean {
    if (this.#size === 0 || (offset === 0n && length === 0n)) return true;
    return !this.#tree.overlaps(boundOf(offset), boundOf(offset + length), exclusive ? 'any' : 'exclusive of others', openId);
  }

  /**
   * Takes all of the locks, or none.
   * @returns whether they were taken
   */
  take(openId: number, ranges: readonly LockRange[]): boolean {
    const taken: Held[] = [];
    for (const range of ranges) {
      if (!this.allows(openId, range)) {
        for (const held of taken) this.#remove(held);
        return false;
      }
      taken.push(this.#add(openId, range));
    }
    return true;
  }

  #add(openId: number, { offset, length, exclusive }: LockRange): Held {
    const held: Held = { openId, offset, length, exclusive, start: boundOf(offset), end: boundOf(offset + length) };
    const own = this.#byOpen.get(openId) ?? new Set();
    this.#byOpen.set(openId, own.add(held));
    const key = keyOf(openId, offset, length);
    const stack = this.#byRange.get(key) ?? { exclusive: [], shared: [] };
    this.#byRange.set(key, stack);
    (exclusive ? stack.exclusive : stack.shared).push(held);
    if (offset !== 0n || length !== 0n) this.#tree.add(held); // no bytes at offset zero overlap nothing
    this.#size++;
    return held;
  }

  /** Removes a lock that is the last of its stack. */
  #remove(held: Held): void {
    const { openId, offset, length, exclusive } = held;
    const key = keyOf(openId, offset, length);
    const stack = this.#byRange.get(key) as Stack;
    (exclusive ? stack.exclusive : stack.shared).pop();
    if (stack.exclusive.length + stack.shared.length === 0) this.#byRange.delete(key);
    const own = this.#byOpen.get(openId) as Set<Held>;
    own.delete(held);
    if (own.size === 0) this.#byOpen.delete(openId);
    this.#tree.remove(held);
    this.#size--;
  }

  /**
   * Releases one lock of exactly this range, an exclusive one before the shared ones on top of it. MS-FSA 2.1.5.9.
   * @returns whether there was one
   */
  release(openId: number, offset: bigint, length: bigint): boolean {
    const stack = this.#byRange.get(keyOf(openId, offset, length));
    const held = stack?.exclusive.at(-1) ?? stack?.shared.at(-1);
    if (held === undefined) return false;
    this.#remove(held);
    return true;
  }

  /** How the bytes of a range are locked, by all opens together: parts in order, without gaps. @param length at least 1 */
  coverage(offset: bigint, length: bigint): LockSegment[] {
    const end = offset + length;
    /** The bounds of locks, with the change of the number of exclusive and shared locks at each. */
    const changes: { readonly at: bigint; readonly exclusive: number; readonly shared: number }[] = [];
    for (const { offset: first, length: bytes, exclusive } of [...this.#byOpen.values()].flatMap((own) => [...own])) {
      const [from, to] = [first > offset ? first : offset, first + bytes < end ? first + bytes : end];
      if (from >= to) continue;
      const change = exclusive ? { exclusive: 1, shared: 0 } : { exclusive: 0, shared: 1 };
      changes.push({ at: from, ...change }, { at: to, exclusive: -change.exclusive, shared: -change.shared });
    }
    changes.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
    changes.push({ at: end, exclusive: 0, shared: 0 });
    const segments: LockSegment[] = [];
    let at = offset;
    let [exclusive, shared] = [0, 0];
    for (const change of changes) {
      if (change.at > at) {
        const how = exclusive > 0 ? 'exclusive' : shared > 0 ? 'shared' : 'none';
        const last = segments.at(-1);
        if (last?.how === how) segments[segments.length - 1] = { ...last, length: change.at - last.offset };
        else segments.push({ offset: at, length: change.at - at, how });
        at = change.at;
      }
      exclusive += change.exclusive;
      shared += change.shared;
    }
    return segments;
  }

  /** Releases all that the open holds. @returns how many */
  releaseAll(openId: number): number {
    const own = [...(this.#byOpen.get(openId) ?? [])];
    for (const held of own.reverse()) this.#remove(held); // the last first, as they are stacked
    return own.length;
  }

  /**
   * Whether reading or writing these bytes meets a lock that forbids it, MS-FSA 2.1.4.10: an exclusive one of another open; for writing also any shared
   * one, the open's own as well.
   * @param offset bytes, below 2^53, as is `offset + length`
   */
  forbids(openId: number, write: boolean, offset: number, length: number): boolean {
    if (length === 0 || this.#size === 0) return false;
    const search = write ? 'shared, or exclusive of others' : 'exclusive of others';
    return this.#tree.overlaps(boundAt(offset), boundAt(offset + length), search, openId);
  }
}

const keyOf = (openId: number, offset: bigint, length: bigint): string => `${openId} ${offset} ${length}`;
