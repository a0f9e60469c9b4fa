import { AtFlag, linkAt, RenameFlag, renameAt, unlinkAt } from '@ring3/linux';
import { type Answer, isCode, type RenameHow, type VfsCode } from '@ring3/vfs';
import { type Entry, hostName } from './entry.ts';
import { errorCode } from './error-code.ts';
import type { NodeStore } from './node-store.ts';

/** Renames or moves an entry, which is at its name. Codes of `Handle.rename`. */
export function renameEntry(store: NodeStore, entry: Entry, directory: Entry, name: string, how: RenameHow): Answer<void> {
  if (isBelow(directory, entry)) return 'EINVAL';
  return store.withName(directory, name, (existing) => {
    if (isCode(existing)) return existing;
    if (existing === undefined || isSameName(existing, entry)) {
      return existing?.name === name ? undefined : moveTo(store, entry, directory, name, RenameFlag.NoReplace);
    }
    if (how.replace !== true) return 'EEXIST';
    if (existing.inode.kind === 'folder') return 'EISDIR';
    if (entry.inode.kind === 'folder') return 'ENOTDIR';
    return existing.inode === entry.inode ? renameToLink(store, entry, existing, name) : replace(store, entry, existing, directory, name);
  });
}

/** Creates a hard link. Codes of `Handle.link`. */
export function linkEntry(store: NodeStore, entry: Entry, directory: Entry, name: string, how: RenameHow): Answer<void> {
  return store.withName(directory, name, (existing) => {
    if (isCode(existing)) return existing;
    if (existing === undefined) return linkTo(store, entry, directory, name);
    if (how.replace !== true) return 'EEXIST';
    if (existing.inode.kind === 'folder') return 'EISDIR';
    return existing.inode === entry.inode ? undefined : linkOver(store, entry, existing, directory, name);
  });
}

/** Removes the name of an entry, which is at its name. */
export function unlinkEntry(store: NodeStore, entry: Entry): VfsCode | undefined {
  const parent = entry.parent!;
  const flags = entry.inode.kind === 'folder' ? AtFlag.RemoveFolder : 0;
  const answer = store.tree.names.change(parent, () => unlinkAt(parent.fd, entry.host, flags), undefined, entry.name);
  if (answer < 0) return errorCode(answer);
  entry.markUnlinked();
  store.handleUnlink(entry);
  return undefined;
}

/** Whether two entries are the same name of the same file. A directory that is mounted twice has two entries of one inode. */
const isSameName = (a: Entry, b: Entry): boolean => a.inode === b.inode && a.name === b.name && a.parent?.inode === b.parent?.inode;

/** Renames to a name that does not exist or whose entry is replaced. */
function moveTo(store: NodeStore, entry: Entry, directory: Entry, name: string, flags: number): VfsCode | undefined {
  const parent = entry.parent!;
  const host = hostName(name);
  const { names } = store.tree;
  const rename = (): number => {
    const answer = renameAt(parent.fd, entry.host, directory.fd, host, flags);
    return answer < 0 && flags !== 0 && errorCode(answer) === 'EINVAL'
      ? renameAt(parent.fd, entry.host, directory.fd, host) // this file system has no flags; the name was found free
      : answer;
  };
  const answer =
    directory === parent
      ? names.change(directory, rename, name, entry.name)
      : names.change(parent, () => names.change(directory, rename, name, undefined), undefined, entry.name);
  if (answer < 0) return errorCode(answer);
  entry.move(directory, name, host);
  return undefined;
}

/** Whether a directory is the given entry, or is below it. */
function isBelow(directory: Entry, entry: Entry): boolean {
  for (let at: Entry | undefined = directory; at !== undefined; at = at.parent) if (at === entry) return true;
  return false;
}

/** Replaces another entry: first under its spelling, in one step, then under the new one. */
function replace(store: NodeStore, entry: Entry, existing: Entry, directory: Entry, name: string): VfsCode | undefined {
  const spelling = existing.name;
  const failure = moveTo(store, entry, directory, spelling, 0);
  if (failure !== undefined) return failure;
  existing.markUnlinked();
  store.handleUnlink(existing);
  return spelling === name ? undefined : moveTo(store, entry, directory, name, RenameFlag.NoReplace);
}

/** Handles a rename to another name of the same file: removes the entry's own name and respells the other as requested. */
function renameToLink(store: NodeStore, entry: Entry, existing: Entry, name: string): VfsCode | undefined {
  const parent = entry.parent!;
  const answer = store.tree.names.change(parent, () => unlinkAt(parent.fd, entry.host), undefined, entry.name);
  if (answer < 0) return errorCode(answer);
  const directory = existing.parent!;
  entry.move(directory, existing.name, existing.host);
  return existing.name === name ? undefined : moveTo(store, entry, directory, name, RenameFlag.NoReplace);
}

function linkTo(store: NodeStore, entry: Entry, directory: Entry, name: string): VfsCode | undefined {
  const link = (): number => linkAt(entry.parent!.fd, entry.host, directory.fd, hostName(name));
  const answer = store.tree.names.change(directory, link, name, undefined);
  return answer < 0 ? errorCode(answer) : undefined;
}

/** Replaces another entry by a hard link, through a random temporary name, so that the other name always exists. */
function linkOver(store: NodeStore, entry: Entry, existing: Entry, directory: Entry, name: string): VfsCode | undefined {
  const between = `.ring3-${store.streamPlace.newId()}`;
  const failure = linkTo(store, entry, directory, between);
  if (failure !== undefined) return failure;
  const { names } = store.tree;
  const spelling = existing.name;
  const answer = names.change(directory, () => renameAt(directory.fd, between, directory.fd, existing.host), spelling, between);
  if (answer < 0) {
    names.change(directory, () => unlinkAt(directory.fd, between), undefined, between);
    return errorCode(answer);
  }
  existing.markUnlinked();
  store.handleUnlink(existing);
  if (spelling === name) return undefined;
  const respell = (): number => renameAt(directory.fd, hostName(spelling), directory.fd, hostName(name), RenameFlag.NoReplace);
  const respelled = names.change(directory, respell, name, spelling);
  return respelled < 0 ? errorCode(respelled) : undefined;
}
