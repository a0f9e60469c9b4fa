import { andThen, type MaybePromise, runSteps, type Steps, wait } from '@ring3/kit';
import { type DirectoryEntry, eaSizeOf, fileGenericRead, ReparseTag, type SecurityDescriptor } from '@ring3/smb-proto';
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
import { descriptorOf, rightsOf } from '../../objects/descriptors.ts';
import { findEntry, shortNamesIn } from '../../objects/find-entry.ts';
import { fileId128Of, metadataOf } from '../../objects/metadata.ts';
import type { NameRules } from '../../objects/name-rules.ts';
import type { Open } from '../../objects/open.ts';
import { newTrail, openParent, openTarget, release } from '../../objects/resolve.ts';
import type { TreeConnect } from '../../objects/tree-connect.ts';
import { eaSizeOfListed, listEas } from '../../values/extended-attributes.ts';
import { parsePath } from '../../values/paths.ts';
import type { ShortNames } from '../../values/short-names.ts';

/** The properties of a listed entry. */
export interface Want {
  /** More than its name. */
  readonly stat: boolean;
  /** Its 128-bit id. */
  readonly longIds: boolean;
  /** The attributes that its name gives it. */
  readonly names: NameRules;
  readonly tree: TreeConnect;
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
    const shown = (): MaybePromise<DirectoryEntry> =>
      want.stat && stat?.kind === 'link'
        ? followed(open, cursor, name, fileName, stat, want)
        : described(fileName, stat, want, cursor.shortNames?.of(name));
    if (!want.names.accessBased) return shown();
    return andThen(runSteps(mayRead(open, cursor, name, want.tree)), (answer) => {
      if (isCode(answer)) return answer;
      if (answer) return shown();
      cursor.at++;
      return stored(open, cursor, want, matcher);
    });
  }
  if (cursor.ended) return undefined;
  if (want.names.shortNames && cursor.shortNames === undefined) {
    return andThen(runSteps(shortNamesIn(want.tree, open.handle as Handle)), (names) => {
      if (isCode(names)) return names;
      cursor.shortNames = names;
      return stored(open, cursor, want, matcher);
    });
  }
  if (!hasWildcards(cursor.pattern)) return single(open, cursor, want);
  const { stat } = want;
  const match = listed(matcher, want.names, cursor.shortNames);
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

/** The stored names that are listed, because they or their short names match (MS-FSA 2.1.5.6.3); undefined if all are. */
function listed(matcher: NameMatcher | null, { vetoed }: NameRules, shortNames: ShortNames | undefined): NameMatcher | undefined {
  if (vetoed === undefined && matcher === null) return undefined;
  const matchesShort = (name: string): boolean => {
    const shortName = shortNames?.of(name);
    return shortName !== undefined && matcher?.(shortName) === true;
  };
  return (name) => (spelled(matcher, name) !== undefined || matchesShort(name)) && vetoed?.(name) !== true;
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
const statOf = (open: Open, name: string, tree: TreeConnect): MaybePromise<{ readonly name: string; readonly stat: Stat } | VfsCode> =>
  runSteps(describedEntry(open.handle as Handle, name, tree));

/** An entry as a listing of the store has it: with the sizes of its extended attributes. */
function* describedEntry(folder: Handle, name: string, tree: TreeConnect): Steps<{ readonly name: string; readonly stat: Stat } | VfsCode> {
  const how = { access: 'metadata', kind: 'any', disposition: 'open', follow: false } as const;
  const handle = yield* wait(findEntry(tree, folder, name, how));
  if (isCode(handle)) return handle;
  try {
    const stat = yield* wait(handle.stat());
    if (isCode(stat)) return stat;
    const eas = yield* listEas(handle);
    if (isCode(eas) || eas.length === 0) return { name: handle.name, stat };
    return { name: handle.name, stat: { ...stat, xattrSizes: new Map(eas.map(({ eaName, eaValue }) => [eaName, eaValue.length])) } };
  } finally {
    yield* wait(handle.close());
  }
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

/** Whether the descriptor of an entry lets the user read it: other entries are left out by access-based enumeration, MS-SMB2 3.3.5.18. */
function* mayRead(open: Open, cursor: DirectoryCursor, name: string, tree: TreeConnect): Steps<boolean | VfsCode> {
  const folder = open.handle as Handle;
  cursor.descriptor ??= yield* descriptorHere(open, tree);
  const { descriptor } = cursor;
  if (descriptor === undefined) return 'EACCES';
  const how = { access: 'metadata', kind: 'any', disposition: 'open', follow: false } as const;
  const handle = yield* wait(tree.vfs.open(folder, name, how, tree.identity));
  if (isCode(handle)) return false; // it was deleted meanwhile
  const trail = newTrail();
  trail.descriptor = descriptor;
  const target = handle.kind === 'link' ? yield* openTarget(tree, folder, name, 'any', trail) : handle;
  try {
    const own = yield* descriptorOf(isCode(target) ? handle : target, trail.descriptor);
    return !isCode(own) && (~rightsOf(own, tree.identity) & fileGenericRead) === 0;
  } finally {
    yield* wait(handle.close());
    if (target !== handle && !isCode(target)) yield* wait(target.close());
  }
}

/** The descriptor of the listed directory. */
function* descriptorHere(open: Open, tree: TreeConnect): Steps<SecurityDescriptor | undefined> {
  const path = parsePath(open.pathName);
  if (typeof path === 'number') return undefined;
  const trail = newTrail();
  const folder = yield* openParent(tree, [...path.components, 'entry'], trail);
  if (typeof folder === 'number') return undefined;
  yield* release(tree, folder);
  return trail.descriptor;
}

const noId = new Uint8Array(16);
const noStat: Omit<DirectoryEntry, 'fileName' | 'shortName'> = {
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
    const itself = described(fileName, target?.stat ?? own, want, cursor.shortNames?.of(name));
    return target === undefined ? itself : { ...itself, eaSize: target.eaSize };
  });
}

function* lookBehind(open: Open, name: string, tree: TreeConnect): Steps<{ readonly stat: Stat; readonly eaSize: number } | undefined> {
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

function described(fileName: string, stat: Stat | undefined, { longIds, names }: Want, shortName?: string): DirectoryEntry {
  if (stat === undefined) return { fileName, shortName, ...noStat };
  const { indexNumber: fileId, ...metadata } = metadataOf(stat, names.attributesOf(fileName));
  const tag = stat.kind === 'link' ? ReparseTag.Symlink : 0;
  const eaSize = tag === 0 ? eaSizeOfListed(stat.xattrSizes) : tag;
  return { fileName, shortName, ...metadata, eaSize, reparsePointTag: tag, fileId, fileId128: longIds ? fileId128Of(stat) : noId };
}
