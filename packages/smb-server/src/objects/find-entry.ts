import { andThen, type MaybePromise, nextTurn, runSteps, type Steps, Turn, wait } from '@ring3/kit';
import { NtStatus } from '@ring3/smb-proto';
import { type Cursor, type Handle, isCode, type Listing, type OpenHow, type VfsCode } from '@ring3/vfs';
import { parsePath } from '../values/paths.ts';
import { mayBeGenerated, type ShortNames, shortNamesOf } from '../values/short-names.ts';
import type { Open } from './open.ts';
import type { Share } from './share.ts';
import type { Place } from './tree-connect.ts';

const batch = 4096;

/**
 * Opens an existing entry of a directory by its name or, if the share generates short names, by its short name: Link.Name or Link.ShortName
 * of MS-FSA 2.1.5.1.2.
 */
export function findEntry(place: Place, folder: Handle, name: string, how: OpenHow): MaybePromise<Handle | VfsCode> {
  const found = place.vfs.open(folder, name, how, place.identity);
  if (!place.share.names.shortNames || !mayBeGenerated(name)) return found;
  return andThen(found, (answer) => (answer === 'ENOENT' ? runSteps(byShortName(place, folder, name, how)) : answer));
}

function* byShortName(place: Place, folder: Handle, name: string, how: OpenHow): Steps<Handle | VfsCode> {
  const names = yield* shortNamesIn(place, folder);
  if (isCode(names)) return names === 'ENOTDIR' ? 'ENOENT' : names;
  const long = names.find(name);
  return long === undefined ? 'ENOENT' : yield* wait(place.vfs.open(folder, long, how, place.identity));
}

/**
 * The name of an entry that is renamed or linked to a name: a generated short name of an existing entry, or of one that was just removed, is
 * replaced by the long one.
 * @param names the names of the directory, from the root
 */
export function* storedName(place: Place, folder: Handle, names: readonly string[], name: string, now: number): Steps<string> {
  if (!place.share.names.shortNames || !mayBeGenerated(name)) return name;
  const known = yield* shortNamesIn(place, folder);
  return (isCode(known) ? undefined : known.find(name)) ?? newName(place.share, names, name, now);
}

/** The name of a new entry: the long one, if it is made by the short name of an entry that was just removed. MS-FSA 2.1.5.1.1 */
export const newName = ({ tunnel }: Share, names: readonly string[], name: string, now: number): string =>
  tunnel?.find(names, name, now) ?? name;

/** The name of an open is removed from its directory. */
export function nameRemoved({ share, pathName, server }: Open): void {
  const path = share.tunnel === undefined ? NtStatus.Success : parsePath(pathName);
  if (typeof path !== 'number') share.tunnel?.remember(path.components.slice(0, -1), path.components.at(-1) ?? '', server.clock.now());
}

/** The short names of a directory's entries, without those that the share vetoes. */
export function* shortNamesIn(place: Place, folder: Handle): Steps<ShortNames | VfsCode> {
  const { vetoed } = place.share.names;
  const names: string[] = [];
  const turn = new Turn();
  let cursor: Cursor | undefined;
  do {
    const part: Listing | VfsCode = yield* wait(folder.list(cursor, { limit: batch, stat: false }));
    if (isCode(part)) return part;
    for (const { name } of part.entries) if (vetoed?.(name) !== true) names.push(name);
    cursor = part.cursor;
    if (turn.over) {
      yield* wait(nextTurn());
      turn.begin();
    }
  } while (cursor !== undefined);
  return shortNamesOf(names);
}
