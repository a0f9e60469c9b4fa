import type { OplockOwner } from './oplocks.ts';

/** A summary that READ and WRITE check before they submit anything: a few values that the state of the file keeps up to date. */
export interface Guard {
  /** Byte-range locks that are held. */
  readonly locks: number;
  /** Owners that cache reads, while no owner caches writes. */
  readonly readers: number;
  /** The owner of a lease that is the only reader; 0 for none. */
  readonly onlyLease: OplockOwner;
  /** The owner that caches writes; 0 for none. */
  readonly exclusive: OplockOwner;
  /** FILE_ATTRIBUTE_ARCHIVE is known to be set, so that a write need not set it. */
  archived: boolean;
  /** The data was written after LastAccessTime was last set. */
  written: boolean;
}

/** Whether an open of this owner may read without a check. */
export const readsFreely = ({ locks, exclusive }: Guard, owner: OplockOwner): boolean =>
  locks === 0 && (exclusive === 0 || exclusive === owner);

/** Whether an open of this owner may write without a check. */
export const writesFreely = ({ locks, readers, onlyLease, exclusive }: Guard, owner: OplockOwner): boolean =>
  locks === 0 && (readers === 0 || onlyLease === owner) && (exclusive === 0 || exclusive === owner);

/** Whether another owner caches. */
export const cachedByOthers = ({ readers, onlyLease, exclusive }: Guard, owner: OplockOwner): boolean =>
  (readers > 0 && onlyLease !== owner) || (exclusive !== 0 && exclusive !== owner);
