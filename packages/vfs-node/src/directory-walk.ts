import { close, EntryType, Errno, FileStat, FolderReader, OpenFlag, openAt, statAt } from '@ring3/linux';
import { type Kind, nameFromBytes } from '@ring3/vfs';
import { hostName } from './entry.ts';
import { kindOf } from './kind-of.ts';

/** Components below the watched directory. */
export type Path = readonly string[];

/** The callbacks of a walk. */
export interface WalkVisitor {
  /**
   * Called for each directory, the first included.
   * @param fd a reference, closed after the walk
   * @returns 0, or a negative errno, which ends the walk
   */
  directory(fd: number, path: Path): number;
  /** Called for each entry below the first directory. Optional. */
  entry?: ((path: Path, kind: Kind) => void) | undefined;
  /** Whether the walk was cancelled. */
  ended(): boolean;
}

/** A directory on the path to the current one, and its subdirectories that are not visited yet. */
interface Frame {
  /** -1 while it is closed for deeper directories. */
  fd: number;
  readonly path: Path;
  readonly names: readonly Buffer[];
  next: number;
}

/** Maximum number of subdirectories: as many as can be watched in total. */
const maxNames = 65_536;
/** Maximum number of levels with an open descriptor. */
const maxOpen = 16;
/** Entries that are read between two yields. */
const readAtATime = 64;

const found = new FileStat();

/**
 * Visits a directory and all directories below it, without recursion. It yields between small steps and has at most `maxOpen` + 2
 * descriptors open, which are closed when it ends, returns or throws.
 * @param fd a reference to the first directory; the walk does not close it
 * @param path of the first directory
 * @returns 0, or a negative errno: from `directory`, or ENOSPC for too many subdirectories in one directory
 */
export function* walkDirectories(fd: number, path: Path, visitor: WalkVisitor): Generator<undefined, number, undefined> {
  const stack: Frame[] = [];
  /** Reads a visited directory. Returns the names of its subdirectories or a negative errno. */
  const read = function* (directory: number, at: Path): Generator<undefined, Buffer[] | number, undefined> {
    const listing = openAt(directory, '.', OpenFlag.ReadOnly | OpenFlag.Directory);
    if (listing < 0) return []; // removed, or not readable: nothing below it can be watched
    try {
      return yield* namesIn(listing, at, visitor);
    } finally {
      close(listing);
    }
  };
  try {
    const first = visitor.directory(fd, path);
    if (first < 0) return first;
    const names = yield* read(fd, path);
    if (typeof names === 'number') return names;
    stack.push({ fd, path, names, next: 0 });
    for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
      yield;
      if (visitor.ended()) return 0;
      const name = frame.names[frame.next++];
      if (name === undefined) {
        stack.pop();
        if (frame.fd >= 0 && frame.fd !== fd) close(frame.fd);
        continue;
      }
      if (frame.fd < 0) frame.fd = reopened(fd, frame.path.slice(path.length));
      const child = frame.fd < 0 ? frame.fd : openAt(frame.fd, name, OpenFlag.Path | OpenFlag.Directory | OpenFlag.NoFollow);
      if (child < 0) continue;
      let pushed = false;
      try {
        const below = [...frame.path, nameFromBytes(name)];
        const code = visitor.directory(child, below);
        if (code === -Errno.EACCES || code === -Errno.ENOENT) continue;
        if (code < 0) return code;
        const names = yield* read(child, below);
        if (typeof names === 'number') return names;
        if (names.length === 0) continue;
        stack.push({ fd: child, path: below, names, next: 0 });
        pushed = true;
      } finally {
        if (!pushed) close(child);
      }
      const above = stack[stack.length - 1 - maxOpen];
      if (above !== undefined && above.fd >= 0 && above.fd !== fd) {
        close(above.fd);
        above.fd = -1;
      }
    }
    return 0;
  } finally {
    for (const frame of stack) if (frame.fd >= 0 && frame.fd !== fd) close(frame.fd);
  }
}

/** Returns the subdirectories of a directory. */
function* namesIn(listing: number, at: Path, { entry, ended }: WalkVisitor): Generator<undefined, Buffer[] | number, undefined> {
  const reader = new FolderReader(listing);
  const names: Buffer[] = [];
  for (let count = 1; reader.next() === 1; count++) {
    if (count % readAtATime === 0) {
      yield;
      if (ended()) return [];
    }
    const host = Buffer.from(reader.name);
    const kind = kindBelow(listing, host, reader.type, entry !== undefined);
    if (kind === undefined) continue;
    entry?.([...at, nameFromBytes(host)], kind);
    if (kind === 'folder' && names.push(host) > maxNames) return -Errno.ENOSPC;
  }
  return names;
}

/** The kind of an entry; undefined if it is never served or not needed. */
function kindBelow(listing: number, host: Buffer, type: number, all: boolean): Kind | undefined {
  if (type === EntryType.Folder) return 'folder';
  if (type !== EntryType.Unknown && !all) return undefined;
  if (type === EntryType.Regular) return 'file';
  if (type === EntryType.Link) return 'link';
  return statAt(listing, host, found) < 0 ? undefined : kindOf(found);
}

/** Opens a reference to a directory without following links. @returns the descriptor or a negative errno */
export function reopened(from: number, path: Path): number {
  let fd = openAt(from, '.', OpenFlag.Path | OpenFlag.Directory);
  for (const name of path) {
    if (fd < 0) return fd;
    const next = openAt(fd, hostName(name), OpenFlag.Path | OpenFlag.Directory | OpenFlag.NoFollow);
    close(fd);
    fd = next;
  }
  return fd;
}
