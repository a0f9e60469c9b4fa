import type { Cursor, Entry } from '@ring3/vfs';

/** Where the enumeration of a folder stands: Open.EnumerationLocation and Open.EnumerationSearchPattern of MS-SMB2 3.3.1.10. One request moves it at a time. */
export class DirectoryCursor {
  readonly pattern: string;
  /** Entries that were read and not told yet. */
  entries: readonly Entry[] = [];
  at = 0;
  next: Cursor | undefined;
  started = false;
  /** The store has told everything. */
  ended = false;
  /** `.` and `..` told so far. */
  dots = 0;
  /** Whether anything was told. */
  told = false;
  /** Links that were followed for the response that is being filled. */
  followed = 0;
  /** The request that moves it now. */
  running: Promise<unknown> | undefined;

  constructor(pattern: string) {
    this.pattern = pattern;
  }
}
