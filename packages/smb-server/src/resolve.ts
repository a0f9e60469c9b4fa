import { type Steps, wait } from '@ring3/kit';
import { NtStatus } from '@ring3/smb-proto';
import { type Handle, isCode, type OpenHow, toWireName, type VfsCode } from '@ring3/vfs';
import { statusOf } from './status-map.ts';
import type { Tree } from './tree.ts';

const look: OpenHow = { access: 'metadata', kind: 'folder', disposition: 'open' };

/**
 * The folder in which a path's last component lies. The share's root is the tree's own handle and is not to be closed.
 * @param trail takes the folders' names on the way, as the store spells them
 */
export function* openParent(tree: Tree, components: readonly string[], trail: string[] = []): Steps<Handle | NtStatus> {
  let folder = tree.root as Handle;
  for (let i = 0; i + 1 < components.length; i++) {
    const next: Handle | VfsCode = yield* wait(tree.vfs.open(folder, components[i] as string, look, tree.session.identity));
    yield* release(tree, folder);
    if (isCode(next)) return pathStatus(next);
    folder = next;
    trail.push(next.name);
  }
  return folder;
}

/** Lets go of a folder that `openParent` gave. */
export function* release(tree: Tree, folder: Handle): Steps<void> {
  if (folder !== tree.root) yield* wait(folder.close());
}

/** A path as it is shown: folders and the last name, as the store spells them, in wire spelling. */
export const shownPath = (trail: readonly string[], name: string, stream?: string): string => {
  const path = (name === '' ? trail : [...trail, name]).map(toWireName).join('\\');
  return stream === undefined ? path : `${path}:${stream}`;
};

/** What is told where the way to a name is not there. */
function pathStatus(code: VfsCode): NtStatus {
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return NtStatus.ObjectPathNotFound;
  return statusOf(code);
}
