import type { Actor } from '../values/events.ts';
import type { Limits } from '../values/limits.ts';
import type { RefusingLimit } from './numbers.ts';
import type { Open } from './open.ts';
import type { Quotas } from './quotas.ts';
import type { TreeConnect } from './tree-connect.ts';
import type { WrittenDirectories } from './written-directories.ts';

/** What the table uses of its server. */
interface Surroundings {
  readonly limits: Pick<Limits, 'opensForSession'>;
  readonly quotas: Quotas;
  readonly writtenDirectories: WrittenDirectories;
  /** A limit rejects something. */
  refuse(limit: RefusingLimit, whom: Actor): void;
}

/** Server.GlobalOpenTable, MS-SMB2 3.3.1.5: the opens by volatile id, also those whose client is disconnected, and what they count for. */
export class OpenTable {
  readonly #server: Surroundings;
  readonly #byId = new Map<number, Open>();
  #next = 1;

  constructor(server: Surroundings) {
    this.#server = server;
  }

  get size(): number {
    return this.#byId.size;
  }

  get(volatileFileId: number): Open | undefined {
    return this.#byId.get(volatileFileId);
  }

  values(): IterableIterator<Open> {
    return this.#byId.values();
  }

  /** The next volatile id: also a ticket of an input, and the id of a lease. */
  nextId(): number {
    return this.#next++;
  }

  /** Whether a session may have one more open. @param depth directories between the share's root and it; of a pipe none */
  may(tree: TreeConnect, depth = 0): boolean {
    const { limits, quotas } = this.#server;
    const { opens, owner } = tree.session;
    const reached =
      opens.size >= limits.opensForSession
        ? 'opensForSession'
        : !quotas.opens.may(owner)
          ? 'opens'
          : !tree.share.isPipe && !quotas.fileDescriptors.may(tree, depth)
            ? 'fileDescriptors'
            : undefined;
    if (reached !== undefined) this.#server.refuse(reached, tree.session.actor);
    return reached === undefined;
  }

  /** Adds an open to this table and to that of its session. */
  enter(open: Open): void {
    const { quotas } = this.#server;
    open.attachment?.session.opens.set(open.volatileFileId, open);
    this.#byId.set(open.volatileFileId, open);
    quotas.opens.add(open.quotaOwner);
    quotas.fileDescriptors.opened(open);
  }

  /** Removes an open. */
  leave(open: Open): void {
    const { quotas, writtenDirectories } = this.#server;
    writtenDirectories.remove(open);
    this.#byId.delete(open.volatileFileId);
    quotas.opens.remove(open.quotaOwner);
    if (open.locks > 0) quotas.locks.remove(open.quotaOwner, open.locks);
    open.locks = 0;
  }

  /** The opens below a directory, of any client. */
  below({ share }: TreeConnect, directoryId: string): Open[] {
    const below: Open[] = [];
    for (const open of this.#byId.values()) {
      if (open.share.fileState === share.fileState && open.isBelow(directoryId)) below.push(open);
    }
    return below;
  }

  /**
   * A file has another name: all opens of it have it.
   * @param ancestors the ids of the directories from the root to the one of the name
   * @returns these opens
   */
  renamed(tree: TreeConnect, fileId: string, path: string, ancestors: readonly string[]): Open[] {
    const moved: Open[] = [];
    for (const open of this.#byId.values()) {
      if (open.share.fileState !== tree.share.fileState) continue;
      if (open.named?.fileId === fileId) open.pathName = path;
      else if (open.base?.fileId === fileId) open.pathName = `${path}${open.pathName.slice(open.pathName.lastIndexOf(':'))}`;
      else continue;
      open.ancestors = ancestors;
      moved.push(open);
      this.#server.quotas.fileDescriptors.moved(open);
    }
    return moved;
  }
}
