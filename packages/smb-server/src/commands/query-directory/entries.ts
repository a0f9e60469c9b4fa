import { andThen, type MaybePromise } from '@ring3/kit';
import { type DirectoryEntry, ReparseTag } from '@ring3/smb-proto';
import { compileExpression, fromWireName, hasWildcards, isCode, type NameMatcher, type Stat, toWireName, type VfsCode } from '@ring3/vfs';
import { fileId128Of, metadataOf } from '../../metadata.ts';
import type { Open } from '../../open.ts';
import type { DirectoryCursor } from './cursor.ts';

/** Entries that are asked of the store at a time. */
const batch = 512;

const matchers = new WeakMap<DirectoryCursor, NameMatcher | null>();

/** What the pattern accepts, in wire spelling; null where it accepts everything. */
function matcherOf(cursor: DirectoryCursor): NameMatcher | null {
  let matcher = matchers.get(cursor);
  if (matcher === undefined) {
    matcher = cursor.pattern === '*' ? null : compileExpression(cursor.pattern);
    matchers.set(cursor, matcher);
  }
  return matcher;
}

/** The entry that comes next, without moving on; undefined at the end. `.` and `..` come first. */
export function nextEntry(open: Open, cursor: DirectoryCursor, withStat: boolean): MaybePromise<DirectoryEntry | VfsCode | undefined> {
  const matcher = matcherOf(cursor);
  if (cursor.dots < 2) {
    if (!hasWildcards(cursor.pattern)) cursor.dots = 2;
    while (cursor.dots < 2) {
      const name = cursor.dots === 0 ? '.' : '..';
      if (matcher === null || matcher(name)) return dotEntry(open, name, withStat);
      cursor.dots++;
    }
  }
  return stored(open, cursor, withStat, matcher);
}

function dotEntry(open: Open, name: string, withStat: boolean): MaybePromise<DirectoryEntry | VfsCode> {
  if (!withStat) return described(name, undefined);
  return andThen(open.handle?.stat() as MaybePromise<Stat | VfsCode>, (stat) => (isCode(stat) ? stat : described(name, stat)));
}

function stored(
  open: Open,
  cursor: DirectoryCursor,
  withStat: boolean,
  matcher: NameMatcher | null,
): MaybePromise<DirectoryEntry | VfsCode | undefined> {
  const entry = cursor.entries[cursor.at];
  if (entry !== undefined) return described(toWireName(entry.name), entry.stat);
  if (cursor.ended) return undefined;
  if (!hasWildcards(cursor.pattern)) return single(open, cursor, withStat);
  const want =
    matcher === null
      ? { limit: batch, stat: withStat }
      : { limit: batch, stat: withStat, match: (name: string) => matcher(toWireName(name)) };
  const listing = open.handle?.list(cursor.next, want);
  return andThen(listing as Exclude<typeof listing, undefined>, (found) => {
    if (isCode(found)) return found;
    cursor.entries = found.entries;
    cursor.at = 0;
    cursor.next = found.cursor;
    cursor.ended = found.cursor === undefined;
    return stored(open, cursor, withStat, matcher);
  });
}

/** A pattern without wildcards is one name: looked up, not searched for. */
function single(open: Open, cursor: DirectoryCursor, withStat: boolean): MaybePromise<DirectoryEntry | VfsCode | undefined> {
  cursor.ended = true;
  const { vfs, session } = open.tree;
  const how = { access: 'metadata', kind: 'any', disposition: 'open', follow: false } as const;
  return andThen(vfs.open(open.handle as NonNullable<Open['handle']>, fromWireName(cursor.pattern), how, session.identity), (handle) => {
    if (isCode(handle)) return handle === 'ENOENT' || handle === 'EINVAL' || handle === 'ENAMETOOLONG' ? undefined : handle;
    return andThen(handle.stat(), (stat) =>
      andThen(handle.close(), () => {
        if (isCode(stat)) return stat;
        cursor.entries = [withStat ? { name: handle.name, kind: handle.kind, stat } : { name: handle.name, kind: handle.kind }];
        cursor.at = 0;
        return described(toWireName(handle.name), stat);
      }),
    );
  });
}

const noStat: Omit<DirectoryEntry, 'fileName'> = {
  creationTime: 0n,
  lastAccessTime: 0n,
  lastWriteTime: 0n,
  changeTime: 0n,
  endOfFile: 0n,
  allocationSize: 0n,
  fileAttributes: 0,
  eaSize: 0,
  reparsePointTag: 0,
  fileId: 0n,
  fileId128: new Uint8Array(16),
};

function described(fileName: string, stat: Stat | undefined): DirectoryEntry {
  if (stat === undefined) return { fileName, ...noStat };
  const { indexNumber: fileId, ...metadata } = metadataOf(stat);
  const tag = stat.kind === 'link' ? ReparseTag.Symlink : 0;
  return { fileName, ...metadata, eaSize: tag, reparsePointTag: tag, fileId, fileId128: fileId128Of(stat) };
}
