import { readFileSync } from 'node:fs';
import { AccessMode, accessAt, Errno, FileStat, Mode, StatAttribute, stat } from '@ring3/linux';
import type { Entry } from './entry.ts';

const found = new FileStat();
const capFowner = 3;

/**
 * Checks whether the host would allow the removal of an entry's name: permissions of its directory, a read-only mount, the sticky bit,
 * immutable and append-only files (unlink(2)), a mount point. Security modules and remote file systems may have more rules.
 * @returns 0, or the negative errno that unlinkat(2) would return
 */
export function unlinkFault({ parent, fd }: Entry): number {
  if (parent === undefined) return -Errno.EBUSY;
  const failure = directoryFault(parent.fd);
  if (failure < 0) return failure;
  const sticky = (found.mode & Mode.Sticky) !== 0;
  const owner = found.userId;
  const itself = stat(fd, found);
  if (itself < 0) return itself;
  if ((found.attributes & (StatAttribute.Immutable | StatAttribute.Append)) !== 0) return -Errno.EPERM;
  if ((found.attributes & StatAttribute.MountRoot) !== 0) return -Errno.EBUSY;
  const user = process.geteuid?.() ?? 0;
  return sticky && user !== owner && user !== found.userId && !actsAsOwner() ? -Errno.EPERM : 0;
}

/**
 * Checks whether names can be removed from a directory at all: its permissions, a read-only mount, an immutable or append-only directory.
 * Sets `found` to its stat.
 * @returns 0 or a negative errno
 */
export function directoryFault(fd: number): number {
  const failure = accessAt(fd, '.', AccessMode.Write | AccessMode.Execute);
  if (failure < 0) return failure;
  const directory = stat(fd, found);
  if (directory < 0) return directory;
  return (found.attributes & (StatAttribute.Immutable | StatAttribute.Append)) !== 0 ? -Errno.EPERM : 0;
}

/** Whether this thread has CAP_FOWNER, which overrides the sticky bit. capabilities(7) */
function actsAsOwner(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/thread-self/status', 'latin1'))?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> BigInt(capFowner)) & 1n) === 1n;
}
