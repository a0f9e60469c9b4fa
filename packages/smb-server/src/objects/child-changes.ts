import { cachedByOthers, type FileState, type OplockOwner } from '../state/index.ts';

/** The part of the leases of a server (`Leases`) that changes need. */
interface DirectoryLeases {
  readonly leases: { readonly directories: number; ownerOf(name: string | undefined): number };
}
/** The part of an open (`Open`) that changes need. */
interface Changing {
  readonly server: DirectoryLeases;
  readonly fileState: FileState;
  readonly parentId: string | undefined;
  readonly dataParentId: string | undefined;
  readonly parentLease: string | undefined;
}

/**
 * Breaks the leases of a directory because of a change of its entries, MS-FSA 2.1.4.12 with PARENT_OBJECT. Called when the change is done and before the client has the
 * response: a listing that another client takes in between shows the change already. The change does not wait for an acknowledgment.
 * @param parentLease the lease that the client of the change named as that of the directory: it is not broken, MS-FSA 2.1.4.12.2
 */
export function directoryChanged(
  { leases }: DirectoryLeases,
  state: FileState,
  directoryId: string | undefined,
  parentLease?: string,
): void {
  if (leases.directories === 0 || directoryId === undefined) return;
  const guard = state.knownGuard(directoryId);
  if (guard === undefined || guard.readers === 0) return;
  const owner = leases.ownerOf(parentLease);
  if (owner !== 0 && guard.onlyLease === owner) return;
  void state.submit(directoryId, { kind: 'notice', operation: 'childChange', owner });
}

/** The data or metadata of the object of an open was changed. */
export function childChanged(open: Changing): void {
  const { server } = open;
  if (server.leases.directories > 0) directoryChanged(server, open.fileState, open.dataParentId, open.parentLease);
}

/**
 * The data of a file was changed. While the store changed it, another client may have been granted a lease or an oplock, and may have read the old data: it is broken now.
 * @param owner of the oplock or lease of the open that made the change
 */
export function dataChanged(state: FileState, fileId: string, owner: OplockOwner): void {
  const guard = state.knownGuard(fileId);
  if (guard === undefined || !cachedByOthers(guard, owner)) return;
  void state.submit(fileId, { kind: 'notice', operation: 'write', owner });
}

/** The name of the object of an open was added or removed. */
export function nameChanged(open: Changing): void {
  directoryChanged(open.server, open.fileState, open.parentId, open.parentLease);
}
