import { Quota } from '../values/quota.ts';
import type { Open } from './open.ts';
import type { Share } from './share.ts';
import type { TreeConnect } from './tree-connect.ts';

/**
 * The file descriptors of the process that opens hold: one for each open, and one for each directory above it, which opens in the same
 * directory share. The chain of directories counts once for each user and directory, so chains that meet further up are counted too high,
 * never too low.
 */
export class FileDescriptors {
  readonly #quota: Quota;
  /** Opens by user and directory. */
  readonly #directories = new Map<string, number>();

  /** @param limit descriptors that opens may hold together, as it is now */
  constructor(limit: () => number) {
    this.#quota = new Quota(limit);
  }

  /** The counted descriptors of opens. */
  get total(): number {
    return this.#quota.total;
  }

  /** Whether a user may open something at this depth below the root. */
  may(tree: TreeConnect, depth: number): boolean {
    const count = costOf(tree, depth);
    return count === 0 || this.#quota.may(tree.session.owner, count);
  }

  /** Counts an operation in progress as if its open existed. @returns to be called when the operation is done; a second call does nothing */
  during(tree: TreeConnect, depth: number): () => void {
    const count = costOf(tree, depth);
    const { owner } = tree.session;
    this.#quota.add(owner, count);
    let booked = count;
    return () => {
      this.#quota.remove(owner, booked);
      booked = 0;
    };
  }

  opened(open: Open): void {
    const { share, handle, base, link, quotaOwner } = open;
    const cost = handle === undefined ? undefined : share.vfs?.fileDescriptors;
    if (cost === undefined) return;
    open.fileDescriptors = cost.handle * (1 + (base === undefined ? 0 : 1) + (link === undefined ? 0 : 1));
    this.#quota.add(quotaOwner, open.fileDescriptors);
    this.#enterDirectory(open);
  }

  #enterDirectory(open: Open): void {
    const { share, pathName, quotaOwner } = open;
    const end = pathName.lastIndexOf('\\');
    if (end <= 0) return;
    const directory = `${quotaOwner}\\${share.name}\\${pathName.slice(0, end)}`;
    open.directory = directory;
    const opens = this.#directories.get(directory) ?? 0;
    this.#directories.set(directory, opens + 1);
    if (opens === 0) this.#quota.add(quotaOwner, chainCost(share, directory));
  }

  #leaveDirectory(open: Open): void {
    const { share, directory, quotaOwner } = open;
    if (directory === undefined) return;
    open.directory = undefined;
    const opens = (this.#directories.get(directory) ?? 1) - 1;
    if (opens > 0) this.#directories.set(directory, opens);
    else {
      this.#directories.delete(directory);
      this.#quota.remove(quotaOwner, chainCost(share, directory));
    }
  }

  /** Its file is in another directory now. */
  moved(open: Open): void {
    if (open.fileDescriptors === 0) return;
    this.#leaveDirectory(open);
    this.#enterDirectory(open);
  }

  /** The store has released what the open held. */
  closed(open: Open): void {
    if (open.fileDescriptors === 0) return;
    this.#quota.remove(open.quotaOwner, open.fileDescriptors);
    open.fileDescriptors = 0;
    this.#leaveDirectory(open);
  }
}

function costOf({ vfs }: TreeConnect, depth: number): number {
  const cost = vfs.fileDescriptors;
  return cost === undefined ? 0 : cost.handle + depth * cost.directory;
}

/** Of the directories below the root in `owner\share\a\b`. */
function chainCost({ vfs }: Share, directory: string): number {
  let count = -1;
  for (let at = directory.indexOf('\\'); at >= 0; at = directory.indexOf('\\', at + 1)) count++;
  return count * (vfs?.fileDescriptors?.directory ?? 0);
}
