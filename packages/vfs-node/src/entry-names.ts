import { AtFlag, close, Errno, FolderReader, linkAt, OpenFlag, openAt, RenameFlag, renameAt, unlinkAt } from '@ring3/linux';
import { type Answer, isCode, type RenameHow, type VfsCode } from '@ring3/vfs';
import { type Entry, hostName } from './entry.ts';
import type { EntryStore } from './entry-store.ts';
import { errorCode } from './error-code.ts';
import type { TemporaryEntry } from './temporary-names.ts';

/** Renames or moves an entry, which is at its name. Codes of `Handle.rename`. */
export function renameEntry(store: EntryStore, entry: Entry, directory: Entry, name: string, how: RenameHow): Answer<void> {
  if (isBelow(directory, entry)) return 'EINVAL';
  return store.withName(directory, name, (existing) => {
    if (isCode(existing)) return existing;
    if (existing === undefined || isSameName(existing, entry)) {
      return existing?.name === name ? undefined : moveTo(store, entry, directory, name, RenameFlag.NoReplace);
    }
    if (how.replace !== true) return 'EEXIST';
    const isFolder = entry.inode.kind === 'folder';
    if (existing.inode.kind === 'folder') {
      if (!isFolder || how.replaceDirectory !== true) return 'EISDIR';
      const failure = replace(store, entry, existing, directory, name);
      return failure === 'EEXIST' ? 'ENOTEMPTY' : failure; // file systems return one or the other, rename(2)
    }
    if (isFolder) return 'ENOTDIR';
    return existing.inode === entry.inode ? renameToLink(store, entry, existing, name) : replace(store, entry, existing, directory, name);
  });
}

/** Creates a hard link. Codes of `Handle.link`. */
export function linkEntry(store: EntryStore, entry: Entry, directory: Entry, name: string, how: RenameHow): Answer<void> {
  return store.withName(directory, name, (existing) => {
    if (isCode(existing)) return existing;
    if (existing === undefined) return linkTo(store, entry, directory, name);
    if (how.replace !== true) return 'EEXIST';
    if (existing.inode.kind === 'folder') return 'EISDIR';
    return existing.inode === entry.inode ? undefined : linkOver(store, entry, existing, directory, name);
  });
}

/** Removes the name of an entry, which is at its name. */
export function unlinkEntry(store: EntryStore, entry: Entry): VfsCode | undefined {
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
function moveTo(store: EntryStore, entry: Entry, directory: Entry, name: string, flags: number): VfsCode | undefined {
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
function replace(store: EntryStore, entry: Entry, existing: Entry, directory: Entry, name: string): VfsCode | undefined {
  const spelling = existing.name;
  const failure = moveTo(store, entry, directory, spelling, 0);
  if (failure !== undefined) return failure;
  existing.markUnlinked();
  store.handleUnlink(existing);
  return spelling === name ? undefined : moveTo(store, entry, directory, name, RenameFlag.NoReplace);
}

/** Handles a rename to another name of the same file: removes the entry's own name and respells the other as requested. */
function renameToLink(store: EntryStore, entry: Entry, existing: Entry, name: string): VfsCode | undefined {
  const parent = entry.parent!;
  const answer = store.tree.names.change(parent, () => unlinkAt(parent.fd, entry.host), undefined, entry.name);
  if (answer < 0) return errorCode(answer);
  const directory = existing.parent!;
  entry.move(directory, existing.name, existing.host);
  return existing.name === name ? undefined : moveTo(store, entry, directory, name, RenameFlag.NoReplace);
}

function linkTo(store: EntryStore, entry: Entry, directory: Entry, name: string): VfsCode | undefined {
  const link = (): number => linkAt(entry.parent!.fd, entry.host, directory.fd, hostName(name));
  const answer = store.tree.names.change(directory, link, name, undefined);
  return answer < 0 ? errorCode(answer) : undefined;
}

/** Replaces another entry by a hard link, through a temporary name, so that the other name always exists. */
function linkOver(store: EntryStore, entry: Entry, existing: Entry, directory: Entry, name: string): VfsCode | undefined {
  const { names } = store.tree;
  const spelling = existing.name;
  const over = (between: string): number => {
    const linked = linkAt(entry.parent!.fd, entry.host, directory.fd, between);
    return linked < 0 ? linked : renameOver(directory, between, existing);
  };
  const replaced = (): number => store.temporaryNames.use(directory, { fileId: entry.inode.fileId }, over);
  const answer = names.change(directory, replaced, spelling, undefined);
  if (answer < 0) return errorCode(answer);
  existing.markUnlinked();
  store.handleUnlink(existing);
  if (spelling === name) return undefined;
  const respell = (): number => renameAt(directory.fd, hostName(spelling), directory.fd, hostName(name), RenameFlag.NoReplace);
  const respelled = names.change(directory, respell, name, spelling);
  return respelled < 0 ? errorCode(respelled) : undefined;
}

/** Renames a temporary name to the name of an entry, or removes it. */
function renameOver(directory: Entry, between: string, existing: Entry): number {
  const answer = renameAt(directory.fd, between, directory.fd, existing.host);
  if (answer < 0) unlinkAt(directory.fd, between);
  return answer;
}

/**
 * Replaces an entry by a new one under its name.
 * @param make creates the new entry by a name, and returns 0 or a negative errno
 * @param recognize how the new entry is recognized if the process is killed in between
 * @returns 0 or a negative errno: -ENOTEMPTY for a directory with entries
 */
export function replaceByNew(store: EntryStore, existing: Entry, make: (name: string) => number, recognize: TemporaryEntry): number {
  const directory = existing.parent!;
  const isFolder = existing.inode.kind === 'folder';
  if (isFolder && !isEmpty(existing)) return -Errno.ENOTEMPTY;
  const over = (between: string): number => {
    const made = make(between);
    if (made < 0) return made;
    return isFolder ? exchange(directory, between, existing) : renameOver(directory, between, existing);
  };
  // after an exchange the temporary name is that of the replaced directory
  const left = isFolder ? { ...recognize, fileId: existing.inode.fileId } : recognize;
  const { name } = existing;
  const answer = store.tree.names.change(directory, () => store.temporaryNames.use(directory, left, over), name, undefined);
  if (answer < 0) return answer;
  existing.markUnlinked();
  store.handleUnlink(existing);
  return 0;
}

/** Puts a new entry in the place of an empty directory, which is then removed. */
function exchange({ fd }: Entry, between: string, { host }: Entry): number {
  const exchanged = renameAt(fd, host, fd, between, RenameFlag.Exchange);
  if (exchanged === 0) {
    const removed = unlinkAt(fd, between, AtFlag.RemoveFolder);
    if (removed === 0) return 0;
    renameAt(fd, host, fd, between, RenameFlag.Exchange);
    unlinkAt(fd, between);
    return removed;
  }
  // this file system cannot exchange names: the name does not exist for a moment
  const removed = exchanged === -Errno.EINVAL ? unlinkAt(fd, host, AtFlag.RemoveFolder) : exchanged;
  if (removed === 0) return renameAt(fd, between, fd, host);
  unlinkAt(fd, between);
  return removed;
}

/** Whether a directory has no entries; false if it cannot be read. */
function isEmpty({ fd }: Entry): boolean {
  const listing = openAt(fd, '.', OpenFlag.ReadOnly | OpenFlag.Directory);
  if (listing < 0) return false;
  const found = new FolderReader(listing, 1024).next();
  close(listing);
  return found === 0;
}
