import { type MaybePromise, type Steps, wait } from '@ring3/kit';
import { FileAttributes } from '@ring3/smb-proto';
import { type Handle, isCode, type Stat, type StatChanges, type VfsCode } from '@ring3/vfs';
import { childChanged } from './child-changes.ts';
import { attributesOf } from './metadata.ts';
import type { Open } from './open.ts';

/**
 * Open.UserSetModificationTime, UserSetChangeTime and UserSetAccessTime, MS-FSA 2.1.1.6: operations through the open do not change these
 * times.
 */
export const UserSet = { ModificationTime: 1, ChangeTime: 2, AccessTime: 4 } as const;

/** The effect of a change on times and attributes. */
interface Noted {
  /** Times that it moves, as bits of {@link UserSet}. */
  readonly times: number;
  /** Whether FILE_ATTRIBUTE_ARCHIVE is set. */
  readonly archives: boolean;
}

/** A change of data: the file "has been modified", MS-FSA 2.1.4.17. */
export const modified: Noted = { times: UserSet.ModificationTime | UserSet.ChangeTime | UserSet.AccessTime, archives: true };
/** A change of extended attributes, or of the name of a file. */
export const redescribed: Noted = { times: UserSet.ChangeTime, archives: true };
/** A change of attributes or of the security descriptor. */
export const changed: Noted = { times: UserSet.ChangeTime, archives: false };

/** The file or directory whose times and attributes an open shares: for a named stream, the one that it belongs to. */
export const fileOf = ({ base, handle }: Open): Handle => base ?? (handle as Handle);

/**
 * Whether a write through the open needs no note: the store moves the times itself, the client has set none, and FILE_ATTRIBUTE_ARCHIVE is
 * set.
 */
export const notedByStore = (open: Open): boolean => open.userSet === 0 && open.fileGuard.archived;

/**
 * Makes a change through an open and notes it: times that the client sets itself stay as they are (MS-FSA 2.1.4.17), FILE_ATTRIBUTE_ARCHIVE is set.
 * @param change moves the times in the store
 * The lease of the directory is broken, by written data only when the open is closed.
 * @returns what the change returns; a failure to note is logged only, because the change is made
 */
export function* noting<T>(open: Open, noted: Noted, change: () => MaybePromise<T | VfsCode>): Steps<T | VfsCode> {
  const kept = open.userSet & noted.times;
  const { fileGuard } = open;
  if (kept === 0 && (fileGuard.archived || !noted.archives)) {
    const done = yield* wait(change());
    if (!isCode(done) && noted !== modified) childChanged(open);
    return done;
  }
  const file = fileOf(open);
  const before = yield* wait(file.stat());
  if (isCode(before)) return before;
  const done = yield* wait(change());
  if (isCode(done)) return done;
  const changes: { -readonly [K in keyof StatChanges]: StatChanges[K] } = timesOf(before, kept);
  if (noted.archives && !fileGuard.archived) {
    const attributes = attributesOf(before, file.kind);
    if ((attributes & FileAttributes.Archive) === 0) changes.attributes = (before.attributes ?? 0) | FileAttributes.Archive;
  }
  yield* set(open, file, changes);
  if (noted.archives) fileGuard.archived = true;
  if (noted !== modified) childChanged(open);
  return done;
}

/** Reads through an open whose client sets LastAccessTime itself: the time stays, MS-FSA 2.1.5.3. */
export function* readingHeld<T>(open: Open, read: () => MaybePromise<T | VfsCode>): Steps<T | VfsCode> {
  const file = fileOf(open);
  const before = yield* wait(file.stat());
  if (isCode(before)) return before;
  const done = yield* wait(read());
  const after = yield* wait(file.stat());
  // setting a time changes ChangeTime, reading does not
  if (!isCode(after) && after.accessed !== before.accessed) yield* set(open, file, { accessed: before.accessed, changed: after.changed });
  return done;
}

/**
 * Sets LastAccessTime of a file that was written through the open, MS-FSA 2.1.4.17. Once for all its writes, so that a WRITE needs no second call of the store:
 * until then, opens of the file report the time of the last write (`metadataOfOpen`).
 */
export function* noteWritten(open: Open): Steps<void> {
  if (!open.wrote || !open.fileGuard.written) return;
  open.fileGuard.written = false;
  const file = fileOf(open);
  const kept = open.userSet & UserSet.ChangeTime;
  const before = kept === 0 ? undefined : yield* wait(file.stat());
  if (isCode(before)) return;
  yield* set(open, file, { accessed: now(open), ...(before !== undefined && timesOf(before, kept)) });
}

/** The current time of the server, ns since 1970. */
export const now = ({ server }: Open): bigint => BigInt(Math.floor(server.clock.wall())) * 1_000_000n;

const timesOf = ({ modified: data, accessed, changed: any }: Stat, which: number): StatChanges => ({
  ...((which & UserSet.ModificationTime) !== 0 && { modified: data }),
  ...((which & UserSet.AccessTime) !== 0 && { accessed }),
  ...((which & UserSet.ChangeTime) !== 0 && { changed: any }),
});

function* set(open: Open, file: Handle, changes: StatChanges): Steps<void> {
  if (Object.keys(changes).length === 0) return;
  const failed = yield* wait(file.setStat?.(changes));
  if (isCode(failed)) open.server.log.debug('times or attributes not set', { code: failed, path: open.pathName });
}
