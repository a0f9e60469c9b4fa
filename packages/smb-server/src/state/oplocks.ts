import {
  type BreakLevel,
  breakOf,
  breaksOwnLevelII,
  Caching,
  cachingBits,
  commonOf,
  type HeldLease,
  type HeldLevel,
  type HeldOplock,
  isLease,
  type Level,
  leaseOf,
  needsAcknowledgment,
  type Operation,
  waitsFor,
} from './caching.ts';

/** The owner of an oplock: the id of its open, or the id of the lease that several opens share. Both come from one sequence. An owner does not break its own oplock. */
export type OplockOwner = number;

/** An oplock or a lease, MS-FSA 2.1.1.10. */
export interface Oplock {
  readonly owner: OplockOwner;
  level: HeldLevel;
  /** Open.OplockState Breaking, MS-SMB2 3.3.1.10; Lease.BreakToLeaseState, 3.3.1.12: the level in the notification to the holder, until it acknowledges. */
  breaking: BreakLevel | undefined;
  /** Of a lease: a weaker level that another operation needs meanwhile, broken to after the acknowledgment. An operation on an oplock waits and is checked again. */
  further: BreakLevel | undefined;
  /** The break follows another one without a pause: operations that waited for the first one wait for this one too. */
  chained: boolean;
  /** Lease.Epoch, MS-SMB2 3.3.1.12: counts the changes of its state. 0 for an oplock. */
  epoch: number;
}

/** The notification that the holder of an oplock or lease has to get. */
export interface OplockBreakEffect {
  readonly owner: OplockOwner;
  readonly from: HeldLevel;
  readonly level: BreakLevel;
  /** The holder has to acknowledge. */
  readonly acknowledge: boolean;
  /** Of a lease: its epoch after this change. */
  readonly epoch: number;
}

/** The result of a lease request. */
export interface LeaseGrant {
  readonly level: HeldLease | 'none';
  /** SMB2_LEASE_FLAG_BREAK_IN_PROGRESS. */
  readonly breaking: boolean;
  readonly epoch: number;
}

/** The result of an acknowledgment. */
export type Acknowledged = 'accepted' | 'tooMuch' | 'notBreaking';

const isWithin = (level: Level, limit: Level): boolean => (cachingBits[level] & ~cachingBits[limit]) === 0;

/**
 * The oplocks and leases of one file or stream. Rules only: notification, waiting and time are elsewhere. At most one allows write caching, and then it is
 * the only one.
 */
export class Oplocks {
  readonly #held = new Map<OplockOwner, Oplock>();
  /** Owners whose level II oplock was broken to none, until they have another or are released: Breaking in MS-SMB2 3.3.4.6, without a break of the file to complete. */
  readonly #brokenLevelII = new Set<OplockOwner>();

  /** Lease.Epoch of leases whose state is NONE, while they have opens. */
  readonly #epochs = new Map<OplockOwner, number>();

  /** The owner with write caching, also during its break; 0 for none. */
  get exclusive(): OplockOwner {
    for (const { level, owner } of this.#held.values()) if ((cachingBits[level] & Caching.Write) !== 0) return owner;
    return 0;
  }

  /** Number of owners without write caching. */
  get readers(): number {
    return this.exclusive === 0 ? this.#held.size : 0;
  }

  /** The owner of a lease that is the only reader, and so may write without a check; 0 for none. */
  get onlyLease(): OplockOwner {
    if (this.#held.size !== 1) return 0;
    for (const { level, owner } of this.#held.values()) if (isLease(level)) return owner;
    return 0;
  }

  get size(): number {
    return this.#held.size;
  }

  /** Lease.Epoch of an owner's lease; 0 of an oplock. */
  epochOf(owner: OplockOwner): number {
    return this.#held.get(owner)?.epoch ?? this.#epochs.get(owner) ?? 0;
  }

  /** The oplock or lease of an owner. */
  of(owner: OplockOwner): Oplock | undefined {
    return this.#held.get(owner);
  }

  /**
   * Grants an oplock, MS-FSA 2.1.5.18.1: exclusive and batch to the only open, level II if no other owner has more and no bytes are locked.
   * @param alone no other open can read or change the data
   * @param locked byte-range locks are held
   * @returns the granted level: at most the requested one
   */
  request(owner: OplockOwner, asked: HeldOplock, alone: boolean, locked: boolean): HeldOplock | 'none' {
    const level: HeldOplock = alone && this.#held.size === 0 ? asked : 'levelII';
    if (level === 'levelII' && (this.exclusive !== 0 || locked || this.#some(keepsHandles))) return 'none';
    this.#held.set(owner, { owner, level, breaking: undefined, further: undefined, chained: false, epoch: 0 });
    this.#brokenLevelII.delete(owner);
    return level;
  }

  /**
   * Grants a lease, or raises one if all that is requested can be granted, MS-FSA 2.1.5.18 and MS-SMB2 3.3.5.9.8, 3.3.5.9.11: write caching if no other owner has the file open, handle caching if no
   * other owner has a level II oplock, read caching if no other owner has write caching and no bytes are locked.
   * @param epoch the epoch of the request: the start for a new lease; one whose state is NONE continues with its own
   */
  requestLease(owner: OplockOwner, asked: number, alone: boolean, locked: boolean, epoch: number): LeaseGrant {
    const held = this.#held.get(owner);
    const current: HeldLease | 'none' = held !== undefined && isLease(held.level) ? held.level : 'none';
    if (held?.breaking !== undefined) return { level: current, breaking: true, epoch: held.epoch };
    const wanted = leaseOf(asked);
    const level = this.#grantable(owner, wanted, alone, locked);
    const raises = current === 'none' || (level === wanted && level !== current && isWithin(current, level));
    const known = held?.epoch ?? this.#epochs.get(owner) ?? epoch;
    if (level === 'none' || !raises) return { level: current, breaking: false, epoch: known };
    const raised = known + 1;
    this.#epochs.delete(owner);
    this.#held.set(owner, { owner, level, breaking: undefined, further: undefined, chained: false, epoch: raised & 0xffff });
    return { level, breaking: false, epoch: raised & 0xffff };
  }

  #grantable(owner: OplockOwner, asked: HeldLease | 'none', alone: boolean, locked: boolean): HeldLease | 'none' {
    let bits: number = cachingBits[asked];
    const others = [...this.#held.values()].filter((one) => one.owner !== owner);
    if (others.some(({ level }) => (cachingBits[level] & Caching.Write) !== 0)) return 'none';
    if (!alone || others.length > 0) bits &= ~Caching.Write;
    if (others.some(({ level }) => level === 'levelII')) bits &= ~Caching.Handle;
    if ((bits & Caching.Write) === 0 && locked) return 'none';
    return leaseOf(bits);
  }

  #some(test: (level: HeldLevel) => boolean): boolean {
    for (const { level } of this.#held.values()) if (test(level)) return true;
    return false;
  }

  /**
   * Breaks the oplocks and leases that an operation conflicts with. MS-FSA 2.1.4.12.
   * @param notify called for each holder that must be notified
   * @param only the only level to check; default: all
   * @returns whether the operation may continue now; otherwise after the break
   */
  check(operation: Operation, owner: OplockOwner, notify: (effect: OplockBreakEffect) => void, only?: HeldLevel): boolean {
    let free = true;
    for (const oplock of this.#held.values()) {
      const { level } = oplock;
      if (only !== undefined && level !== only) continue;
      if (oplock.owner === owner && !(level === 'levelII' && breaksOwnLevelII.has(operation))) continue;
      if (oplock.chained) free = false;
      const to = breakOf(operation, level);
      if (to === 'keep') continue;
      if (waitsFor(operation, level)) free = false;
      this.#break(oplock, to, notify);
    }
    return free;
  }

  /** @param epoch the epoch after the break: that of the previous break if it continues that one */
  #break(oplock: Oplock, to: BreakLevel, notify: (effect: OplockBreakEffect) => void, epoch = (oplock.epoch + 1) & 0xffff): void {
    const { owner, level: from, breaking } = oplock;
    if (breaking !== undefined) {
      const limit = oplock.further ?? breaking;
      if (isLease(from) && !isWithin(limit, to)) oplock.further = commonOf(limit, to);
      return;
    }
    const acknowledge = needsAcknowledgment(from);
    if (isLease(from)) oplock.epoch = epoch;
    if (acknowledge) oplock.breaking = to;
    else if (to === 'none') this.#end(oplock);
    else oplock.level = to;
    notify({ owner, from, level: to, acknowledge, epoch: oplock.epoch });
  }

  /** Breaks an acknowledged level again: one kind of caching after the other, handle caching first. */
  #breakFurther(oplock: Oplock, to: BreakLevel, notify: (effect: OplockBreakEffect) => void): void {
    const step = keepsHandles(oplock.level) && to === 'none' ? 'R' : to;
    this.#break(oplock, step, notify, oplock.epoch);
    if (oplock.breaking === undefined) return;
    oplock.chained = true;
    if (step !== to) oplock.further = to;
  }

  /**
   * Takes the holder's acknowledgment, MS-FSA 2.1.5.19, MS-SMB2 3.3.5.22.1 and 3.3.5.22.2. A wrong one ends an oplock; a lease keeps breaking.
   * @param notify called if another operation meanwhile needs a weaker level than the acknowledged one
   */
  acknowledge(owner: OplockOwner, level: Level, notify: (effect: OplockBreakEffect) => void): Acknowledged {
    if (this.#brokenLevelII.delete(owner)) return 'tooMuch';
    const oplock = this.#held.get(owner);
    if (oplock?.breaking === undefined) return 'notBreaking';
    if (!isWithin(level, oplock.breaking)) {
      if (!isLease(oplock.level)) this.#held.delete(owner);
      return 'tooMuch';
    }
    const { further } = oplock;
    oplock.breaking = undefined;
    oplock.further = undefined;
    oplock.chained = false;
    if (level === 'none') this.#forget(oplock);
    else {
      oplock.level = level;
      if (further !== undefined && isLease(level) && !isWithin(level, further)) {
        this.#breakFurther(oplock, commonOf(level, further), notify);
      }
    }
    return 'accepted';
  }

  /** The holder did not acknowledge in time: it loses all caching. @returns whether it was breaking. MS-SMB2 3.3.6.1, 3.3.6.5 */
  expire(owner: OplockOwner): boolean {
    const oplock = this.#held.get(owner);
    if (oplock?.breaking === undefined) return false;
    this.#forget(oplock);
    return true;
  }

  /** Puts back what an owner cached before the server was started. */
  restore(owner: OplockOwner, level: Level, epoch: number): void {
    if (level === 'none') this.#epochs.set(owner, epoch);
    else if (!this.#held.has(owner))
      this.#held.set(owner, { owner, level, breaking: undefined, further: undefined, chained: false, epoch });
  }

  /** The owner has no open left. */
  release(owner: OplockOwner): void {
    this.#held.delete(owner);
    this.#brokenLevelII.delete(owner);
    this.#epochs.delete(owner);
  }

  /** Its state is NONE: only the epoch of a lease is kept. */
  #forget({ owner, level, epoch }: Oplock): void {
    this.#held.delete(owner);
    if (isLease(level)) this.#epochs.set(owner, epoch);
  }

  /** Ends an oplock or lease by a break to none that is not acknowledged. */
  #end(oplock: Oplock): void {
    const { owner, level } = oplock;
    this.#forget(oplock);
    if (level === 'levelII') this.#brokenLevelII.add(owner);
  }
}

const keepsHandles = (level: HeldLevel): boolean => isLease(level) && (cachingBits[level] & Caching.Handle) !== 0;
