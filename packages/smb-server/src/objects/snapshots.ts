import { andThen, type MaybePromise } from '@ring3/kit';
import { type Access, type Answer, type Handle, isCode, readOnly, type StreamHow, type Vfs } from '@ring3/vfs';

/** The earlier states of a share's directory. A snapshot is named by its time, as an `@GMT` token: MS-SMB2 2.2.32.2. */
export interface Snapshots {
  /** The tokens of all snapshots. */
  list(): MaybePromise<readonly string[]>;
  /** The store of a snapshot, whose root is the directory of the share as it was then; undefined if there is none. */
  open(token: string): MaybePromise<Vfs | undefined>;
}

const token = /^@GMT-(\d{4})\.(\d\d)\.(\d\d)-(\d\d)\.(\d\d)\.(\d\d)$/;

/** Whether a name is an `@GMT` token of a valid time. */
export const isSnapshotToken = (name: string): boolean => {
  const parts = token.exec(name)?.slice(1).map(Number);
  if (parts === undefined) return false;
  const [year, month, ...rest] = parts as [number, number, number, number, number, number];
  return snapshotToken(new Date(Date.UTC(year, month - 1, ...rest))) === name;
};

/** The token of a time; fractions of a second are dropped. */
export function snapshotToken(time: Date): string {
  const text = Number.isNaN(time.getTime()) ? '' : time.toISOString();
  const [, date = '', hours = ''] = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)\./.exec(text) ?? [];
  return `@GMT-${date.replaceAll('-', '.')}-${hours.replaceAll(':', '.')}`;
}

/** A file of a snapshot can be opened for writing, as by Windows; each write fails. */
const withoutWriting = (access: Access): Access => (access === 'write' || access === 'readWrite' ? 'read' : access);

/**
 * A store that also has the snapshots of its root: a handle of a root opens one by its token, which no listing shows. Nothing in a snapshot
 * can be changed.
 */
export function withSnapshots(vfs: Vfs, snapshots: Snapshots): Vfs {
  /** The stores of the handles of snapshots, with their tokens. */
  const origins = new WeakMap<Handle, { readonly store: Vfs; readonly name: string }>();
  /** Read-only wrappers of the stores. */
  const stores = new WeakMap<Vfs, Vfs>();

  /** A handle of a snapshot: its identity differs from that of the present file, and its path begins with the token. */
  function sealed(answer: Answer<Handle>, store: Vfs, name: string, isRoot = false): Answer<Handle> {
    return andThen(answer, (inner) => {
      if (isCode(inner)) return inner;
      const handle: Handle = Object.create(inner, {
        fileId: { value: `${name}:${inner.fileId}` },
        ...(isRoot && { name: { value: name } }),
        checkUnlink: { value: () => 'EROFS' },
        ...(inner.path !== undefined && {
          path: { value: () => andThen(inner.path!(), (path) => (isCode(path) ? path : [name, ...path])) },
        }),
        reopen: { value: (access: Access, signal?: AbortSignal) => inner.reopen?.(withoutWriting(access), signal) },
        ...(inner.openStream !== undefined && {
          openStream: {
            value: (stream: string, how: StreamHow, signal?: AbortSignal) =>
              sealed(inner.openStream!(stream, { ...how, access: withoutWriting(how.access) }, signal), store, name),
          },
        }),
      });
      origins.set(handle, { store, name });
      return handle;
    });
  }

  return {
    features: vfs.features,
    ...(vfs.fileDescriptors && { fileDescriptors: vfs.fileDescriptors }),
    root: (who, signal, same) => vfs.root(who, signal, same),
    open(dir, name, how, who, signal) {
      const origin = origins.get(dir);
      if (origin !== undefined)
        return sealed(origin.store.open(dir, name, { ...how, access: withoutWriting(how.access) }, who, signal), origin.store, origin.name);
      const live = (): Answer<Handle> => vfs.open(dir, name, how, who, signal);
      if (dir.name !== '' || !name.startsWith('@GMT-') || !isSnapshotToken(name)) return live();
      return andThen(snapshots.open(name), (snapshot) => {
        if (snapshot === undefined) return live();
        const store = stores.get(snapshot) ?? readOnly(snapshot);
        stores.set(snapshot, store);
        if (how.disposition === 'create') return 'EEXIST';
        if (how.kind === 'file') return 'EISDIR';
        return sealed(store.root(who, signal), store, name, true);
      });
    },
    ...(vfs.close && { close: () => vfs.close!() }),
  };
}
