import { andThen, type MaybePromise, runSteps, type Steps, wait } from '@ring3/kit';
import { type DirectoryEntry, eaSizeOf, ReparseTag } from '@ring3/smb-proto';
import {
  compileExpression,
  fromWireName,
  type Handle,
  hasWildcards,
  isCode,
  type NameMatcher,
  type Stat,
  toPlainWireName,
  toWireName,
  type VfsCode,
} from '@ring3/vfs';
import type { DirectoryCursor } from '../../objects/cursor.ts';
import { fileId128Of, metadataOf } from '../../objects/metadata.ts';
import type { NameRules } from '../../objects/name-rules.ts';
import type { Open } from '../../objects/open.ts';
import { newTrail, openTarget } from '../../objects/resolve.ts';
import type { Tree } from '../../objects/tree.ts';
import { eaSizeOfListed, listEas } from '../../values/extended-attributes.ts';

/** The properties of a listed entry. */
export interface Want {
  /** More than its name. */
  readonly stat: boolean;
  /** Its 128-bit id. */
  readonly longIds: boolean;
  /** The attributes that its name gives it. */
  readonly names: NameRules;
  readonly tree: Tree;
}

/** Maximum number of entries that are read from the store at a time. */
const batch = 512;

const matchers = new WeakMap<DirectoryCursor, NameMatcher | null>();

/** The matcher of the pattern, for names in wire spelling; null if it matches every name. */
function matcherOf(cursor: DirectoryCursor): NameMatcher | null {
  let matcher = matchers.get(cursor);
  if (matcher === undefined) {
    matcher = cursor.pattern === '*' ? null : compileExpression(cursor.pattern);
    matchers.set(cursor, matcher);
  }
  return matcher;
}

/**
 * The wire spelling of a stored name that a pattern matches; undefined if none does. A period or space at the end is mapped (U+F029, U+F028), so that Windows can
 * open the entry, unless only the unmapped spelling matches: then the client spells it so. MS-FSA 2.1.4.4 matches a DOS_DOT with a period at the end.
 */
function spelled(matcher: NameMatcher | null, name: string): string | undefined {
  const wire = toWireName(name);
  if (matcher === null || matcher(wire)) return wire;
  if (wire === name || !/[ .]$/.test(name)) return undefined;
  const plain = toPlainWireName(name);
  return matcher(plain) ? plain : undefined;
}

/** The next entry, without moving on; undefined at the end. `.` and `..` come first. */
export function nextEntry(open: Open, cursor: DirectoryCursor, want: Want): MaybePromise<DirectoryEntry | VfsCode | undefined> {
  const matcher = matcherOf(cursor);
  if (cursor.dots < 2) {
    if (!hasWildcards(cursor.pattern)) cursor.dots = 2;
    while (cursor.dots < 2) {
      const name = cursor.dots === 0 ? '.' : '..';
      if (matcher === null || matcher(name)) return dotEntry(open, name, want);
      cursor.dots++;
    }
  }
  return stored(open, cursor, want, matcher);
}

function dotEntry(open: Open, name: string, want: Want): MaybePromise<DirectoryEntry | VfsCode> {
  if (!want.stat) return described(name, undefined, want);
  return andThen(open.handle?.stat() as MaybePromise<Stat | VfsCode>, (stat) => (isCode(stat) ? stat : described(name, stat, want)));
}

function stored(
  open: Open,
  cursor: DirectoryCursor,
  want: Want,
  matcher: NameMatcher | null,
): MaybePromise<DirectoryEntry | VfsCode | undefined> {
  const entry = cursor.entries[cursor.at];
  if (entry !== undefined) {
    if (want.stat && entry.stat === undefined) return lookAgain(open, cursor, entry.name, want, matcher);
    const { name, stat } = entry;
    const fileName = spelled(matcher, name) ?? toWireName(name);
    return want.stat && stat?.kind === 'link' ? followed(open, cursor, name, fileName, stat, want) : described(fileName, stat, want);
  }
  if (cursor.ended) return undefined;
  if (!hasWildcards(cursor.pattern)) return single(open, cursor, want);
  const { stat } = want;
  const match = listed(matcher, want.names);
  const listing = open.handle?.list(cursor.next, { limit: batch, stat, ...(match !== undefined && { match }) });
  return andThen(listing as Exclude<typeof listing, undefined>, (found) => {
    if (isCode(found)) return found;
    cursor.entries = found.entries;
    cursor.at = 0;
    cursor.next = found.cursor;
    cursor.ended = found.cursor === undefined;
    return stored(open, cursor, want, matcher);
  });
}

/** The stored names that are listed; undefined if all are. */
function listed(matcher: NameMatcher | null, { vetoed }: NameRules): NameMatcher | undefined {
  if (vetoed === undefined) return matcher === null ? undefined : (name) => spelled(matcher, name) !== undefined;
  return (name) => spelled(matcher, name) !== undefined && !vetoed(name);
}

/** For a client that asked for names only and then asks for more: an entry that was deleted since is left out. */
function lookAgain(
  open: Open,
  cursor: DirectoryCursor,
  name: string,
  want: Want,
  matcher: NameMatcher | null,
): MaybePromise<DirectoryEntry | VfsCode | undefined> {
  return andThen(statOf(open, name, want.tree), (found) => {
    if (!isCode(found)) {
      cursor.entries = cursor.entries.with(cursor.at, { name, kind: found.stat.kind, stat: found.stat });
      return stored(open, cursor, want, matcher);
    }
    cursor.at++;
    return stored(open, cursor, want, matcher);
  });
}

/** Looks up one name in the directory. */
function statOf(open: Open, name: string, { vfs, identity }: Tree): MaybePromise<{ readonly name: string; readonly stat: Stat } | VfsCode> {
  const how = { access: 'metadata', kind: 'any', disposition: 'open', follow: false } as const;
  return andThen(vfs.open(open.handle as NonNullable<Open['handle']>, name, how, identity), (handle) => {
    if (isCode(handle)) return handle;
    return andThen(handle.stat(), (stat) => andThen(handle.close(), () => (isCode(stat) ? stat : { name: handle.name, stat })));
  });
}

/** A pattern without wildcards is one name, which is looked up. An entry found by it is shown with the last character spelled as in the pattern. */
function single(open: Open, cursor: DirectoryCursor, want: Want): MaybePromise<DirectoryEntry | VfsCode | undefined> {
  cursor.ended = true;
  const name = fromWireName(cursor.pattern);
  if (want.names.vetoed?.(name) === true) return undefined;
  return andThen(statOf(open, name, want.tree), (found) => {
    if (isCode(found)) return found === 'ENOENT' || found === 'EINVAL' || found === 'ENAMETOOLONG' ? undefined : found;
    cursor.entries = [{ name: found.name, kind: found.stat.kind, stat: found.stat }];
    cursor.at = 0;
    return stored(open, cursor, want, compileExpression(cursor.pattern));
  });
}

const noId = new Uint8Array(16);
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
  fileId128: noId,
};

/**
 * A symbolic link as shown by an open of its name without FILE_OPEN_REPARSE_POINT: with the attributes, times, sizes and id of its target;
 * if that cannot be opened, those of the link.
 */
function followed(
  open: Open,
  cursor: DirectoryCursor,
  name: string,
  fileName: string,
  own: Stat,
  want: Want,
): MaybePromise<DirectoryEntry> {
  cursor.followed++;
  return andThen(runSteps(lookBehind(open, name, want.tree)), (target) => {
    const itself = described(fileName, target?.stat ?? own, want);
    return target === undefined ? itself : { ...itself, eaSize: target.eaSize };
  });
}

function* lookBehind(open: Open, name: string, tree: Tree): Steps<{ readonly stat: Stat; readonly eaSize: number } | undefined> {
  const target = yield* openTarget(tree, open.handle as Handle, name, 'any', newTrail());
  if (isCode(target)) return undefined;
  try {
    const stat = yield* wait(target.stat());
    if (isCode(stat)) return undefined;
    const eas = target.listXattrs === undefined ? [] : yield* listEas(target);
    return { stat, eaSize: isCode(eas) ? 0 : eaSizeOf(eas) };
  } finally {
    yield* wait(target.close());
  }
}

function described(fileName: string, stat: Stat | undefined, { longIds, names }: Want): DirectoryEntry {
  if (stat === undefined) return { fileName, ...noStat };
  const { indexNumber: fileId, ...metadata } = metadataOf(stat, names.attributesOf(fileName));
  const tag = stat.kind === 'link' ? ReparseTag.Symlink : 0;
  const eaSize = tag === 0 ? eaSizeOfListed(stat.xattrSizes) : tag;
  return { fileName, ...metadata, eaSize, reparsePointTag: tag, fileId, fileId128: longIds ? fileId128Of(stat) : noId };
}
