import { type Steps, wait } from '@ring3/kit';
import { NtStatus, type SecurityDescriptor } from '@ring3/smb-proto';
import { type Handle, isCode, type OpenHow, toWireName, type VfsCode } from '@ring3/vfs';
import { orClose } from '../values/or-close.ts';
import { statusOf } from '../values/status-map.ts';
import { descriptorOf, unset } from './descriptors.ts';
import { findEntry } from './find-entry.ts';
import type { Place } from './tree-connect.ts';

/** Collected on the path to a directory. */
export interface Trail {
  /** The directories' names, in the store's spelling. */
  readonly names: string[];
  /** The ids of the directories from the share's root to the last one. */
  ids: string[];
  /** Of an entry that was reached through a link, the ids of the directories that lead to it, if the store knows its path. */
  behindIds: string[] | undefined;
  /** That of the last directory. */
  descriptor: SecurityDescriptor;
}

/** The trail at the root. */
export const newTrail = (): Trail => ({ names: [], ids: [], behindIds: undefined, descriptor: unset });

/**
 * The directory that contains the last component of a path, unless the share vetoes a name of the path. The share's root is the handle of
 * the tree connect and must not be closed.
 */
export function* openParent(place: Place, components: readonly string[], trail: Trail = newTrail()): Steps<Handle | NtStatus> {
  const { vetoed } = place.share.names;
  let folder = place.root as Handle;
  const refused = yield* learn(folder, trail);
  if (refused !== NtStatus.Success) return refused;
  trail.ids.push(folder.fileId);
  for (let i = 0; i + 1 < components.length; i++) {
    const toClose = folder === place.root ? undefined : folder;
    const name = components[i] as string;
    const next: Handle | VfsCode = vetoed?.(name) === true ? 'ENOENT' : yield* orClose(toClose, openDirectory(place, folder, name, trail));
    yield* release(place, folder);
    if (isCode(next)) return pathStatus(next);
    folder = next;
    trail.names.push(next.name);
    if (trail.behindIds !== undefined) trail.ids = trail.behindIds;
    trail.behindIds = undefined;
    trail.ids.push(next.fileId);
    const status = yield* orClose(folder, learn(folder, trail));
    if (status === NtStatus.Success) continue;
    yield* release(place, folder);
    return status;
  }
  const last = components.at(-1);
  if (vetoed === undefined || last === undefined || !vetoed(last)) return folder;
  yield* release(place, folder);
  return NtStatus.ObjectNameNotFound;
}

/** Opens a directory of the path, through links. */
function* openDirectory(place: Place, folder: Handle, name: string, trail: Trail): Steps<Handle | VfsCode> {
  const itself = yield* wait(findEntry(place, folder, name, directory));
  return itself === 'ELOOP' ? yield* openTarget(place, folder, name, 'folder', trail) : itself;
}
const directory: OpenHow = { access: 'metadata', kind: 'folder', disposition: 'open', follow: false };

/** A symbolic link that a name was resolved through: operations on the name apply to it, those on the data to its target. */
export interface NamedLink {
  readonly handle: Handle;
  /** Security descriptor of the directory that the link is in. */
  readonly parentDescriptor: SecurityDescriptor;
}
/** The result of resolving a name. */
export interface Named {
  /** The entry, or the target of the link. */
  readonly handle: Handle;
  readonly link: NamedLink | undefined;
}

/**
 * Opens an entry to look at it, through links.
 * @param lost whether a link is opened itself if its target cannot be reached: it does not exist, or is outside the share
 */
export function* openNamed(place: Place, folder: Handle, name: string, trail: Trail, lost: boolean): Steps<Named | VfsCode> {
  const { descriptor: parentDescriptor } = trail;
  const itself = yield* wait(findEntry(place, folder, name, entry));
  if (isCode(itself)) return itself;
  if (itself.kind !== 'link') return { handle: itself, link: undefined };
  const target = yield* orClose(itself, openTarget(place, folder, name, 'any', trail));
  if (!isCode(target)) return { handle: target, link: { handle: itself, parentDescriptor } };
  if (lost && unreachable.has(target)) return { handle: itself, link: undefined };
  yield* wait(itself.close());
  return target;
}
const entry: OpenHow = { access: 'metadata', kind: 'any', disposition: 'open', follow: false };
const unreachable: ReadonlySet<VfsCode> = new Set(['ENOENT', 'EACCES', 'ELOOP', 'ENOTDIR']);

/**
 * Opens the target of a link, which may be in another directory. If the store knows its path, the trail takes that directory's descriptor,
 * so a link bypasses neither permissions nor vetoes.
 */
export function* openTarget(place: Place, folder: Handle, name: string, kind: 'folder' | 'any', trail: Trail): Steps<Handle | VfsCode> {
  const target = yield* wait(findEntry(place, folder, name, { access: 'metadata', kind, disposition: 'open' }));
  if (isCode(target)) return target;
  const code = yield* learnBehind(place, target, trail);
  if (code === undefined) return target;
  yield* wait(target.close());
  return code;
}

function* learnBehind(place: Place, target: Handle, trail: Trail): Steps<VfsCode | undefined> {
  const path = yield* wait(target.path?.());
  if (path === undefined) return place.share.names.vetoed === undefined ? undefined : 'EACCES'; // the target may be anywhere
  if (isCode(path)) return path;
  const real = newTrail();
  const parent = yield* openParent(place, path, real);
  if (typeof parent === 'number') return notThere.has(parent) ? 'ENOENT' : 'EACCES';
  yield* release(place, parent);
  trail.descriptor = real.descriptor;
  trail.behindIds = real.ids;
  return undefined;
}

const notThere: ReadonlySet<NtStatus> = new Set([NtStatus.ObjectNameNotFound, NtStatus.ObjectPathNotFound]);

function* learn(folder: Handle, trail: Trail): Steps<NtStatus> {
  const descriptor = yield* descriptorOf(folder, trail.descriptor);
  if (isCode(descriptor)) return statusOf(descriptor);
  trail.descriptor = descriptor;
  return NtStatus.Success;
}

/** Releases a directory that `openParent` returned. */
export function* release(place: Place, folder: Handle): Steps<void> {
  if (folder !== place.root) yield* wait(folder.close());
}

/** A path for display: directories and the last name, in the store's spelling, converted for the wire. */
export const shownPath = ({ names }: Trail, name: string, stream?: string): string => {
  const path = (name === '' ? names : [...names, name]).map(toWireName).join('\\');
  return stream === undefined ? path : `${path}:${stream}`;
};

/** The status if the path to a name does not exist. */
function pathStatus(code: VfsCode): NtStatus {
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return NtStatus.ObjectPathNotFound;
  return statusOf(code);
}
