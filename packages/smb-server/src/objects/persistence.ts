import type { MaybePromise } from '@ring3/kit';
import type { Handle, Identity, Vfs } from '@ring3/vfs';
import type { FileState, LockRange } from '../state/index.ts';
import type { Actor } from '../values/events.ts';
import { hexOf } from '../values/guid-key.ts';
import type { Quota } from '../values/quota.ts';
import type { RepeatedLog } from '../values/repeated-log.ts';
import type { LockSequence, PersistentChange, PersistentOpen, PersistentOpens, StoredOpen } from './persistent-opens.ts';

/** What is stored of an open: Open implements it. */
interface Persistable {
  readonly persistentFileId: number;
  readonly volatileFileId: number;
  readonly share: { readonly name: string };
  readonly pathName: string;
  readonly handle: Handle | undefined;
  readonly base: Handle | undefined;
  readonly fileState: FileState;
  readonly lease: PersistableLease | undefined;
  readonly parentLease: string | undefined;
  readonly identity: Identity;
  readonly durableOwner: string;
  readonly quotaOwner: string;
  readonly actor: Actor;
  readonly grantedAccess: number;
  readonly createOptions: number;
  readonly createAction: 0 | 1 | 2 | 3;
  readonly creationTime: number;
  readonly clientKey: string;
  readonly createGuid: string | undefined;
  readonly appInstance: { readonly id: string | undefined; readonly version: bigint | undefined };
  readonly durable: { readonly timeoutMs: number } | undefined;
  readonly closed: boolean;
}
interface PersistableLease {
  readonly key: Uint8Array;
  readonly version: 1 | 2;
  readonly opens: ReadonlySet<Persistable>;
}
/** What decides whether opens of a share may be persistent. */
interface PersistableShare {
  readonly options: { readonly continuousAvailability?: boolean } | undefined;
  readonly vfs: Vfs | undefined;
}

/** What {@link Persistence} uses of the server. */
interface Surroundings {
  readonly repeated: RepeatedLog;
  readonly quotas: { readonly persistentOpens: Quota };
  /** A limit rejects something. */
  refuse(limit: 'persistentOpens', whom: Actor): void;
}

/**
 * The persistent opens of a server, MS-SMB2 3.3.1.10 Open.IsPersistent: each change is stored before the response is sent. A store that
 * fails makes a new open durable only; a LOCK or a deletion that cannot be stored fails.
 */
export class Persistence {
  readonly #store: PersistentOpens | undefined;
  readonly #server: Surroundings;
  /** The opens, each with the ids of the files that it is found by: its own; of a stream also that of its file. */
  readonly #opens = new Map<Persistable, readonly string[]>();
  readonly #byFile = new Map<string, Set<Persistable>>();
  /** Opens that ended and are still stored. */
  readonly #ended = new Set<number>();

  /** @param store undefined: no open is persistent */
  constructor(store: PersistentOpens | undefined, server: Surroundings) {
    this.#store = store;
    this.#server = server;
  }

  /** IsPersistentHandlesSupported: whether the server has persistent opens at all, MS-SMB2 3.3.1.5. */
  get isSupported(): boolean {
    return this.#store !== undefined;
  }

  get size(): number {
    return this.#opens.size;
  }

  /**
   * Share.IsCA, MS-SMB2 3.3.1.6: opens of the share may be persistent. The store must find a file again after a restart, which its stable ids
   * verify.
   */
  isAvailable({ options, vfs }: PersistableShare): boolean {
    return this.isSupported && options?.continuousAvailability === true && vfs?.features.has('stableIds') === true;
  }

  /** What was stored by an earlier server. */
  load(): MaybePromise<readonly StoredOpen[]> {
    return this.#store?.load() ?? [];
  }

  /** An open was restored from what is stored. */
  restored(open: Persistable): void {
    this.#add(open);
  }

  #add(open: Persistable): void {
    this.#index(open);
    this.#server.quotas.persistentOpens.add(open.quotaOwner);
  }

  #index(open: Persistable): void {
    const files = [open.handle, open.base].flatMap((file) => (file === undefined ? [] : [file.fileId]));
    this.#opens.set(open, files);
    for (const file of files) this.#byFile.set(file, (this.#byFile.get(file) ?? new Set()).add(open));
  }

  #unindex(open: Persistable): void {
    for (const file of this.#opens.get(open) ?? []) {
      const opens = this.#byFile.get(file);
      if (opens?.delete(open) === true && opens.size === 0) this.#byFile.delete(file);
    }
    this.#opens.delete(open);
  }

  /** @returns whether it was there */
  #delete(open: Persistable): boolean {
    if (!this.#opens.has(open)) return false;
    this.#unindex(open);
    this.#server.quotas.persistentOpens.remove(open.quotaOwner);
    return true;
  }

  /** Stores a new persistent open, with the locks it has. @returns whether it is stored */
  enter(open: Persistable): MaybePromise<boolean> {
    if (open.closed) return false; // while its lease was being stored
    if (!this.#server.quotas.persistentOpens.may(open.quotaOwner)) {
      this.#server.refuse('persistentOpens', open.actor);
      return false;
    }
    this.#add(open);
    return this.#commit([{ kind: 'open', open: recordOf(open) }]).then((stored) => {
      if (!stored) this.#delete(open);
      return stored;
    });
  }

  /** The open has ended: it is not restored again. Resolves when that is stored, or has failed. */
  ended(open: Persistable): MaybePromise<void> {
    return this.#delete(open) ? this.forget(open.persistentFileId) : undefined;
  }

  /** Removes what is stored of an open. If that fails, the next commit tries it again. */
  async forget(id: number): Promise<void> {
    this.#ended.add(id);
    await this.#commit([]);
  }

  /** The server ends, and the open continues with the next one. */
  suspend(open: Persistable): void {
    this.#delete(open);
  }

  /** Stores the present values of an open, if it is persistent. @returns whether they are stored */
  save(open: Persistable): MaybePromise<boolean> {
    if (!this.#opens.has(open)) return true;
    this.#unindex(open); // it may be an open of another file or stream now
    this.#index(open);
    return this.#saveAll([open]);
  }

  /** Stores the values of the opens of a lease: they share its state. */
  saveLease(lease: PersistableLease): MaybePromise<boolean> {
    return this.#opens.size === 0 ? true : this.#saveAll([...lease.opens]);
  }

  /** Stores the values of the opens of a file, for example because it is delete-pending now. */
  saveFile(state: FileState, { fileId }: Handle): MaybePromise<boolean> {
    return this.#saveAll(this.#opensOf(state, fileId));
  }

  /** A rename begins: until it is stored that it was made, the opens of the file may be found by either path. */
  renaming(state: FileState, { fileId }: Handle, nextPath: string): MaybePromise<boolean> {
    return this.#saveAll(this.#opensOf(state, fileId), nextPath);
  }

  /** @returns whether the locks are stored, if the open is persistent */
  locked(open: Persistable, ranges: readonly LockRange[], sequence: LockSequence | undefined): MaybePromise<boolean> {
    if (!this.#opens.has(open)) return true;
    return this.#commit([{ kind: 'lock', id: open.persistentFileId, ranges, sequence }]);
  }

  unlocked(
    open: Persistable,
    ranges: readonly Pick<LockRange, 'offset' | 'length'>[],
    sequence: LockSequence | undefined,
  ): MaybePromise<boolean> {
    if (!this.#opens.has(open) || (ranges.length === 0 && sequence === undefined)) return true;
    return this.#commit([{ kind: 'unlock', id: open.persistentFileId, ranges, sequence }]);
  }

  #opensOf(state: FileState, fileId: string): Persistable[] {
    return [...(this.#byFile.get(fileId) ?? [])].filter((open) => open.fileState === state);
  }

  #saveAll(opens: readonly Persistable[], nextPath?: string): MaybePromise<boolean> {
    const changes = opens
      .filter((open) => this.#opens.has(open) && !open.closed)
      .map((open): PersistentChange => ({ kind: 'open', open: recordOf(open, nextPath) }));
    return changes.length === 0 ? true : this.#commit(changes);
  }

  async #commit(changes: readonly PersistentChange[]): Promise<boolean> {
    if (this.#store === undefined) return false;
    const late = [...this.#ended];
    try {
      await this.#store.commit([...changes, ...late.map((id) => ({ kind: 'end', id }) as const)]);
    } catch (error) {
      this.#server.repeated.say('warn', 'persistent opens cannot be stored: new opens are durable only', '', { error });
      return false;
    }
    for (const id of late) this.#ended.delete(id);
    return true;
  }
}

/** @param nextPath the path that a rename in progress gives its file */
function recordOf(open: Persistable, nextPath?: string): PersistentOpen {
  const { handle, base, fileState, volatileFileId: openId, lease, appInstance, identity } = open;
  const fileId = handle?.fileId ?? '';
  const { oplock, epoch, entry, deletePending } = fileState.look(fileId, openId);
  const stream = open.pathName.lastIndexOf(':');
  return {
    id: open.persistentFileId,
    share: open.share.name,
    path: open.pathName,
    nextPath: nextPath === undefined || base === undefined ? nextPath : nextPath + open.pathName.slice(stream),
    fileId,
    baseId: base?.fileId,
    identity,
    durableOwner: open.durableOwner,
    quotaOwner: open.quotaOwner,
    peer: open.actor.peer,
    grantedAccess: open.grantedAccess,
    shareAccess: entry?.shareAccess ?? 0,
    createOptions: open.createOptions,
    createAction: open.createAction,
    since: open.creationTime,
    clientGuid: hexOf(open.clientKey),
    createGuid: hexOf(open.createGuid ?? ''),
    appInstanceId: appInstance.id === undefined ? undefined : hexOf(appInstance.id),
    appInstanceVersion: appInstance.version?.toString(),
    timeoutMs: open.durable?.timeoutMs ?? 0,
    lease: lease === undefined ? undefined : { key: Buffer.from(lease.key).toString('hex'), version: lease.version },
    parentLease: open.parentLease === undefined ? undefined : hexOf(open.parentLease),
    level: oplock,
    epoch,
    deletePending,
    baseDeletePending: base !== undefined && fileState.look(base.fileId, openId).deletePending,
    posixDelete: entry?.posixDelete === true,
    deleteOnClose: entry?.deleteOnClose === true,
  };
}
