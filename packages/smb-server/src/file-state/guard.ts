/** What reads and writes of a file look at before they ask anything: a few numbers that its state keeps current. */
export interface Guard {
  /** Byte-range locks that are held. */
  readonly locks: number;
  /** Holders of a level II oplock. */
  readonly levelII: number;
  /** The open that holds an exclusive or batch oplock; 0 for none. */
  readonly exclusive: number;
}

/** Whether the open may read without asking. */
export const readsFreely = ({ locks, exclusive }: Guard, openId: number): boolean =>
  locks === 0 && (exclusive === 0 || exclusive === openId);

/** Whether the open may write without asking. */
export const writesFreely = ({ locks, levelII, exclusive }: Guard, openId: number): boolean =>
  locks === 0 && levelII === 0 && (exclusive === 0 || exclusive === openId);
