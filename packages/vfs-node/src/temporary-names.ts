import { randomBytes } from 'node:crypto';
import { AtFlag, Errno, readLink, setTimes, stat, statAt, unlinkAt } from '@ring3/linux';
import type { Entry } from './entry.ts';
import type { EntryTree } from './entry-tree.ts';
import { scratch } from './scratch.ts';
import type { Sidecar } from './sidecar.ts';

/** How the entry of a temporary name is recognized after a restart: a user's entry of that name is never removed. */
export interface TemporaryEntry {
  /** It has this `fileId`, and is an empty directory or has other names. */
  readonly fileId?: string;
  /** It is a symbolic link with this target, bytes as hexadecimal digits. */
  readonly target?: string;
  /** It is a file without data. */
  readonly empty?: boolean;
}

interface Left extends TemporaryEntry {
  readonly directory: readonly string[];
  /** When the directory was modified before the name was made, ns since 1970, decimal digits. Records of earlier versions have none. */
  readonly modified?: string;
}

/** The records in the sidecar are values of this key. No `fileId` has this form. */
const recordKey = 'temporary names';
/** Maximum number of names that are still hidden after they were removed, because the host reports their events later. */
const maxHidden = 1024;
/** Maximum time between the change of a new entry and that of its directory, ns: a few ticks of the host's clock. */
const ticks = 20_000_000n;

/** The temporary names of all stores of this process. */
const hidden = new Set<string>();

/** Whether a name was made by `TemporaryNames`: no client may see it in a notification. */
export const isTemporaryName = (name: string): boolean => hidden.size > 0 && hidden.has(name);

/**
 * Names that exist in a directory of the share for a moment, while an entry takes the place of another one. They exist only within one turn
 * of the event loop, and the sidecar records them before, so that the next start removes what a killed process left.
 */
export class TemporaryNames {
  readonly #sidecar: Sidecar;
  readonly #tree: EntryTree;

  constructor(sidecar: Sidecar, tree: EntryTree) {
    this.#sidecar = sidecar;
    this.#tree = tree;
  }

  /**
   * Calls `change` with a new name, which must not exist afterwards.
   * @param change the host calls; returns 0 or a negative errno
   * @returns the result of `change`, or -ENOSPC if the name cannot be recorded
   */
  use(directory: Entry, entry: TemporaryEntry, change: (name: string) => number): number {
    const path = this.#tree.pathOf(directory);
    if (path === undefined) return -Errno.EIO;
    const name = `.ring3-${randomBytes(12).toString('hex')}`;
    const left: Left = { ...entry, directory: path, ...(stat(directory.fd, scratch) === 0 && { modified: String(scratch.modified) }) };
    if (!this.#sidecar.set(recordKey, name, Buffer.from(JSON.stringify(left)))) return -Errno.ENOSPC;
    hidden.add(name);
    if (hidden.size > maxHidden) hidden.delete(hidden.values().next().value!);
    const answer = change(name);
    if (statAt(directory.fd, name, scratch) === -Errno.ENOENT) this.#sidecar.remove(recordKey, name);
    return answer;
  }

  /** Removes the names that a killed process left. Those that cannot be removed now are tried again at the next start. */
  removeLeft(root: Entry): void {
    for (const name of this.#sidecar.keys(recordKey, '')) {
      const value = this.#sidecar.get(recordKey, name);
      const left = value === undefined ? undefined : parse(value);
      if (left === undefined || this.#remove(root, name, left)) this.#sidecar.remove(recordKey, name);
    }
  }

  /** @returns whether nothing of that record is left */
  #remove(root: Entry, name: string, left: Left): boolean {
    let directory = root.hold();
    for (const component of left.directory) {
      const next = this.#tree.child(directory, component);
      directory.release();
      if (typeof next === 'number') return next === -Errno.ENOENT;
      directory = next;
    }
    const entry = this.#tree.child(directory, name);
    if (typeof entry === 'number') {
      directory.release();
      return entry === -Errno.ENOENT;
    }
    const isFolder = entry.inode.kind === 'folder';
    const modified = modifiedBefore(directory, entry, left);
    const removes = isLeft(entry, left);
    const answer = removes ? unlinkAt(directory.fd, name, isFolder ? AtFlag.RemoveFolder : 0) : 0;
    if (answer === 0) entry.markUnlinked();
    if (removes && answer === 0 && modified !== undefined) setTimes(directory.fd, undefined, modified);
    entry.release();
    directory.release();
    return answer === 0 || answer === -Errno.ENOTEMPTY;
  }
}

/**
 * When a directory was modified before the name was made. The removal undoes the change, so the directory has this time again.
 * @returns undefined if the change was complete (the name is that of a replaced directory), or the directory was changed again since then
 */
function modifiedBefore(directory: Entry, { inode, fd }: Entry, { modified }: Left): bigint | undefined {
  if (modified === undefined || inode.kind === 'folder' || stat(fd, scratch) < 0) return undefined;
  const made = scratch.changed;
  if (stat(directory.fd, scratch) < 0) return undefined;
  const since = scratch.modified - made;
  return since <= ticks && since >= -ticks ? BigInt(modified) : undefined;
}

/** Whether an entry is the one that the record describes, so that its removal loses nothing. */
function isLeft({ inode, fd }: Entry, { fileId, target, empty }: Left): boolean {
  if (stat(fd, scratch) < 0) return false;
  if (inode.fileId === fileId) return inode.kind === 'folder' || scratch.links > 1;
  if (inode.kind === 'file') return empty === true && scratch.size === 0;
  if (inode.kind !== 'link' || target === undefined) return false;
  const bytes = readLink(fd, '');
  return typeof bytes !== 'number' && bytes.toString('hex') === target;
}

function parse(value: Uint8Array): Left | undefined {
  try {
    const left = JSON.parse(Buffer.from(value).toString()) as Left;
    const { directory, modified } = left;
    if (!Array.isArray(directory) || !directory.every((name) => typeof name === 'string')) return undefined;
    return modified === undefined || /^-?\d+$/.test(modified) ? left : undefined;
  } catch {
    return undefined;
  }
}
