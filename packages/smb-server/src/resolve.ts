import { type Steps, wait } from '@ring3/kit';
import { NtStatus, type SecurityDescriptor } from '@ring3/smb-proto';
import { type Handle, isCode, type OpenHow, toWireName, type VfsCode } from '@ring3/vfs';
import { descriptorOf, unset } from './descriptors.ts';
import { orClose } from './or-close.ts';
import { statusOf } from './status-map.ts';
import type { Tree } from './tree.ts';

/** What is learned on the way to a folder. */
export interface Trail {
  /** The folders' names, as the store spells them. */
  readonly names: string[];
  /** The last folder's. */
  descriptor: SecurityDescriptor;
}

/** A trail that nobody has gone yet. */
export const newTrail = (): Trail => ({ names: [], descriptor: unset });

/**
 * The folder in which a path's last component lies, where the share does not veto what is on the way or that. The share's root is the tree's own handle and is
 * not to be closed.
 */
export function* openParent(tree: Tree, components: readonly string[], trail: Trail = newTrail()): Steps<Handle | NtStatus> {
  const { vetoed } = tree.share.names;
  let folder = tree.root as Handle;
  const refused = yield* learn(folder, trail);
  if (refused !== NtStatus.Success) return refused;
  for (let i = 0; i + 1 < components.length; i++) {
    const above = folder === tree.root ? undefined : folder;
    const name = components[i] as string;
    const next: Handle | VfsCode = vetoed?.(name) === true ? 'ENOENT' : yield* orClose(above, openDirectory(tree, folder, name, trail));
    yield* release(tree, folder);
    if (isCode(next)) return pathStatus(next);
    folder = next;
    trail.names.push(next.name);
    const status = yield* orClose(folder, learn(folder, trail));
    if (status === NtStatus.Success) continue;
    yield* release(tree, folder);
    return status;
  }
  const last = components.at(-1);
  if (vetoed === undefined || last === undefined || !vetoed(last)) return folder;
  yield* release(tree, folder);
  return NtStatus.ObjectNameNotFound;
}

/** Opens a directory on the way, through links. */
function* openDirectory(tree: Tree, folder: Handle, name: string, trail: Trail): Steps<Handle | VfsCode> {
  const itself = yield* wait(tree.vfs.open(folder, name, directory, tree.identity));
  return itself === 'ELOOP' ? yield* openTarget(tree, folder, name, 'folder', trail) : itself;
}
const directory: OpenHow = { access: 'metadata', kind: 'folder', disposition: 'open', follow: false };

/** A symbolic link that a name was followed through: operations on the name are on it, those on the data on its target. */
export interface NamedLink {
  readonly handle: Handle;
  /** Security descriptor of the directory that the link is in. */
  readonly parentDescriptor: SecurityDescriptor;
}
/** What a name leads to. */
export interface Named {
  /** The entry, or the target of the link. */
  readonly handle: Handle;
  readonly link: NamedLink | undefined;
}

/**
 * Opens an entry to look at it, through links.
 * @param lost whether a link is opened itself if its target cannot be reached: it does not exist, or is outside of the share
 */
export function* openNamed(tree: Tree, folder: Handle, name: string, trail: Trail, lost: boolean): Steps<Named | VfsCode> {
  const { descriptor: parentDescriptor } = trail;
  const itself = yield* wait(tree.vfs.open(folder, name, entry, tree.identity));
  if (isCode(itself)) return itself;
  if (itself.kind !== 'link') return { handle: itself, link: undefined };
  const target = yield* orClose(itself, openTarget(tree, folder, name, 'any', trail));
  if (!isCode(target)) return { handle: target, link: { handle: itself, parentDescriptor } };
  if (lost && unreachable.has(target)) return { handle: itself, link: undefined };
  yield* wait(itself.close());
  return target;
}
const entry: OpenHow = { access: 'metadata', kind: 'any', disposition: 'open', follow: false };
const unreachable: ReadonlySet<VfsCode> = new Set(['ENOENT', 'EACCES', 'ELOOP', 'ENOTDIR']);

/**
 * Opens the target of a link. It is in another directory: the trail then has that one's descriptor, if the store knows the path there, so that no link is a way
 * around a directory, or to what is vetoed.
 */
export function* openTarget(tree: Tree, folder: Handle, name: string, kind: 'folder' | 'any', trail: Trail): Steps<Handle | VfsCode> {
  const target = yield* wait(tree.vfs.open(folder, name, { access: 'metadata', kind, disposition: 'open' }, tree.identity));
  if (isCode(target)) return target;
  const code = yield* learnBehind(tree, target, trail);
  if (code === undefined) return target;
  yield* wait(target.close());
  return code;
}

function* learnBehind(tree: Tree, target: Handle, trail: Trail): Steps<VfsCode | undefined> {
  const path = yield* wait(target.path?.());
  if (path === undefined) return tree.share.names.vetoed === undefined ? undefined : 'EACCES'; // it may lead anywhere
  if (isCode(path)) return path;
  const real = newTrail();
  const parent = yield* openParent(tree, path, real);
  if (typeof parent === 'number') return notThere.has(parent) ? 'ENOENT' : 'EACCES';
  yield* release(tree, parent);
  trail.descriptor = real.descriptor;
  return undefined;
}

const notThere: ReadonlySet<NtStatus> = new Set([NtStatus.ObjectNameNotFound, NtStatus.ObjectPathNotFound]);

function* learn(folder: Handle, trail: Trail): Steps<NtStatus> {
  const descriptor = yield* descriptorOf(folder, trail.descriptor);
  if (isCode(descriptor)) return statusOf(descriptor);
  trail.descriptor = descriptor;
  return NtStatus.Success;
}

/** Lets go of a folder that `openParent` gave. */
export function* release(tree: Tree, folder: Handle): Steps<void> {
  if (folder !== tree.root) yield* wait(folder.close());
}

/** A path as it is shown: folders and the last name, as the store spells them, in wire spelling. */
export const shownPath = ({ names }: Trail, name: string, stream?: string): string => {
  const path = (name === '' ? names : [...names, name]).map(toWireName).join('\\');
  return stream === undefined ? path : `${path}:${stream}`;
};

/** What is told where the way to a name is not there. */
function pathStatus(code: VfsCode): NtStatus {
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return NtStatus.ObjectPathNotFound;
  return statusOf(code);
}
