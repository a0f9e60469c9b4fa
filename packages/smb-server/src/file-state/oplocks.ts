import { type Break, breaksOfOthers, breaksOwnLevelII, type HeldLevel, type Operation, oplockLevels } from './oplock-breaks.ts';

/** Whose caching an oplock allows: an open, or later whatever opens share a lease key. Operations of the same owner do not break it. */
export type OplockOwner = number | string;

/** One oplock that is held, MS-FSA 2.1.1.10. */
export interface Oplock {
  readonly owner: OplockOwner;
  /** The open that is told of a break. */
  readonly openId: number;
  level: HeldLevel;
  /** Open.OplockState Breaking, MS-SMB2 3.3.1.10: what it is broken to, until that is acknowledged. */
  breaking: Exclude<Break, 'keep'> | undefined;
}

/** What has to be told to the holder of an oplock. */
export interface OplockBreakEffect {
  readonly openId: number;
  readonly level: Exclude<Break, 'keep'>;
  /** The holder has to answer, and somebody waits for it. */
  readonly acknowledge: boolean;
}

const rank = (level: HeldLevel | 'none'): number => oplockLevels.indexOf(level as HeldLevel);

/** The oplocks of one file (or stream). Rules alone: telling, waiting and time belong to others. At most one is exclusive or batch, and then it is the only one. */
export class Oplocks {
  readonly #held = new Map<OplockOwner, Oplock>();

  /** The open with an exclusive or batch oplock, also while it is broken; 0 for none. */
  get exclusive(): number {
    for (const { level, openId } of this.#held.values()) if (level !== 'levelII') return openId;
    return 0;
  }

  /** How many hold level II. */
  get levelII(): number {
    return this.exclusive === 0 ? this.#held.size : 0;
  }

  get size(): number {
    return this.#held.size;
  }

  /** That of an owner. */
  of(owner: OplockOwner): Oplock | undefined {
    return this.#held.get(owner);
  }

  /**
   * Grants an oplock, MS-FSA 2.1.5.18.1: exclusive and batch to an open that is alone, level II wherever no other has more and no bytes are locked.
   * @param alone no other open could see or change the data
   * @param locked byte-range locks are held
   * @returns what was granted: at most what was asked for
   */
  request(owner: OplockOwner, openId: number, asked: HeldLevel, alone: boolean, locked: boolean): HeldLevel | 'none' {
    const level: HeldLevel = alone && this.#held.size === 0 ? asked : 'levelII';
    if (level === 'levelII' && (this.exclusive !== 0 || locked)) return 'none';
    this.#held.set(owner, { owner, openId, level, breaking: undefined });
    return level;
  }

  /**
   * Breaks what an operation does not go with. MS-FSA 2.1.4.12.
   * @param tell called for each holder that has to hear of it
   * @param only the one level that is looked at; all, where missing
   * @returns whether the operation may go on now; else when the break is over
   */
  check(operation: Operation, owner: OplockOwner, tell: (effect: OplockBreakEffect) => void, only?: HeldLevel): boolean {
    let free = true;
    for (const oplock of this.#held.values()) {
      const { level } = oplock;
      if (only !== undefined && level !== only) continue;
      if (oplock.owner === owner && !(level === 'levelII' && breaksOwnLevelII.has(operation))) continue;
      const to = breaksOfOthers[operation][rank(level)] as Break;
      if (to === 'keep') continue;
      if (level === 'levelII') this.#held.delete(oplock.owner);
      else free = false;
      if (oplock.breaking !== undefined) continue;
      if (level !== 'levelII') oplock.breaking = to;
      tell({ openId: oplock.openId, level: to, acknowledge: level !== 'levelII' });
    }
    return free;
  }

  /**
   * Takes the holder's answer, MS-FSA 2.1.5.19 and MS-SMB2 3.3.5.22.1. A wrong one ends the oplock.
   * @returns whether it was right; undefined where no break was going on
   */
  acknowledge(owner: OplockOwner, level: HeldLevel | 'none'): boolean | undefined {
    const oplock = this.#held.get(owner);
    if (oplock?.breaking === undefined) return undefined;
    const right = rank(level) <= rank(oplock.breaking);
    if (!right || level === 'none') this.#held.delete(owner);
    else {
      oplock.level = level;
      oplock.breaking = undefined;
    }
    return right;
  }

  /** The holder did not answer in time: nothing is left to it. @returns whether a break was going on. MS-SMB2 3.3.6.1 */
  expire(owner: OplockOwner): boolean {
    return this.#held.get(owner)?.breaking !== undefined && this.#held.delete(owner);
  }

  /** The owner is gone. */
  release(owner: OplockOwner): void {
    this.#held.delete(owner);
  }
}
