import { ByteRangeLocks } from './byte-range-locks.ts';
import type { Deleter, Input, OpenInput } from './file-state.ts';
import type { Guard } from './guard.ts';
import { type OplockBreakEffect, type OplockOwner, Oplocks } from './oplocks.ts';

/** An input that cannot be decided yet. */
export interface Waiting {
  readonly input: Input;
  decided(decision: unknown): void;
}

/** Everything that is known about one file identity while somebody has it open. */
export class FileRecord {
  /** The opens that were admitted. */
  readonly opens = new Map<number, OpenInput>();
  /** Set by FileDispositionInformation, or by closing an open with FILE_DELETE_ON_CLOSE: the last close unlinks. */
  deletePending = false;
  /** Whoever set it last. */
  deleter: Deleter | undefined;
  readonly locks = new ByteRangeLocks();
  readonly oplocks = new Oplocks();
  /** In the order they came. */
  readonly waiting: Waiting[] = [];
  readonly guard: { -readonly [K in keyof Guard]: Guard[K] } = { locks: 0, levelII: 0, exclusive: 0, archived: false, written: false };
  /** Oplock breaks that have to be told. */
  breaks: OplockBreakEffect[] = [];
  readonly tell = (effect: OplockBreakEffect): void => void this.breaks.push(effect);

  /** Whose caching an open shares: its own alone. */
  ownerOf(openId: number): OplockOwner {
    return openId;
  }

  /** Brings the guard up to date. */
  refresh(): void {
    const { guard, locks, oplocks } = this;
    guard.locks = locks.size;
    guard.exclusive = oplocks.exclusive;
    guard.levelII = oplocks.levelII;
  }

  /** Whether nothing is known any more. */
  get idle(): boolean {
    return this.opens.size === 0 && this.waiting.length === 0;
  }
}
