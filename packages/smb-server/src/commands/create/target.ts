import { type Steps, wait } from '@ring3/kit';
import { CreateOptions } from '@ring3/smb-proto';
import { type Handle, isCode, type VfsCode } from '@ring3/vfs';
import { orClose } from '../../or-close.ts';
import { openFollowing } from '../../resolve.ts';
import type { CreatePlan } from './plan.ts';

/** What a name leads to: something that is there, or a place where something can be made. A stream's file comes along as its base. */
export type Target =
  | { readonly found: true; readonly handle: Handle; readonly base: Handle | undefined }
  | { readonly found: false; readonly code: VfsCode; readonly base: Handle | undefined };

/** Looks a path's last component up, and the stream of it. Handles are opened to look, not yet for data. */
export function* lookUp(plan: CreatePlan, parent: Handle): Steps<Target> {
  const entry = yield* lookUpEntry(plan, parent);
  const { stream } = plan.path;
  if (isCode(entry)) return { found: false, code: entry, base: undefined };
  if (stream === undefined) return { found: true, handle: entry, base: undefined };
  const opening = function* (): Steps<Handle | VfsCode | undefined> {
    return yield* wait(entry.openStream?.(stream, { access: 'metadata', disposition: 'open' }));
  };
  const handle = (yield* orClose(entry, opening())) ?? 'EOPNOTSUPP';
  return isCode(handle) ? { found: false, code: handle, base: entry } : { found: true, handle, base: entry };
}

function* lookUpEntry({ ctx, path, request, trail }: CreatePlan, parent: Handle): Steps<Handle | VfsCode> {
  const { tree } = ctx;
  const name = path.components.at(-1);
  if (name === undefined) return yield* wait(tree.vfs.root(tree.identity));
  if ((request.createOptions & CreateOptions.OpenReparsePoint) === 0) return yield* openFollowing(tree, parent, name, 'any', trail);
  const itself = { access: 'metadata', kind: 'any', disposition: 'open', follow: false } as const;
  return yield* wait(tree.vfs.open(parent, name, itself, tree.identity));
}

/** Lets go of what was looked up. */
export function* letGo(target: Target): Steps<void> {
  if (target.found) yield* wait(target.handle.close());
  if (target.base !== undefined) yield* wait(target.base.close());
}

/** A file that was opened or made, admitted by its state. */
export interface Made {
  readonly handle: Handle;
  readonly base: Handle | undefined;
  /** Granted access. */
  readonly granted: number;
  readonly action: 0 | 1 | 2 | 3;
  readonly openId: number;
}
