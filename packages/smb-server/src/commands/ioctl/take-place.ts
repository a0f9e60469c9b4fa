import { type Steps, wait } from '@ring3/kit';
import { NtStatus } from '@ring3/smb-proto';
import { type Handle, isCode, type OpenHow } from '@ring3/vfs';
import { directoryChanged } from '../../objects/child-changes.ts';
import { openParent, release } from '../../objects/resolve.ts';
import { parsePath } from '../../values/paths.ts';
import { statusOf } from '../../values/status-map.ts';
import { handleOf, type IoctlContext } from './row.ts';

/**
 * Replaces the entry of the open by a new one, of which it is then an open. The store does it in one step. Fails while others have the file
 * open.
 */
export function* takePlace(ctx: IoctlContext, how: Pick<OpenHow, 'kind' | 'target'>): Steps<NtStatus> {
  const { open, tree } = ctx;
  const path = parsePath(open.pathName);
  if (typeof path === 'number') return path;
  const name = path.components.at(-1);
  if (name === undefined || open.base !== undefined) return NtStatus.InvalidParameter;
  const { opens } = yield* wait(tree.fileState.submit(handleOf(ctx).fileId, { kind: 'query' }));
  if (opens > 1) return NtStatus.SharingViolation;
  const parent = yield* openParent(tree, path.components);
  if (typeof parent === 'number') return parent;
  try {
    return yield* replace(ctx, parent, name, how);
  } finally {
    yield* release(tree, parent);
  }
}

function* replace(ctx: IoctlContext, parent: Handle, name: string, how: Pick<OpenHow, 'kind' | 'target'>): Steps<NtStatus> {
  const { tree } = ctx;
  const old = handleOf(ctx);
  const replacing: OpenHow = { ...how, access: 'metadata', disposition: 'create', replaces: old.fileId };
  const made = yield* wait(tree.vfs.open(parent, name, replacing, tree.identity));
  if (isCode(made)) return statusOf(made);
  yield* enter(ctx, old, made);
  ctx.open.changed(0);
  directoryChanged(ctx.server, tree.fileState, parent.fileId, ctx.open.parentLease);
  return NtStatus.Success;
}

/** Moves the open from the state of the old file to that of the new one. */
function* enter({ tree, open, server }: IoctlContext, old: Handle, made: Handle): Steps<void> {
  const entry = yield* wait(tree.fileState.submit(old.fileId, { kind: 'takeOut', openId: open.volatileFileId }));
  if (entry !== undefined) yield* wait(tree.fileState.submit(made.fileId, { ...entry, name: server.nameIds.of(made) }));
  open.become(made);
  if (open.lease !== undefined) server.leases.bind(open.lease, tree.fileState, made.fileId, made.kind === 'folder');
  yield* wait(open.server.persistence.save(open));
  yield* wait(old.close());
}
