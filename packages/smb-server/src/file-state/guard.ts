/** What reads and writes of a file check before anything else: a few values that the state of the file keeps current. */
export interface Guard {
  /** Byte-range locks that are held. */
  readonly locks: number;
  /** Holders of a level II oplock. */
  readonly levelII: number;
  /** The open that holds an exclusive or batch oplock; 0 for none. */
  readonly exclusive: number;
  /** FILE_ATTRIBUTE_ARCHIVE is known to be set, so that a write need not set it. */
  archived: boolean;
  /** The data was written after LastAccessTime was last set. */
  written: boolean;
}

/** Whether the open may read without asking. */
export const readsFreely = ({ locks, exclusive }: Guard, openId: number): boolean =>
  locks === 0 && (exclusive === 0 || exclusive === openId);

/** Whether the open may write without asking. */
export const writesFreely = ({ locks, levelII, exclusive }: Guard, openId: number): boolean =>
  locks === 0 && levelII === 0 && (exclusive === 0 || exclusive === openId);
