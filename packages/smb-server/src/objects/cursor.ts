import type { SecurityDescriptor } from '@ring3/smb-proto';
import type { Cursor, Entry } from '@ring3/vfs';
import type { ShortNames } from '../values/short-names.ts';

/**
 * The position of the enumeration of a directory: Open.EnumerationLocation and Open.EnumerationSearchPattern of MS-SMB2 3.3.1.10. One
 * request moves it at a time.
 */
export class DirectoryCursor {
  readonly pattern: string;
  /** Entries that were read and not returned yet. */
  entries: readonly Entry[] = [];
  at = 0;
  next: Cursor | undefined;
  started = false;
  /** The short names of the directory, if the share has them. */
  shortNames: ShortNames | undefined;
  /** The descriptor of the directory, if listings depend on access. */
  descriptor: SecurityDescriptor | undefined;
  /** The store has no more entries. */
  ended = false;
  /** Number of `.` and `..` returned so far. */
  dots = 0;
  /** Whether any entry was returned. */
  returned = false;
  /** Links that were followed for the current response. */
  followed = 0;
  /** The request that moves it now. */
  running: Promise<unknown> | undefined;

  constructor(pattern: string) {
    this.pattern = pattern;
  }
}
