import type { MaybePromise } from '@ring3/kit';
import { close, FolderReader, OpenFlag, openAt, stat } from '@ring3/linux';
import { foldName } from '@ring3/vfs';
import type { Entry } from './entry.ts';
import { nameOf } from './name-of.ts';
import { scratch } from './scratch.ts';

/** Maximum number of cached names of all directories; the least recently used directory is evicted first. */
const maxNames = 2_000_000;
/** Names that are read synchronously: about a millisecond. */
const maxSyncNames = 4096;

/** The names of one directory by their folded form; a list if several fold to the same. */
class DirectoryNames {
  /** The directory's change time for which the names are valid; undefined if they are not valid. */
  changed: bigint | undefined;
  /** Names that are included in the total. */
  counted = 0;
  readonly spellings = new Map<string, string | string[]>();
  /** The running scan; other callers await it. */
  scan: Promise<void> | undefined;
  /** Names that were added and removed during the scan. */
  readonly meanwhile: [added: boolean, name: string][] = [];

  add(name: string): void {
    const key = foldName(name);
    const existing = this.spellings.get(key);
    if (existing === undefined) this.spellings.set(key, name);
    else if (typeof existing === 'string') {
      if (existing !== name) this.spellings.set(key, [existing, name].sort());
    } else if (!existing.includes(name)) this.spellings.set(key, [...existing, name].sort());
  }

  remove(name: string): void {
    const key = foldName(name);
    const existing = this.spellings.get(key);
    if (existing === name) this.spellings.delete(key);
    else if (Array.isArray(existing)) {
      const left = existing.filter((other) => other !== name);
      if (left.length === 1) this.spellings.set(key, left[0]!);
      else this.spellings.set(key, left);
    }
  }
}

/**
 * Finds names in any case. A directory is read at most once for each change by another program: the store tracks its own changes, and the
 * directory's change time reveals the others.
 */
export class FoldedNames {
  readonly #directories = new Map<string, DirectoryNames>();
  #total = 0;
  /** Number of directory scans, for tests. */
  scans = 0;

  /**
   * Returns the host's spelling of a name that does not exist as it is spelled. Of several, the first by code units.
   * @returns undefined if no name matches
   */
  lookup(directory: Entry, name: string): MaybePromise<string | undefined> {
    const names = this.#of(directory);
    if (names.scan !== undefined) return names.scan.then(() => this.#pick(names, name));
    if (stat(directory.fd, scratch) < 0) return undefined;
    const { changed } = scratch;
    if (names.changed !== changed) {
      this.#scan(directory, names, changed);
      if (names.scan !== undefined) return (names.scan as Promise<void>).then(() => this.#pick(names, name));
    }
    return this.#pick(names, name);
  }

  /**
   * Makes a change in a directory and tracks it.
   * @param change the host call; its result is returned
   * @param added,removed names that exist, or do not exist, after the call succeeds
   */
  change(directory: Entry, change: () => number, added: string | undefined, removed: string | undefined): number {
    const own = directory.inode.ownChanges;
    for (const name of own === undefined ? [] : [added, removed]) {
      if (name === undefined) continue;
      own?.begin(name);
      own?.end(name);
    }
    const names = this.#directories.get(directory.inode.fileId);
    if (names === undefined) return change();
    const current = names.scan === undefined && stat(directory.fd, scratch) === 0 && names.changed === scratch.changed;
    const answer = change();
    if (answer < 0) return answer;
    if (names.scan !== undefined) {
      if (removed !== undefined) names.meanwhile.push([false, removed]);
      if (added !== undefined) names.meanwhile.push([true, added]);
    } else if (current) {
      if (removed !== undefined) names.remove(removed);
      if (added !== undefined) names.add(added);
      names.changed = stat(directory.fd, scratch) === 0 ? scratch.changed : undefined;
    }
    return answer;
  }

  #pick(names: DirectoryNames, name: string): string | undefined {
    const found = names.spellings.get(foldName(name));
    return Array.isArray(found) ? found[0] : found;
  }

  /** The names of a directory, which becomes the most recently used. */
  #of(directory: Entry): DirectoryNames {
    const key = directory.inode.fileId;
    let names = this.#directories.get(key);
    if (names === undefined) names = new DirectoryNames();
    else this.#directories.delete(key);
    this.#directories.set(key, names);
    return names;
  }

  /** Reads a directory: synchronously if it is small, otherwise in parts in the pool. `names.scan` resolves at the end. */
  #scan(directory: Entry, names: DirectoryNames, changed: bigint): void {
    this.scans++;
    names.spellings.clear();
    names.meanwhile.length = 0;
    names.changed = undefined;
    const fd = openAt(directory.fd, '.', OpenFlag.ReadOnly | OpenFlag.Directory);
    if (fd < 0) return; // the directory can be searched but not read: names are found only as they are spelled
    const reader = new FolderReader(fd);
    let left = maxSyncNames;
    while (left > 0 && reader.next() === 1) {
      names.add(nameOf(reader));
      left--;
    }
    if (left > 0) {
      close(fd);
      names.changed = changed;
      this.#evict(names);
      return;
    }
    directory.hold();
    names.scan = this.#scanRest(directory, names, reader, changed).finally(() => {
      close(fd);
      directory.release();
      names.scan = undefined;
      this.#evict(names);
    });
  }

  async #scanRest(directory: Entry, names: DirectoryNames, reader: FolderReader, changed: bigint): Promise<void> {
    while (reader.isBuffered || (await reader.fill()) === 1) if (reader.next() === 1) names.add(nameOf(reader));
    const own = names.meanwhile.splice(0);
    for (const [added, name] of own) {
      if (added) names.add(name);
      else names.remove(name);
    }
    // after its own changes, those of other programs cannot be distinguished: the next miss reads again
    if (own.length === 0 && stat(directory.fd, scratch) === 0 && scratch.changed === changed) names.changed = changed;
  }

  /** Counts the names that were read and evicts the least recently used directories above the limits. */
  #evict(keep: DirectoryNames): void {
    this.#total += keep.spellings.size - keep.counted;
    keep.counted = keep.spellings.size;
    for (const [key, names] of this.#directories) {
      if (this.#total <= maxNames && this.#directories.size <= 4096) return;
      if (names === keep || names.scan !== undefined) continue;
      this.#total -= names.counted;
      this.#directories.delete(key);
    }
  }
}
