import { type Access, type Identity, isCode, type OpenHow, type VfsCode } from '@ring3/vfs';
import type { HandleReference } from './messages.ts';
import type { StoreChild } from './store-child.ts';

/** How a handle is opened again in another process. */
export interface Origin {
  /** Names from the root, as they were requested or renamed to. */
  path: readonly string[];
  readonly how: Pick<OpenHow, 'kind' | 'follow'>;
  readonly who: Identity;
  /** The name of its stream, empty for a temporary one; undefined for the entry itself. */
  stream?: string;
  access: Access;
}

const reads: ReadonlySet<Access> = new Set(['read', 'readWrite']);
const writes: ReadonlySet<Access> = new Set(['write', 'readWrite']);

/** The access of both. */
export function together(a: Access, b: Access): Access {
  const [read, write] = [reads.has(a) || reads.has(b), writes.has(a) || writes.has(b)];
  return read ? (write ? 'readWrite' : 'read') : write ? 'write' : 'metadata';
}

/** Notes the new path of a renamed entry, and of those below it, or the new name of a stream. @param all the origins of all handles */
export function moved(origin: Origin, directory: Origin, name: string, all: Iterable<Origin>): void {
  if (origin.stream !== undefined) {
    origin.stream = name;
    return;
  }
  const former = origin.path;
  origin.path = [...directory.path, name];
  for (const other of all) {
    const { path } = other;
    if (other !== origin && path.length >= former.length && former.every((part, i) => path[i] === part))
      other.path = [...origin.path, ...path.slice(former.length)];
  }
}

/** A directory on the path of a handle that is opened again. */
const onPath: OpenHow = { access: 'metadata', kind: 'folder', disposition: 'open' };

/**
 * Opens a handle in another process, by its path.
 * @param fileId of the file that it was opened for
 * @returns its number; -1 if the path does not lead to that file now
 */
export async function reopen(child: StoreChild, { path, how, who, access, stream }: Origin, fileId: string): Promise<number> {
  if (stream === '') return -1;
  const entry: OpenHow = { ...how, access: stream === undefined ? access : 'metadata', disposition: 'open' };
  const passed: number[] = [];
  let at = await child.post<HandleReference | VfsCode>(0, 'root', [who]);
  for (const [i, name] of path.entries()) {
    if (isCode(at)) break;
    passed.push(at.handle);
    at = await child.post(0, 'open', [at.handle, name, i + 1 < path.length ? onPath : entry, who]);
  }
  if (!isCode(at) && stream !== undefined) {
    passed.push(at.handle);
    at = await child.post(at.handle, 'openStream', [stream, { access, disposition: 'open' }]);
  }
  if (!isCode(at) && at.fileId !== fileId) {
    passed.push(at.handle);
    at = 'ESTALE';
  }
  for (const number of passed) await child.post(number, 'close', []);
  return isCode(at) ? -1 : at.handle;
}
