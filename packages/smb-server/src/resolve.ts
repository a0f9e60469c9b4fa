import { type Steps, wait } from '@ring3/kit';
import { NtStatus, type SecurityDescriptor } from '@ring3/smb-proto';
import { type Handle, isCode, type OpenHow, toWireName, type VfsCode } from '@ring3/vfs';
import { descriptorOf, unset } from './descriptors.ts';
import { statusOf } from './status-map.ts';
import type { Tree } from './tree.ts';

const look: OpenHow = { access: 'metadata', kind: 'folder', disposition: 'open' };

/** What is learned on the way to a folder. */
export interface Trail {
  /** The folders' names, as the store spells them. */
  readonly names: string[];
  /** The last folder's. */
  descriptor: SecurityDescriptor;
}

/** A trail that nobody has gone yet. */
export const newTrail = (): Trail => ({ names: [], descriptor: unset });

/** The folder in which a path's last component lies. The share's root is the tree's own handle and is not to be closed. */
export function* openParent(tree: Tree, components: readonly string[], trail: Trail = newTrail()): Steps<Handle | NtStatus> {
  let folder = tree.root as Handle;
  const refused = yield* learn(folder, trail);
  if (refused !== NtStatus.Success) return refused;
  for (let i = 0; i + 1 < components.length; i++) {
    const next: Handle | VfsCode = yield* wait(tree.vfs.open(folder, components[i] as string, look, tree.session.identity));
    yield* release(tree, folder);
    if (isCode(next)) return pathStatus(next);
    folder = next;
    trail.names.push(next.name);
    const status = yield* learn(folder, trail);
    if (status === NtStatus.Success) continue;
    yield* release(tree, folder);
    return status;
  }
  return folder;
}

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
