import type { Timer } from '@ring3/kit';
import type { Actor } from '../values/events.ts';
import { ByteRangeLocks } from './byte-range-locks.ts';
import type { Input, NameId, OpenInput } from './file-state.ts';
import type { Guard } from './guard.ts';
import { type OplockBreakEffect, type OplockOwner, Oplocks } from './oplocks.ts';

/** An input that cannot be decided yet. */
export interface Waiting {
  readonly input: Input;
  decided(decision: unknown): void;
}

/** The state of one file while it is open. */
export class FileRecord {
  /** The admitted opens. */
  readonly opens = new Map<number, OpenInput>();
  /**
   * Names that are delete-pending, with the client that requested it (Link.IsDeleted, MS-FSA 2.1.1.6): set by FileDispositionInformation,
   * or by closing an open with FILE_DELETE_ON_CLOSE. Closing the last open by that name deletes it.
   */
  readonly deleted = new Map<NameId, Actor | undefined>();
  /** Those of them that were deleted already, by closing an open with POSIX semantics. */
  readonly unlinked = new Set<NameId>();
  #locks: ByteRangeLocks | undefined;
  readonly oplocks = new Oplocks();
  /** Of a directory: the folded names that are reserved, with their tickets. */
  readonly reserved = new Map<string, number>();
  /** In order of arrival. */
  readonly waiting: Waiting[] = [];
  readonly guard: { -readonly [K in keyof Guard]: Guard[K] } = {
    locks: 0,
    readers: 0,
    onlyLease: 0,
    exclusive: 0,
    archived: false,
    written: false,
  };
  /** Breaks whose notifications must be sent. */
  breaks: OplockBreakEffect[] = [];
  /** The time limit of each break that must be acknowledged. */
  readonly timers = new Map<OplockOwner, Timer>();
  readonly notify = (effect: OplockBreakEffect): void => void this.breaks.push(effect);

  /** The byte-range locks; most files never have one. */
  get locks(): ByteRangeLocks {
    return (this.#locks ??= new ByteRangeLocks());
  }

  /** Byte-range locks that are held. */
  get lockCount(): number {
    return this.#locks?.size ?? 0;
  }

  /** The owner of an open's oplock. */
  ownerOf(openId: number): OplockOwner {
    return this.opens.get(openId)?.owner ?? openId;
  }

  /** Whether an open of this owner is left. */
  hasOpenOf(owner: OplockOwner): boolean {
    for (const open of this.opens.values()) if (open.owner === owner) return true;
    return false;
  }

  /** Updates the guard. */
  refresh(): void {
    const { guard, oplocks } = this;
    guard.locks = this.lockCount;
    guard.exclusive = oplocks.exclusive;
    guard.readers = oplocks.readers;
    guard.onlyLease = oplocks.onlyLease;
  }

  /** Whether the record can be dropped. */
  get idle(): boolean {
    return this.opens.size === 0 && this.waiting.length === 0 && this.reserved.size === 0;
  }
}
