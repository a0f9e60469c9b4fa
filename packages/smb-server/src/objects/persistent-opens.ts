import type { MaybePromise } from '@ring3/kit';
import type { Identity } from '@ring3/vfs';
import type { Level, LockRange } from '../state/index.ts';

/** What is kept of a persistent open, MS-SMB2 3.3.1.10, except its byte-range locks. It can be written as JSON. */
export interface PersistentOpen {
  /** Open.DurableFileId: the persistent half of the FileId. */
  readonly id: number;
  /** Name of the share. */
  readonly share: string;
  /** Components from the share's root as the client wrote them, stream included. */
  readonly path: string;
  /** The path that a rename in progress gives it. */
  readonly nextPath?: string | undefined;
  /** `Handle.fileId` of the file or stream; of a stream also that of its file. */
  readonly fileId: string;
  readonly baseId?: string | undefined;
  /** The identity that acts on the file. */
  readonly identity: Identity;
  /** Open.DurableOwner: the SID of the user who had logged on. */
  readonly durableOwner: string;
  /** The user that it counts for. */
  readonly quotaOwner: string;
  /** Address of the client that used it last. */
  readonly peer: string;
  readonly grantedAccess: number;
  readonly shareAccess: number;
  readonly createOptions: number;
  readonly createAction: 0 | 1 | 2 | 3;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Open.ClientGuid and Open.CreateGuid, hexadecimal. */
  readonly clientGuid: string;
  readonly createGuid: string;
  /** Open.AppInstanceId, hexadecimal; Open.ApplicationInstanceVersion, decimal. */
  readonly appInstanceId?: string | undefined;
  readonly appInstanceVersion?: string | undefined;
  /** How long it waits for its client, ms. */
  readonly timeoutMs: number;
  /** Its lease: the key, hexadecimal, and the version of its create context. */
  readonly lease?: { readonly key: string; readonly version: 1 | 2 } | undefined;
  /** The lease of its directory that its client named: the ClientGuid and the key, hexadecimal. */
  readonly parentLease?: string | undefined;
  /** The oplock, or the state of its lease, and the epoch of the lease. */
  readonly level: Level;
  readonly epoch: number;
  /** Whether its name is delete-pending; that of its file, if it is a stream. */
  readonly deletePending: boolean;
  readonly baseDeletePending: boolean;
  /** The name is deleted when it is closed, whatever else is open. */
  readonly posixDelete: boolean;
  /** FILE_DELETE_ON_CLOSE, as it is now. */
  readonly deleteOnClose: boolean;
}

/** The number of the last LOCK in a place of Open.LockSequenceArray, MS-SMB2 3.3.1.10. */
export interface LockSequence {
  /** 1 to 64. */
  readonly place: number;
  /** 0 to 15. */
  readonly number: number;
}

/** A stored open with its byte-range locks, in the order in which they were taken. */
export interface StoredOpen {
  readonly open: PersistentOpen;
  readonly locks: readonly LockRange[];
  readonly sequences: readonly LockSequence[];
}

/** A change of what is stored. */
export type PersistentChange =
  /** Adds an open, or replaces its values; its locks stay. */
  | { readonly kind: 'open'; readonly open: PersistentOpen }
  /** Adds locks, and the number of the LOCK. */
  | { readonly kind: 'lock'; readonly id: number; readonly ranges: readonly LockRange[]; readonly sequence: LockSequence | undefined }
  /** Removes one lock of each range, an exclusive one before shared ones, as MS-FSA 2.1.5.9 does; and the number of the LOCK. */
  | {
      readonly kind: 'unlock';
      readonly id: number;
      readonly ranges: readonly Pick<LockRange, 'offset' | 'length'>[];
      readonly sequence: LockSequence | undefined;
    }
  /** Removes an open with its locks. */
  | { readonly kind: 'end'; readonly id: number };

/**
 * Where persistent opens are kept, so that a server that is started again has them. Commits take effect in the order of the calls; one
 * changes all or nothing.
 */
export interface PersistentOpens {
  /** All that is stored; called once, before the server accepts a connection. */
  load(): MaybePromise<readonly StoredOpen[]>;
  /** Resolves when the changes survive the end of the process. Rejects if they cannot be stored; then none of them is. */
  commit(changes: readonly PersistentChange[]): Promise<void>;
}

/** Keeps persistent opens in memory: they survive the end of a server, not of the process. */
export function memoryPersistentOpens(): PersistentOpens {
  const stored = new Map<number, { open: PersistentOpen; locks: LockRange[]; sequences: Map<number, number> }>();
  const apply = (change: PersistentChange): void => {
    if (change.kind === 'open') {
      const known = stored.get(change.open.id);
      if (known === undefined) stored.set(change.open.id, { open: change.open, locks: [], sequences: new Map() });
      else known.open = change.open;
      return;
    }
    if (change.kind === 'end') return void stored.delete(change.id);
    const known = stored.get(change.id);
    if (known === undefined) return;
    if (change.sequence !== undefined) known.sequences.set(change.sequence.place, change.sequence.number);
    if (change.kind === 'lock') return void known.locks.push(...change.ranges);
    for (const range of change.ranges) {
      const same = (lock: LockRange): boolean => lock.offset === range.offset && lock.length === range.length;
      const exclusive = known.locks.findLastIndex((lock) => same(lock) && lock.exclusive);
      const at = exclusive < 0 ? known.locks.findLastIndex(same) : exclusive;
      if (at >= 0) known.locks.splice(at, 1);
    }
  };
  return {
    load: () =>
      [...stored.values()].map(({ open, locks, sequences }) => ({
        open,
        locks: [...locks],
        sequences: [...sequences].map(([place, number]) => ({ place, number })),
      })),
    commit: async (changes) => changes.forEach(apply),
  };
}
