/** One open of the file. */
export interface OpenEntry {
  readonly openId: number;
  readonly access: number;
  readonly shareAccess: number;
  readonly deleteOnClose: boolean;
}

/** Everything that is known about one file identity while somebody has it open. */
export class FileRecord {
  readonly opens = new Map<number, OpenEntry>();
  /** Set by FileDispositionInformation, or by closing an open with FILE_DELETE_ON_CLOSE: the last close unlinks. */
  deletePending = false;

  /** Whether nothing is known any more. */
  get idle(): boolean {
    return this.opens.size === 0;
  }
}
